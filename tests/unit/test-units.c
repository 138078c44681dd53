/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <libsonde/sonde-units-private.h>

#define MS G_GUINT64_CONSTANT (1000)
#define S (1000 * MS)
#define MIN_ (60 * S)
#define H (60 * MIN_)
#define D (24 * H)
#define W (7 * D)

/* What must be untouched where nothing can be read. */
#define UNTOUCHED G_GUINT64_CONSTANT (4711)

static const struct
{
  const char *text;
  guint64     usec;
} times[] = {
  { "0", 0 },
  { "1", S },
  { "7", 7 * S },
  { "  7", 7 * S },
  { "7 \t", 7 * S },
  { "0s", 0 },
  { "1us", 1 },
  { "1usec", 1 },
  { "1µs", 1 },
  { "250ms", 250 * MS },
  { "250 msec", 250 * MS },
  { "3s", 3 * S },
  { "3sec", 3 * S },
  { "3 second", 3 * S },
  { "3seconds", 3 * S },
  { "2m", 2 * MIN_ },
  { "2min", 2 * MIN_ },
  { "2 minute", 2 * MIN_ },
  { "30 minutes", 30 * MIN_ },
  { "1h", H },
  { "1hr", H },
  { "1hour", H },
  { "5 hours", 5 * H },
  { "1d", D },
  { "1day", D },
  { "2days", 2 * D },
  { "1w", W },
  { "1week", W },
  { "3 weeks", 3 * W },
  { "1h 30min", H + 30 * MIN_ },
  { "1h30min", H + 30 * MIN_ },
  { "1d\t2h 3min 4s 5ms 6us", D + 2 * H + 3 * MIN_ + 4 * S + 5 * MS + 6 },
  { "30min 1h", H + 30 * MIN_ },
  { "1.5s", 1500 * MS },
  { "0.25h", 15 * MIN_ },
  { "1.5", 1500 * MS },
  { "0.000001s", 1 },
  { "0.0000019s", 1 },
  { "1.9us", 1 },
  { "00012s", 12 * S },
  { "18446744073709551614us", G_MAXUINT64 - 1 },
};

static const char *const bad_times[] = {
  "", " ", "s", "ms", "-1", "+1", "-1s", "1.", "1.s", ".5s", "1..5s", "1.5.5s", "1,5s",
  "1x", "1 S", "1MIN", "1 minz", "0x10", "1s x", "x 1s", "1s-", "1e3", "inf", "infinity",
  "18446744073709551615us", "18446744073709551616us", "99999999999999999999999",
  "18446744073710s", "18446744073709s 1s", "30500569w", "1\xc2", "1\xc2\xb5"
};

static const struct
{
  const char *text;
  guint64     size;
} sizes[] = {
  { "0", 0 },
  { "65536", 65536 },
  { " 65536 ", 65536 },
  { "1K", 1024 },
  { "64K", 65536 },
  { "64 K", 65536 },
  { "1.5K", 1536 },
  { "0.5M", 512 * 1024 },
  { "3M", 3 * 1024 * 1024 },
  { "2G", G_GUINT64_CONSTANT (2) << 30 },
  { "1T", G_GUINT64_CONSTANT (1) << 40 },
  { "16777215T", G_GUINT64_CONSTANT (16777215) << 40 },
  { "18446744073709551614", G_MAXUINT64 - 1 },
};

static const char *const bad_sizes[] = {
  "", " ", "K", "-1", "+1", "1k", "1KB", "1Ki", "1 K K", "1K 1", "1K1K", "1.", ".5K", "0x1",
  "1P", "16777216T", "18446744073709551615", "18446744073709551616", "yes", "1s"
};

static const struct
{
  guint64     usec;
  const char *text;
} formatted[] = {
  { 0, "0" },
  { 1, "1us" },
  { 999, "999us" },
  { 1000, "1ms" },
  { 250 * MS, "250ms" },
  { 1500 * MS, "1s 500ms" },
  { 60 * S, "1min" },
  { 1800 * S, "30min" },
  { 90 * MIN_, "1h 30min" },
  { 7200 * S, "2h" },
  { 32767 * S, "9h 6min 7s" },
  { D - 1, "23h 59min 59s 999ms 999us" },
  { 8 * D, "1w 1d" },
};

