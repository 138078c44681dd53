/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Counts values in buckets whose width grows with the value. */

#include "load-histogram.h"

#include <string.h>

#define N_SUB (1u << LOAD_SUB_BITS)

static unsigned
get_bucket (uint64_t value)
{
  unsigned shift;

  if (value < N_SUB)
    return (unsigned) value;

  shift = 63u - (unsigned) __builtin_clzll (value) - LOAD_SUB_BITS;

  return ((shift + 1) << LOAD_SUB_BITS) + (unsigned) ((value >> shift) & (N_SUB - 1));
}

/* The greatest value in a bucket. */
static uint64_t
get_top (unsigned bucket)
{
  const unsigned shift = bucket >> LOAD_SUB_BITS;
  const uint64_t sub = bucket & (N_SUB - 1);

  return shift == 0 ? sub : ((N_SUB + sub + 1) << (shift - 1)) - 1;
}

/*
 * load_histogram_clear:
 * @self: a histogram
 *
 * Forgets all values.
 */
void
load_histogram_clear (LoadHistogram *self)
{
  memset (self, 0, sizeof *self);
}

/*
 * load_histogram_add:
 * @self: a histogram
 * @value: a value
 *
 * Counts a value.
 */
void
load_histogram_add (LoadHistogram *self,
                    uint64_t       value)
{
  self->counts[get_bucket (value)]++;
  self->n_values++;
  if (value > self->max)
    self->max = value;
}

/*
 * load_histogram_get_percentile:
 * @self: a histogram
 * @percentile: from 0 to 100
 *
 * Gets the value that so many in a hundred do not exceed.
 */
uint64_t
load_histogram_get_percentile (const LoadHistogram *self,
                               double               percentile)
{
  const double wanted = (double) self->n_values * percentile / 100;
  uint64_t     n = 0;

  for (unsigned i = 0; i < LOAD_N_BUCKETS; i++)
    {
      n += self->counts[i];
      if (n > 0 && (double) n >= wanted)
        return get_top (i) < self->max ? get_top (i) : self->max;
    }

  return self->max;
}
