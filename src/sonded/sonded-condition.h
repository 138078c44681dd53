/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

G_BEGIN_DECLS

/* The counters that can be waited for. */
#define SONDED_N_COUNTERS 4

/* What somebody waits for: all of it at the same time. */
typedef struct
{
  struct
  {
    gboolean is_set;
    guint64  value;
  } wanted[SONDED_N_COUNTERS];
} SondedCondition;

gboolean sonded_condition_parse (SondedCondition *self,
                                 GVariant        *condition,
                                 GError         **error);
char    *sonded_condition_to_string (const SondedCondition *self);
gboolean sonded_condition_is_met (const SondedCondition *self,
                                  const guint64         *now);
gboolean sonded_condition_asks (const SondedCondition *self,
                                gsize                  counter,
                                guint64                now);

gboolean  sonded_condition_is_exact (gsize counter);
guint64   sonded_condition_read (SondeServer *server,
                                 gsize        counter);
GVariant *sonded_condition_read_all (SondeServer *server,
                                     guint64     *now);

G_END_DECLS
