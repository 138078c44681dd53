/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Each power of two is cut into this many buckets: values are kept to 0.8 %. */
#define SONDECTL_HISTOGRAM_SUB_BITS 7
#define SONDECTL_HISTOGRAM_N_BUCKETS \
  ((64 - SONDECTL_HISTOGRAM_SUB_BITS + 1) << SONDECTL_HISTOGRAM_SUB_BITS)

/* How often each value occurred, nearly. */
typedef struct
{
  guint64 counts[SONDECTL_HISTOGRAM_N_BUCKETS];
  guint64 n_values;
  guint64 max;
} SondectlHistogram;

void    sondectl_histogram_add (SondectlHistogram *self,
                                guint64            value);
void    sondectl_histogram_correct (SondectlHistogram       *self,
                                    const SondectlHistogram *measured,
                                    guint64                  interval);
guint64 sondectl_histogram_get_percentile (const SondectlHistogram *self,
                                           double                   percentile);

G_END_DECLS
