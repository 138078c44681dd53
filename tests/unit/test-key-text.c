/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <string.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-key-private.h>
#include <libsonde/sonde-mode.h>

static const SondeKey flag = { "Flag", "flag", "A flag", SONDE_KEY_BOOLEAN };
static const SondeKey count = { "Count", "count", "A count", SONDE_KEY_COUNT, 1, G_MAXINT32, TRUE };
static const SondeKey size = { "Size", "size", "Bytes", SONDE_KEY_SIZE, 1, G_MAXINT32, TRUE };
static const SondeKey delay = { "DelayUSec", "delay-usec", "A time", SONDE_KEY_TIME,
                                1000, SONDE_KEY_TIME_MAX, TRUE };
static const SondeKey word = { "Word", "word", "A name", SONDE_KEY_STRING, 0, 15 };
static const SondeKey mode = { "Mode", "mode", "An enum", SONDE_KEY_ENUM,
                               .enum_type = sonde_mode_get_type };
static const SondeKey places = { "Places", "places", "Addresses", SONDE_KEY_ADDRESSES };

/* What somebody writes, the value that it is, and how Sonde writes that. */
static const struct
{
  const SondeKey *key;
  const char     *name;
  const char     *text;
  const char     *value;
  const char     *again;
} good[] = {
  { &flag, "Flag", "yes", "true", "yes" },
  { &flag, "Flag", "YES", "true", "yes" },
  { &flag, "Flag", "true", "true", "yes" },
  { &flag, "Flag", "on", "true", "yes" },
  { &flag, "Flag", "1", "true", "yes" },
  { &flag, "Flag", "y", "true", "yes" },
  { &flag, "Flag", "t", "true", "yes" },
  { &flag, "Flag", "no", "false", "no" },
  { &flag, "Flag", "False", "false", "no" },
  { &flag, "Flag", "off", "false", "no" },
  { &flag, "Flag", "0", "false", "no" },
  { &flag, "Flag", "n", "false", "no" },
  { &flag, "Flag", "f", "false", "no" },
  { &count, "Count", "0", "uint32 0", "0" },
  { &count, "Count", "100", "uint32 100", "100" },
  { &count, "Count", "2147483647", "uint32 2147483647", "2147483647" },
  { &size, "Size", "65536", "uint64 65536", "65536" },
  { &size, "Size", "64K", "uint64 65536", "65536" },
  { &size, "Size", "1.5M", "uint64 1572864", "1572864" },
  { &delay, "DelayUSec", "1000", "uint64 1000", "1ms" },
  { &delay, "DelaySec", "1000", "uint64 1000000000", "16min 40s" },
  { &delay, "DelaySec", "0.25", "uint64 250000", "250ms" },
  { &delay, "DelaySec", "30min", "uint64 1800000000", "30min" },
  { &delay, "DelayUSec", "30min", "uint64 1800000000", "30min" },
  { &delay, "DelaySec", "0", "uint64 0", "0" },
  { &word, "Word", "reno", "'reno'", "reno" },
  { &word, "Word", "", "''", "" },
  { &mode, "Mode", "upper-once", "'upper-once'", "upper-once" },
  { &places, "Places", "", "@as []", "" },
  { &places, "Places", "127.0.0.1:1", "['127.0.0.1:1']", "127.0.0.1:1" },
  { &places, "Places", " 127.0.0.1:1 ; [::1]:2;", "['127.0.0.1:1', '[::1]:2']",
    "127.0.0.1:1;[::1]:2" },
  { &places, "Places", ";;:0;", "[':0']", ":0" },
};

static const struct
{
  const SondeKey *key;
  const char     *text;
} bad[] = {
  { &flag, "" },
  { &flag, "2" },
  { &flag, "yess" },
  { &flag, " yes" },
  { &flag, "\xff" },
  { &count, "" },
  { &count, "-1" },
  { &count, "+1" },
  { &count, "1K" },
  { &count, "0x10" },
  { &count, " 1" },
  { &count, "2147483648" },
  { &count, "18446744073709551616" },
  { &size, "1k" },
  { &size, "2G" },
  { &size, "-1" },
  { &delay, "1us" },
  { &delay, "999us" },
  { &delay, "soon" },
  { &delay, "2147483648s" },
  { &word, "two words" },
  { &word, "more_than_fifteen" },
  { &word, "\xff" },
  { &mode, "ECHO" },
  { &mode, "\xff" },
  { &mode, "" },
};

static void
test_parse (void)
{
  g_test_summary ("Text is read into a value of the key's type.");

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) expected = g_variant_parse (NULL, good[i].value, NULL, NULL, NULL);
      g_autoptr (GVariant) value = NULL;

      value = sonde_key_parse (good[i].key, good[i].name, good[i].text, &error);
      g_assert_no_error (error);
      g_assert_false (g_variant_is_floating (value));
      g_assert_cmpvariant (value, expected);
    }
}

static void
test_format (void)
{
  g_test_summary ("A value is written in one way, which is read as the same value again.");

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GVariant) value = NULL;
      g_autoptr (GVariant) again = NULL;
      g_autofree char *text = NULL;

      value = sonde_key_parse (good[i].key, good[i].name, good[i].text, NULL);
      text = sonde_key_format (good[i].key, value);
      g_assert_cmpstr (text, ==, good[i].again);
      again = sonde_key_parse (good[i].key, good[i].key->name, text, NULL);
      g_assert_cmpvariant (again, value);
    }
}

static void
test_refused (void)
{
  g_test_summary ("Text that is no value is refused: key, range, and never a broken message.");

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *range = sonde_key_describe_range (bad[i].key);
      g_autofree char *shown = g_strescape (bad[i].text, NULL);

      g_test_message ("%s=%s", bad[i].key->name, shown);
      g_assert_null (sonde_key_parse (bad[i].key, bad[i].key->name, bad[i].text, &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
      g_assert_true (g_str_has_prefix (error->message, bad[i].key->name));
      g_assert_true (g_str_has_suffix (error->message, range));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_refused_address (void)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("In a list of addresses the wrong one is named.");

  g_assert_null (sonde_key_parse (&places, "Places", "127.0.0.1:1;127.0.0.1:x", &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_nonnull (strstr (error->message, "127.0.0.1:x"));
}

static void
test_long (void)
{
  g_autofree char      *megabyte = g_strnfill (1024 * 1024, '7');
  const SondeKey *const keys[] = { &flag, &count, &size, &delay, &word, &mode };

  g_test_summary ("A megabyte of text is refused in a short message.");

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (sonde_key_parse (keys[i], keys[i]->name, megabyte, &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
      g_assert_cmpuint (strlen (error->message), <, 1000);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/key-text/parse", test_parse);
  g_test_add_func ("/key-text/format", test_format);
  g_test_add_func ("/key-text/refused", test_refused);
  g_test_add_func ("/key-text/refused/address", test_refused_address);
  g_test_add_func ("/key-text/long", test_long);

  return g_test_run ();
}
