/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sonde-mode.h"
#include "sonde-wait-private.h"

G_BEGIN_DECLS

/* Told now and then how much of the answer is there. */
typedef void (*SondeProgressFunc) (guint64  n_received,
                                   guint64  n_expected,
                                   gpointer user_data);

typedef struct
{
  GPtrArray        *messages; /* (unowned) (element-type GBytes) */
  guint             count;    /* how many times they are sent */
  const char       *target;   /* (unowned), host and port for messages */
  SondeMode         mode;
  guint             read_size;
  guint64           timeout_usec;  /* 0: none */
  SondeProgressFunc progress;      /* (nullable) */
  gpointer          progress_data; /* (unowned) */
} SondeExchangeOptions;

typedef struct
{
  guint64 n_sent;
  guint64 n_received;
  guint64 first_byte_usec;
  guint64 round_trip_usec;
} SondeExchangeResult;

gboolean sonde_exchange_run (const SondeExchangeOptions *options,
                             int                         fd,
                             SondeWait                  *wait,
                             SondeExchangeResult        *result,
                             GError                    **error);

G_END_DECLS
