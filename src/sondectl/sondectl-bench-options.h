/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"
#include "sondectl-target.h"

G_BEGIN_DECLS

#define SONDECTL_BENCH_N_NUMBERS 6

/* How to load, as the command line tells. */
typedef struct
{
  gboolean  upper;
  char     *plot;                            /* (owned) (nullable): a file */
  char     *texts[SONDECTL_BENCH_N_NUMBERS]; /* (owned) (nullable): not given */
  SondeMode mode;                            /* of a host; a server tells its own */
  guint     n_connections;
  guint64   rate;
  guint64   duration_usec;
  guint64   size;
  guint64   connect_timeout_usec;
  guint64   io_timeout_usec;
} SondectlBenchOptions;

gboolean sondectl_bench_options_parse (SondectlBenchOptions *self,
                                       SondectlContext      *context,
                                       int                  *argc,
                                       char               ***argv);
void     sondectl_bench_options_clear (SondectlBenchOptions *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondectlBenchOptions, sondectl_bench_options_clear)

G_END_DECLS