static void
test_times (void)
{
  g_test_summary ("A time is a sum of numbers, each with a unit or counted in the default one.");

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    {
      guint64 usec = UNTOUCHED;

      g_test_message ("\"%s\"", times[i].text);
      g_assert_true (sonde_units_parse_time (times[i].text, S, &usec));
      g_assert_cmpuint (usec, ==, times[i].usec);
    }
}

static void
test_default_unit (void)
{
  guint64 usec = UNTOUCHED;

  g_test_summary ("The default unit counts for a bare number and for nothing else.");

  g_assert_true (sonde_units_parse_time ("1500", 1, &usec));
  g_assert_cmpuint (usec, ==, 1500);
  g_assert_true (sonde_units_parse_time ("1500s", 1, &usec));
  g_assert_cmpuint (usec, ==, 1500 * S);
  g_assert_true (sonde_units_parse_time ("1s 500", 1, &usec));
  g_assert_cmpuint (usec, ==, S + 500);
}

static void
test_bad_times (void)
{
  g_test_summary ("What is no time, or more than 64 bits of one, is refused and changes nothing.");

  for (gsize i = 0; i < G_N_ELEMENTS (bad_times); i++)
    {
      guint64          usec = UNTOUCHED;
      g_autofree char *shown = g_strescape (bad_times[i], NULL);

      g_test_message ("\"%s\"", shown);
      g_assert_false (sonde_units_parse_time (bad_times[i], S, &usec));
      g_assert_cmpuint (usec, ==, UNTOUCHED);
    }
}

static void
test_sizes (void)
{
  g_test_summary ("A size is one number; K, M, G and T are powers of 1024.");

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      guint64 size = UNTOUCHED;

      g_test_message ("\"%s\"", sizes[i].text);
      g_assert_true (sonde_units_parse_size (sizes[i].text, &size));
      g_assert_cmpuint (size, ==, sizes[i].size);
    }
}

static void
test_bad_sizes (void)
{
  g_test_summary ("What is no size, or more than 64 bits of one, is refused.");

  for (gsize i = 0; i < G_N_ELEMENTS (bad_sizes); i++)
    {
      guint64 size = UNTOUCHED;

      g_test_message ("\"%s\"", bad_sizes[i]);
      g_assert_false (sonde_units_parse_size (bad_sizes[i], &size));
    }
}

static void
test_format (void)
{
  g_test_summary ("A time is written in the greatest units that say it exactly.");

  for (gsize i = 0; i < G_N_ELEMENTS (formatted); i++)
    {
      g_autofree char *text = sonde_units_format_time (formatted[i].usec);

      g_assert_cmpstr (text, ==, formatted[i].text);
    }
}

static void
assert_round_trip (guint64 usec)
{
  g_autofree char *text = sonde_units_format_time (usec);
  guint64          again = UNTOUCHED;

  g_test_message ("%" G_GUINT64_FORMAT " = \"%s\"", usec, text);
  g_assert_true (sonde_units_parse_time (text, S, &again));
  g_assert_cmpuint (again, ==, usec);
}

static void
test_round_trip (void)
{
  g_test_summary ("Every time that is written is read back as the same one.");

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    assert_round_trip (times[i].usec);
  for (guint shift = 0; shift < 64; shift++)
    {
      assert_round_trip (G_GUINT64_CONSTANT (1) << shift);
      assert_round_trip ((G_GUINT64_CONSTANT (1) << shift) - 1);
    }
  for (guint i = 0; i < 1000; i++)
    {
      const guint64 high = (guint32) g_test_rand_int ();

      assert_round_trip ((high << 32) | (guint32) g_test_rand_int ());
    }
  assert_round_trip (G_MAXUINT64);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/units/times", test_times);
  g_test_add_func ("/units/default-unit", test_default_unit);
  g_test_add_func ("/units/bad-times", test_bad_times);
  g_test_add_func ("/units/sizes", test_sizes);
  g_test_add_func ("/units/bad-sizes", test_bad_sizes);
  g_test_add_func ("/units/format", test_format);
  g_test_add_func ("/units/round-trip", test_round_trip);

  return g_test_run ();
}
