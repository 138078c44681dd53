/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <sondectl/sondectl-histogram.h>

static SondectlHistogram *
make_histogram (void)
{
  return g_new0 (SondectlHistogram, 1);
}

static void
assert_near (guint64 value,
             guint64 expected)
{
  g_assert_cmpuint (value, >=, expected);
  g_assert_cmpuint (value, <=, expected + expected / 128);
}

static void
test_exact (void)
{
  g_autofree SondectlHistogram *histogram = make_histogram ();

  g_test_summary ("Small values are exact, and percentiles are those of a sorted list.");

  for (guint64 value = 100; value > 0; value--)
    sondectl_histogram_add (histogram, value);

  for (guint percentile = 1; percentile <= 100; percentile++)
    g_assert_cmpuint (sondectl_histogram_get_percentile (histogram, percentile), ==, percentile);
  g_assert_cmpuint (sondectl_histogram_get_percentile (histogram, 0), ==, 1);
  g_assert_cmpuint (sondectl_histogram_get_percentile (histogram, 99.9), ==, 100);
}

static void
test_precision (void)
{
  g_test_summary ("Any value is kept to a part in 128, and the greatest one exactly.");

  for (guint64 value = 1; value < G_MAXUINT64 / 3; value = value * 3 + 1)
    {
      g_autofree SondectlHistogram *histogram = make_histogram ();

      sondectl_histogram_add (histogram, value);
      sondectl_histogram_add (histogram, G_MAXUINT64);
      assert_near (sondectl_histogram_get_percentile (histogram, 50), value);
      g_assert_cmpuint (sondectl_histogram_get_percentile (histogram, 100), ==, G_MAXUINT64);
    }
}

static void
test_empty (void)
{
  g_autofree SondectlHistogram *histogram = make_histogram ();
  g_autofree SondectlHistogram *corrected = make_histogram ();

  g_test_summary ("Without a value every percentile is 0, corrected or not.");

  sondectl_histogram_correct (corrected, histogram, 0);
  g_assert_cmpuint (sondectl_histogram_get_percentile (histogram, 50), ==, 0);
  g_assert_cmpuint (sondectl_histogram_get_percentile (corrected, 100), ==, 0);
}

static void
test_correct (void)
{
  g_autofree SondectlHistogram *measured = make_histogram ();
  g_autofree SondectlHistogram *corrected = make_histogram ();

  g_test_summary ("A stall adds the questions that were not asked meanwhile, and nothing else.");

  /* 100 questions that took 1 each and one that took 100: meanwhile 99 were not asked. */
  for (guint i = 0; i < 100; i++)
    sondectl_histogram_add (measured, 1);
  sondectl_histogram_add (measured, 100);
  sondectl_histogram_correct (corrected, measured, 1);

  g_assert_cmpuint (measured->n_values, ==, 101);
  g_assert_cmpuint (sondectl_histogram_get_percentile (measured, 99), ==, 1);
  g_assert_cmpuint (corrected->n_values, ==, 200);
  g_assert_cmpuint (sondectl_histogram_get_percentile (corrected, 75), ==, 50);
  g_assert_cmpuint (sondectl_histogram_get_percentile (corrected, 100), ==, 100);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/histogram/exact", test_exact);
  g_test_add_func ("/histogram/precision", test_precision);
  g_test_add_func ("/histogram/empty", test_empty);
  g_test_add_func ("/histogram/correct", test_correct);

  return g_test_run ();
}
