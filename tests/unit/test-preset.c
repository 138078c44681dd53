/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "parse-value.h"

#include <string.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-settings-private.h>

/* Exactly what each recipe asks for, keep-alive by implication. */
static const struct
{
  const char *name;
  const char *settings;
} presets[] = {
  { "io-multiplex",
    "{'Mode': <'echo'>, 'ListenAddresses': <['127.0.0.1:9999']>, 'ReuseAddress': <true>,"
    " 'ReusePort': <true>, 'NoDelay': <true>}" },
  { "io-multiplex-bare", "{'Mode': <'echo'>, 'ListenAddresses': <['127.0.0.1:9999']>}" },
  { "asyncio",
    "{'Mode': <'echo-once'>, 'ListenAddresses': <['127.0.0.1:8888']>, 'ReuseAddress': <true>,"
    " 'ReusePort': <true>, 'Backlog': <uint32 100>, 'NoDelay': <true>, 'QuickAck': <true>,"
    " 'KeepAlive': <true>, 'KeepAliveTimeUSec': <uint64 1800000000>,"
    " 'KeepAliveProbes': <uint32 9>, 'KeepAliveIntervalUSec': <uint64 15000000>}" },
  { "socketserver-base",
    "{'Mode': <'upper-once'>, 'ListenAddresses': <['127.0.0.1:9999']>, 'ReuseAddress': <true>,"
    " 'Backlog': <uint32 100>, 'NoDelay': <true>, 'QuickAck': <true>}" },
  { "socketserver-stream",
    "{'Mode': <'upper-line'>, 'ListenAddresses': <['127.0.0.1:9999']>, 'ReuseAddress': <true>,"
    " 'Backlog': <uint32 100>, 'NoDelay': <true>, 'QuickAck': <true>}" },
  { "socketserver-threading",
    "{'Mode': <'upper-once'>, 'Concurrency': <'threads'>, 'ListenAddresses': <['127.0.0.1:0']>,"
    " 'ReuseAddress': <true>, 'ReusePort': <true>, 'Backlog': <uint32 100>, 'NoDelay': <true>,"
    " 'QuickAck': <true>}" },
};

/* That what is expected is set, and that nothing else is. */
static void
assert_exactly (SondeSettings *settings,
                GVariant      *expected)
{
  const char *const *keys = sonde_settings_list_keys ();

  for (gsize i = 0; keys[i] != NULL; i++)
    {
      g_autoptr (GVariant) wanted = g_variant_lookup_value (expected, keys[i], NULL);
      g_autoptr (GVariant) value = sonde_settings_get_value (settings, keys[i]);

      g_test_message ("%s", keys[i]);
      g_assert_cmpint (sonde_settings_is_set (settings, keys[i]), ==, wanted != NULL);
      if (wanted != NULL)
        g_assert_cmpvariant (value, wanted);
    }
}

static void
test_list (void)
{
  const char *const *names = sonde_settings_list_presets ();

  g_test_summary ("There is a preset for each recipe, and no other.");

  g_assert_true (names == sonde_settings_list_presets ());
  g_assert_cmpuint (g_strv_length ((char **) names), ==, G_N_ELEMENTS (presets));
  for (gsize i = 0; i < G_N_ELEMENTS (presets); i++)
    g_assert_cmpstr (names[i], ==, presets[i].name);
}

static void
test_exact (void)
{
  g_test_summary ("A preset sets exactly what its recipe asks for.");

  for (gsize i = 0; i < G_N_ELEMENTS (presets); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) expected = parse_value (presets[i].settings);
      g_autoptr (SondeSettings) settings = NULL;

      g_test_message ("%s", presets[i].name);
      settings = sonde_settings_new_for_preset (presets[i].name, &error);
      g_assert_no_error (error);
      assert_exactly (settings, expected);
      g_assert_true (sonde_settings_check (settings, NULL));
    }
}

static void
test_unknown (void)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("Who names an unknown preset is told which ones there are.");

  g_assert_null (sonde_settings_new_for_preset ("nonsense", &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_true (g_str_has_prefix (error->message, "Preset=nonsense is not valid; allowed: "));
  for (gsize i = 0; i < G_N_ELEMENTS (presets); i++)
    g_assert_nonnull (strstr (error->message, presets[i].name));
}

static void
test_override (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GVariant) changes = parse_value ("{'Backlog': <7>, 'Preset': <'socketserver-base'>,"
                                              " 'Mode': <'echo'>, 'NoDelay': <false>}");
  g_autoptr (GVariant) expected =
    parse_value ("{'Mode': <'echo'>, 'ListenAddresses': <['127.0.0.1:9999']>,"
                 " 'ReuseAddress': <true>, 'Backlog': <uint32 7>,"
                 " 'NoDelay': <false>, 'QuickAck': <true>}");

  g_test_summary ("A preset lies below the keys beside it, whatever their order.");

  g_assert_true (sonde_settings_update (settings, changes, NULL));
  assert_exactly (settings, expected);
}

static void
test_lay_over (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GVariant) expected = parse_value ("{'Mode': <'echo'>, 'MaxConnections': <uint32 5>,"
                                               " 'ListenAddresses': <['127.0.0.1:9999']>}");

  g_test_summary ("A preset leaves alone what its recipe says nothing about.");

  g_assert_true (sonde_settings_set_string (settings, "MaxConnections", "5", NULL));
  g_assert_true (sonde_settings_set_string (settings, "Mode", "upper", NULL));
  g_assert_true (sonde_settings_set_string (settings, "Preset", "io-multiplex-bare", NULL));
  assert_exactly (settings, expected);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/preset/list", test_list);
  g_test_add_func ("/preset/exact", test_exact);
  g_test_add_func ("/preset/unknown", test_unknown);
  g_test_add_func ("/preset/override", test_override);
  g_test_add_func ("/preset/lay-over", test_lay_over);

  return g_test_run ();
}
