/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "parse-value.h"

#include <string.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-settings-private.h>

/* Every key, with a text for it that is in the form in which Sonde writes. */
static const char *const texts[][2] = {
  { "Mode", "upper-line" },
  { "Concurrency", "threads" },
  { "Workers", "4" },
  { "ListenAddresses", "127.0.0.1:0;[::1]:9999" },
  { "MaxConnections", "10000" },
  { "MaxConnectionsPerSource", "10" },
  { "MaxThreads", "128" },
  { "IdleTimeoutUSec", "1min 30s" },
  { "StallTimeoutUSec", "20s" },
  { "RuntimeMaxUSec", "1d" },
  { "CloseTimeoutUSec", "250ms" },
  { "ReadSize", "4096" },
  { "LineMax", "1024" },
  { "UnsentMax", "1048576" },
  { "LogContent", "yes" },
  { "ReuseAddress", "yes" },
  { "ReusePort", "yes" },
  { "Backlog", "100" },
  { "NoDelay", "no" },
  { "QuickAck", "yes" },
  { "KeepAlive", "yes" },
  { "KeepAliveTimeUSec", "30min" },
  { "KeepAliveIntervalUSec", "15s" },
  { "KeepAliveProbes", "9" },
  { "ReceiveBuffer", "65536" },
  { "SendBuffer", "131072" },
  { "UserTimeoutUSec", "20s" },
  { "DeferAcceptUSec", "3s" },
  { "Congestion", "reno" },
  { "MaxPacingRate", "1000000" },
  { "NotSentLowWater", "16384" },
  { "LingerUSec", "5s" },
  { "TypeOfService", "16" },
  { "MaxSegment", "1200" },
};

G_STATIC_ASSERT (G_N_ELEMENTS (texts) == SONDE_N_SETTINGS);

static void
set_text (SondeSettings *settings,
          const char    *key,
          const char    *text)
{
  g_autoptr (GError) error = NULL;

  sonde_settings_set_string (settings, key, text, &error);
  g_assert_no_error (error);
}

static void
assert_value (SondeSettings *settings,
              const char    *key,
              const char    *expected_text)
{
  g_autoptr (GVariant) value = sonde_settings_get_value (settings, key);
  g_autoptr (GVariant) expected = parse_value (expected_text);

  g_assert_nonnull (value);
  g_assert_false (g_variant_is_floating (value));
  g_assert_cmpvariant (value, expected);
}

static void
assert_same (SondeSettings *a,
             SondeSettings *b)
{
  g_autoptr (GVariant) all_a = sonde_settings_to_variant (a);
  g_autoptr (GVariant) all_b = sonde_settings_to_variant (b);

  g_assert_cmpvariant (all_a, all_b);
}

static gboolean
update (SondeSettings *settings,
        const char    *changes_text,
        GError       **error)
{
  g_autoptr (GVariant) changes = parse_value (changes_text);

  return sonde_settings_update (settings, changes, error);
}

static void
assert_update_refused (SondeSettings *settings,
                       const char    *changes_text,
                       const char    *word)
{
  g_autoptr (SondeSettings) before = sonde_settings_copy (settings);
  g_autoptr (GError) error = NULL;

  g_assert_false (update (settings, changes_text, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, word));
  assert_same (settings, before);
}

static void
test_keys (void)
{
  const char *const *keys = sonde_settings_list_keys ();

  g_test_summary ("The keys are those of the server, then those of THE table, each once.");

  g_assert_true (keys == sonde_settings_list_keys ());
  g_assert_cmpuint (g_strv_length ((char **) keys), ==, SONDE_N_SETTINGS);
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    {
      guint found = G_MAXUINT;

      g_assert_cmpstr (keys[i], ==, texts[i][0]);
      g_assert_true (sonde_setting_find (keys[i], &found));
      g_assert_cmpuint (found, ==, i);
    }
}

static void
test_round_trip (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();

  g_test_summary ("Every key takes its text, and writes it as it was.");

  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    {
      g_autoptr (GVariant) value = NULL;
      g_autofree char *text = NULL;

      set_text (settings, texts[i][0], texts[i][1]);
      g_assert_true (sonde_settings_is_set (settings, texts[i][0]));
      value = sonde_settings_get_value (settings, texts[i][0]);
      text = sonde_settings_format (texts[i][0], value);
      g_assert_cmpstr (text, ==, texts[i][1]);
    }
}

static void
test_new (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();

  g_test_summary ("In new settings nothing is set, and everything has its default.");

  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    {
      g_autoptr (GVariant) expected = sonde_key_dup_default (sonde_setting_get_key (i));
      g_autoptr (GVariant) value = sonde_settings_get_value (settings, texts[i][0]);

      g_assert_false (sonde_settings_is_set (settings, texts[i][0]));
      g_assert_cmpvariant (value, expected);
    }
  assert_value (settings, "Mode", "'echo'");
  assert_value (settings, "Concurrency", "'loop'");
  assert_value (settings, "Workers", "uint32 1");
  assert_value (settings, "MaxThreads", "uint32 64");
  assert_value (settings, "CloseTimeoutUSec", "uint64 5000000");
  assert_value (settings, "LineMax", "uint32 65536");
  assert_value (settings, "UnsentMax", "uint64 67108864");
}

