/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The exit statuses of sondectl. They are documented in its help and do not change. */
typedef enum
{
  SONDECTL_EXIT_OK = 0,
  SONDECTL_EXIT_FAILED = 1,
  SONDECTL_EXIT_USAGE = 2,
  SONDECTL_EXIT_NO_SERVER = 3,
  SONDECTL_EXIT_NOT_AUTHORIZED = 4,
  SONDECTL_EXIT_NO_DAEMON = 5,
  SONDECTL_EXIT_CONNECT_TIMEOUT = 10,
  SONDECTL_EXIT_REFUSED = 11,
  SONDECTL_EXIT_UNREACHABLE = 12,
  SONDECTL_EXIT_RESOLUTION = 13,
  SONDECTL_EXIT_CLOSED_EARLY = 14,
  SONDECTL_EXIT_RESET = 15,
  SONDECTL_EXIT_MISMATCH = 16,
  SONDECTL_EXIT_IO_TIMEOUT = 17,
} SondectlExit;

SondectlExit sondectl_exit_from_error (const GError *error);
SondectlExit sondectl_exit_with_error (const char *what,
                                       GError     *error);
const char  *sondectl_exit_get_name (SondectlExit status);
void         sondectl_exit_append_help (GString *help);

G_END_DECLS
