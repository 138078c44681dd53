/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-settings-private.h"

#include <stdatomic.h>

G_BEGIN_DECLS

/* What the settings mean to a connection, as plain numbers that the owner of
 * the server writes and every worker reads at each event. So a setting that
 * is changed while bytes flow takes effect with the next read, and no worker
 * is ever asked to stop for it. */
typedef struct
{
  _Atomic guint32 mode;
  _Atomic guint32 read_size;
  _Atomic guint32 line_max;
  _Atomic guint32 max_threads;
  _Atomic gint32  quick_ack; /* -1: left to the kernel */
  _Atomic gint32  no_delay;
  /* Whether SO_LINGER was ever asked for; a connection may have it still. */
  _Atomic gint32  linger;
  _Atomic gint32  log_content;
  _Atomic gint32  debug; /* whether anybody reads the debug log */
  _Atomic guint64 idle_timeout_usec;
  _Atomic guint64 stall_timeout_usec;
  _Atomic guint64 runtime_max_usec;
  _Atomic guint64 close_timeout_usec;
  _Atomic guint64 unsent_max;
  _Atomic guint64 unsent; /* bytes that the connections hold, all together */
} SondeRules;

#define sonde_rules_get(self, field) atomic_load_explicit (&(self)->field, memory_order_relaxed)

void     sonde_rules_set (SondeRules    *self,
                          SondeSettings *settings);
gboolean sonde_rules_reserve (SondeRules *self,
                              gsize       bytes);
void     sonde_rules_take (SondeRules *self, gsize bytes);
void     sonde_rules_release (SondeRules *self,
                              gsize       bytes);

G_END_DECLS