static void
test_unset (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();

  g_test_summary ("0 and the empty name take back what was asked; no and an empty list do not.");

  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    {
      const SondeKey *key = sonde_setting_get_key (i);

      set_text (settings, key->name, texts[i][1]);
      if (key->kind == SONDE_KEY_STRING)
        set_text (settings, key->name, "");
      else if (key->zero)
        set_text (settings, key->name, "0");
      else
        continue;
      g_assert_false (sonde_settings_is_set (settings, key->name));
    }
  set_text (settings, "NoDelay", "no");
  g_assert_true (sonde_settings_is_set (settings, "NoDelay"));
}

static void
test_unknown (void)
{
  static const char *const names[] = { "", "nodelay", "NoDelays", "no-delay", "Delay", "BacklogSec",
                                       "USec", "Sec", "\xc3\xa4" };
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_boolean (TRUE));

  g_test_summary ("A key that there is not is refused by name, and is not set.");

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (sonde_settings_set_value (settings, names[i], value, &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
      g_assert_nonnull (strstr (error->message, names[i]));
      g_clear_error (&error);
      g_assert_false (sonde_settings_set_string (settings, names[i], "yes", &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
      g_assert_false (sonde_settings_is_set (settings, names[i]));
      g_assert_null (sonde_settings_get_value (settings, names[i]));
    }
}

static void
test_message_utf8 (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();

  g_test_summary ("A message is UTF-8 wherever a long name is cut.");

  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *padding = g_strnfill (96 + i, 'x');
      g_autofree char *name = g_strconcat (padding, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", NULL);
      g_autoptr (GError) error = NULL;

      g_assert_false (sonde_settings_set_string (settings, name, "yes", &error));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      g_clear_error (&error);
      g_assert_false (sonde_settings_set_string (settings, "Preset", name, &error));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_seconds (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;
  const char *canonical = NULL;

  g_test_summary ("KeepAliveTimeSec is KeepAliveTimeUSec, where a bare number counts seconds.");

  set_text (settings, "KeepAliveTimeSec", "1800");
  assert_value (settings, "KeepAliveTimeUSec", "uint64 1800000000");
  assert_value (settings, "KeepAliveTimeSec", "uint64 1800000000");
  g_assert_true (sonde_settings_is_set (settings, "KeepAliveTimeSec"));
  set_text (settings, "KeepAliveTimeUSec", "2000000");
  assert_value (settings, "KeepAliveTimeUSec", "uint64 2000000");

  value = sonde_settings_parse ("IdleTimeoutSec", "5", &canonical, NULL);
  g_assert_cmpstr (canonical, ==, "IdleTimeoutUSec");
  g_assert_cmpuint (g_variant_get_uint64 (value), ==, 5000000);

  /* As a number it would be taken for another one. */
  g_assert_false (
    sonde_settings_set_value (settings, "IdleTimeoutSec", g_variant_new_uint64 (5), &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_nonnull (strstr (error->message, "allowed: IdleTimeoutUSec"));
  g_assert_false (sonde_settings_is_set (settings, "IdleTimeoutUSec"));
}

static void
test_keep_alive (void)
{
  static const char *const keys[] = {
    "KeepAliveTimeUSec",
    "KeepAliveIntervalUSec",
    "KeepAliveProbes",
  };

  g_test_summary ("Any of time, interval and probes turns keep-alive on; an explicit no stays no.");

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (SondeSettings) settings = sonde_settings_new ();

      assert_value (settings, "KeepAlive", "false");
      set_text (settings, keys[i], i == 2 ? "9" : "15s");
      g_assert_true (sonde_settings_is_set (settings, "KeepAlive"));
      assert_value (settings, "KeepAlive", "true");
      set_text (settings, "KeepAlive", "no");
      assert_value (settings, "KeepAlive", "false");
      set_text (settings, "KeepAlive", "yes");
      set_text (settings, keys[i], "0");
      assert_value (settings, "KeepAlive", "true");
    }
}

static void
test_workers (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();

  g_test_summary ("Several workers share the port; who forbids that contradicts himself.");

  g_assert_true (update (settings, "{'Workers': <2>}", NULL));
  assert_value (settings, "ReusePort", "true");
  g_assert_true (sonde_settings_is_set (settings, "ReusePort"));
  assert_update_refused (settings, "{'ReusePort': <false>}", "ReusePort=no");
  g_assert_true (update (settings, "{'ReusePort': <false>, 'Workers': <1>}", NULL));
  assert_value (settings, "ReusePort", "false");
  assert_update_refused (settings, "{'Workers': <8>}", "Workers=8");
  g_assert_true (update (settings, "{'ReusePort': <true>, 'Workers': <8>}", NULL));
}

static void
test_update (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();

  g_test_summary ("An update is carried out whole or not at all.");

  g_assert_true (update (settings, "{'Backlog': <7>, 'NoDelay': <true>}", NULL));
  assert_value (settings, "Backlog", "uint32 7");
  assert_update_refused (settings, "{'Backlog': <8>, 'NoDelay': <'yes'>}", "NoDelay=");
  assert_update_refused (settings, "{'NoDelay': <false>, 'Backlog': <-1>}", "Backlog=-1");
  assert_update_refused (settings, "{'Backlog': <8>, 'Nonsense': <1>}", "Nonsense");
  assert_update_refused (settings, "{'Backlog': <8>, 'Preset': <'nonsense'>}", "Preset=nonsense");
  assert_update_refused (settings, "{'Preset': <'asyncio'>, 'Backlog': <-1>}", "Backlog=-1");
  assert_update_refused (settings, "{'Backlog': <8>, 'Preset': <1>}", "Preset");
  assert_update_refused (settings, "{'Mode': <<'echo'>>}", "Mode=");
  g_assert_true (update (settings, "@a{sv} {}", NULL));
  assert_value (settings, "Backlog", "uint32 7");
}

static void
test_copy (void)
{
  g_autoptr (SondeSettings) original = sonde_settings_new_for_preset ("asyncio", NULL);
  g_autoptr (SondeSettings) copy = sonde_settings_copy (original);
  SondeSettings *again = sonde_settings_ref (original);

  g_test_summary ("A copy is the same at first and independent ever after; a reference is not.");

  assert_same (original, copy);
  set_text (copy, "Backlog", "7");
  set_text (copy, "Congestion", "reno");
  assert_value (original, "Backlog", "uint32 100");
  g_assert_false (sonde_settings_is_set (original, "Congestion"));
  set_text (original, "QuickAck", "no");
  assert_value (copy, "QuickAck", "true");
  assert_value (again, "QuickAck", "false");
  sonde_settings_unref (again);
  assert_value (original, "QuickAck", "false");
}

static void
test_all (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (SondeSettings) again = sonde_settings_new ();
  g_autoptr (GVariant) all = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("All settings at once are a dictionary that an update takes.");

  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    set_text (settings, texts[i][0], texts[i][1]);
  all = sonde_settings_to_variant (settings);
  g_assert_cmpuint (g_variant_n_children (all), ==, SONDE_N_SETTINGS);
  g_assert_true (sonde_settings_update (again, all, &error));
  g_assert_no_error (error);
  assert_same (settings, again);
}

static void
test_format (void)
{
  g_autoptr (GVariant) number = g_variant_ref_sink (g_variant_new_int32 (5));
  g_autofree char *unknown = sonde_settings_format ("Nonsense", number);
  g_autofree char *mistyped = sonde_settings_format ("NoDelay", number);

  g_test_summary ("What is not a value of a setting is still written somehow.");

  g_assert_cmpstr (unknown, ==, "5");
  g_assert_cmpstr (mistyped, ==, "5");
}

static void
test_exposed (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  const char *const local[] = { "127.0.0.1:0", "[::1]:9999", NULL };
  const char *const mixed[] = { "127.0.0.1:0", "0.0.0.0:0", NULL };

  g_test_summary ("Settings are exposed if any of their addresses is.");

  g_assert_false (sonde_settings_is_exposed (settings));
  g_assert_true (sonde_settings_set_value (settings, "Preset",
                                           g_variant_new_string ("asyncio"), NULL));
  g_assert_false (sonde_settings_is_exposed (settings));
  g_assert_true (sonde_settings_set_value (settings, "ListenAddresses",
                                           g_variant_new_strv (mixed, -1), NULL));
  g_assert_true (sonde_settings_is_exposed (settings));
  g_assert_true (sonde_settings_set_value (settings, "ListenAddresses",
                                           g_variant_new_strv (local, -1), NULL));
  g_assert_false (sonde_settings_is_exposed (settings));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/settings/keys", test_keys);
  g_test_add_func ("/settings/round-trip", test_round_trip);
  g_test_add_func ("/settings/new", test_new);
  g_test_add_func ("/settings/unset", test_unset);
  g_test_add_func ("/settings/unknown", test_unknown);
  g_test_add_func ("/settings/message-utf8", test_message_utf8);
  g_test_add_func ("/settings/seconds", test_seconds);
  g_test_add_func ("/settings/keep-alive", test_keep_alive);
  g_test_add_func ("/settings/workers", test_workers);
  g_test_add_func ("/settings/update", test_update);
  g_test_add_func ("/settings/copy", test_copy);
  g_test_add_func ("/settings/all", test_all);
  g_test_add_func ("/settings/format", test_format);
  g_test_add_func ("/settings/exposed", test_exposed);

  return g_test_run ();
}
