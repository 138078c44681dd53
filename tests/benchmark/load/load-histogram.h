/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <stdint.h>

/* Each power of two is cut in this many buckets: values are kept to 1.6 %. */
#define LOAD_SUB_BITS 6
#define LOAD_N_BUCKETS ((64 - LOAD_SUB_BITS + 1) << LOAD_SUB_BITS)

typedef struct
{
  uint64_t counts[LOAD_N_BUCKETS];
  uint64_t n_values;
  uint64_t max;
} LoadHistogram;

void     load_histogram_clear (LoadHistogram *self);
void     load_histogram_add (LoadHistogram *self,
                             uint64_t       value);
uint64_t load_histogram_get_percentile (const LoadHistogram *self,
                                        double               percentile);
