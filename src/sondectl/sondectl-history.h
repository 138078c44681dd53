/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SONDECTL_HISTORY_MAX 512

/* The latest values of something, as many as a line of a screen may show. */
typedef struct
{
  double values[SONDECTL_HISTORY_MAX];
  guint  n_values;
  guint  next;
} SondectlHistory;

void   sondectl_history_add (SondectlHistory *self,
                             double           value);
double sondectl_history_get (const SondectlHistory *self,
                             guint                  age);
double sondectl_history_get_max (const SondectlHistory *self,
                                 guint                  n_values);

G_END_DECLS
