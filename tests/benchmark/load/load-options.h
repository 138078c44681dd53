/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the command line asks for. */
typedef struct
{
  const char *mode;
  int         port;
  unsigned    n_connections;
  size_t      size;    /* bytes of a message */
  double      seconds; /* 0: until standard input is closed */
  double      warm_up; /* seconds that are not measured */
  uint64_t    count;   /* connections to make, in mode connect */
  pid_t       server;  /* whose CPU time is measured too, or 0 */
  int         cpu;     /* the one to run on, or -1 for any */
  bool        is_upper;
} LoadOptions;

LoadOptions load_options_parse (int    argc,
                                char **argv);
