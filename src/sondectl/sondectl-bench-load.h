/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sondectl-histogram.h"

G_BEGIN_DECLS

typedef struct
{
  GSocketAddress *address; /* (unowned) */
  guint           n_connections;
  guint64         rate; /* requests per second, 0: closed loop */
  guint64         duration_usec;
  gsize           size;
  gboolean        is_upper;
  guint64         connect_timeout_usec; /* 0: none */
  guint64         io_timeout_usec;      /* 0: none */
} SondectlLoadOptions;

/* What a load brought; times are in nanoseconds. */
typedef struct
{
  SondectlHistogram measured;  /* from sending until the last byte of the answer */
  SondectlHistogram corrected; /* the same from when it should have been sent */
  guint64           n_answered;
  guint64           n_unanswered; /* due, but not answered before the end */
  guint64           duration_usec;
} SondectlLoadResult;

gboolean sondectl_load_run (const SondectlLoadOptions *options,
                            SondectlLoadResult        *result,
                            GError                   **error);

G_END_DECLS
