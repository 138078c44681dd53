/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Values are counted in buckets whose width grows with the value, as in HdrHistogram:
 * adding one costs the same whatever it is, and a percentile is right to a part in 128. */

#include "config.h"

#include "sondectl-histogram.h"

#define N_SUB (1u << SONDECTL_HISTOGRAM_SUB_BITS)

static guint
get_bucket (guint64 value)
{
  guint shift;

  if (value < N_SUB)
    return (guint) value;

  shift = g_bit_storage (value) - 1 - SONDECTL_HISTOGRAM_SUB_BITS;

  return ((shift + 1) << SONDECTL_HISTOGRAM_SUB_BITS) + (guint) ((value >> shift) & (N_SUB - 1));
}

/* The greatest value in a bucket. */
static guint64
get_top (guint bucket)
{
  const guint   shift = bucket >> SONDECTL_HISTOGRAM_SUB_BITS;
  const guint64 sub = bucket & (N_SUB - 1);

  return shift == 0 ? sub : ((N_SUB + sub + 1) << (shift - 1)) - 1;
}

static void
add_many (SondectlHistogram *self,
          guint64            value,
          guint64            count)
{
  self->counts[get_bucket (value)] += count;
  self->n_values += count;
  self->max = MAX (self->max, value);
}

/*
 * sondectl_histogram_add:
 * @self: a histogram
 * @value: a value
 *
 * Counts a value.
 */
void
sondectl_histogram_add (SondectlHistogram *self,
                        guint64            value)
{
  add_many (self, value, 1);
}

/*
 * sondectl_histogram_correct:
 * @self: (out caller-allocates): a histogram of all zeros
 * @measured: the times that were measured
 * @interval: how often something would have been asked if nothing had been slow
 *
 * Corrects times for coordinated omission: whoever waits for a slow answer before it asks
 * again leaves out the questions that it would have asked meanwhile, and just those
 * would have been slow too. They are added, as HdrHistogram does: for each time the same
 * less one interval, less two, and so on.
 */
void
sondectl_histogram_correct (SondectlHistogram       *self,
                            const SondectlHistogram *measured,
                            guint64                  interval)
{
  for (guint i = 0; i < SONDECTL_HISTOGRAM_N_BUCKETS; i++)
    {
      const guint64 count = measured->counts[i];
      guint64       value = MIN (get_top (i), measured->max);

      if (count == 0)
        continue;

      add_many (self, value, count);
      for (; interval > 0 && value >= 2 * interval; value -= interval)
        add_many (self, value - interval, count);
    }
}

/*
 * sondectl_histogram_get_percentile:
 * @self: a histogram
 * @percentile: from 0 to 100
 *
 * Gets the value that so many in a hundred do not exceed.
 */
guint64
sondectl_histogram_get_percentile (const SondectlHistogram *self,
                                   double                   percentile)
{
  const double wanted = (double) self->n_values * percentile / 100;
  guint64      n = 0;

  for (guint i = 0; i < SONDECTL_HISTOGRAM_N_BUCKETS; i++)
    {
      n += self->counts[i];
      if (n > 0 && (double) n >= wanted)
        return MIN (get_top (i), self->max);
    }

  return self->max;
}
