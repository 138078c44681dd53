/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <string.h>

#include <libsonde/sonde-connect-timeout-private.h>
#include <libsonde/sonde-error.h>

static const SondeConnectTimeout defaults = { 6, 4, 120000 };

static void
test_model_measured (void)
{
  const struct
  {
    guint retries;
    guint linear;
    guint rto_max_ms;
    guint expected_ms;
    guint measured_ms;
  } cases[] = {
    { 1, 4, 120000, 3000, 3060 },
    { 2, 4, 120000, 7000, 7140 },
    { 3, 4, 120000, 19000, 19420 },
    { 4, 4, 120000, 35000, 35680 },
    { 1, 0, 120000, 3000, 3040 },
    { 2, 0, 120000, 7000, 7120 },
    { 3, 0, 120000, 15000, 15380 },
    { 5, 127, 120000, 63000, 63480 },
    { 1, 4, 1000, 2000, 2050 },
    { 3, 0, 1000, 4000, 4090 },
    { 5, 0, 1500, 8500, 8550 },
    { 5, 4, 1500, 9500, 9620 },
    { 3, 4, 2000, 7000, 7130 },
    { 6, 10, 2500, 15500, 15830 },
    { 3, 1, 3000, 10000, 10220 },
    { 4, 127, 4000, 15000, 15350 },
    { 5, 2, 7000, 30000, 30670 },
  };

  g_test_summary ("The model agrees with what was measured on Linux, whose timers are a bit late.");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint64 usec = sonde_connect_timeout_model (cases[i].retries,
                                                  cases[i].linear,
                                                  cases[i].rto_max_ms);

      g_assert_cmpuint (usec, ==, cases[i].expected_ms * G_GUINT64_CONSTANT (1000));
      g_assert_cmpuint (usec, <, cases[i].measured_ms * G_GUINT64_CONSTANT (1000));
      g_assert_cmpuint (usec * 26 / 25, >, cases[i].measured_ms * G_GUINT64_CONSTANT (1000));
    }
}

static void
test_model_ticks (void)
{
  const guint ticks[] = { 3, 7, 19, 35, 67, 131, 251 };

  g_test_summary ("With the default of 4 linear timeouts it ends at a tick of their sequence.");

  for (guint i = 0; i < G_N_ELEMENTS (ticks); i++)
    g_assert_cmpuint (sonde_connect_timeout_model (i + 1, 4, 120000),
                      ==,
                      ticks[i] * (guint64) G_USEC_PER_SEC);
}

static void
test_model_classic (void)
{
  g_test_summary ("Without linear timeouts the model is the classic formula up to the cap.");

  for (guint n = 1; n <= 6; n++)
    {
      guint64 classic = sonde_connect_timeout_classic (n);

      g_assert_cmpuint (classic, ==, ((1u << (n + 1)) - 1) * (guint64) G_USEC_PER_SEC);
      g_assert_cmpuint (sonde_connect_timeout_model (n, 0, 120000), ==, classic);
      g_assert_cmpuint (sonde_connect_timeout_model (n, 4, 120000), >=, classic);
    }

  for (guint n = 7; n <= 127; n++)
    g_assert_cmpuint (sonde_connect_timeout_model (n, 0, 120000),
                      ==,
                      (127 + (n - 6) * 120) * (guint64) G_USEC_PER_SEC);
}

static void
test_model_bounds (void)
{
  g_test_summary ("Values that no kernel takes neither overflow nor take for ever.");

  g_assert_cmpuint (sonde_connect_timeout_model (G_MAXUINT, G_MAXUINT, G_MAXUINT),
                    ==,
                    sonde_connect_timeout_model (127, 127, 120000));
  g_assert_cmpuint (sonde_connect_timeout_model (6, 4, 0),
                    ==,
                    sonde_connect_timeout_model (6, 4, 1000));
  g_assert_cmpuint (sonde_connect_timeout_model (0, 0, 120000), ==, G_USEC_PER_SEC);

  g_assert_cmpuint (sonde_connect_timeout_classic (0), ==, G_USEC_PER_SEC);
  g_assert_cmpuint (sonde_connect_timeout_classic (43),
                    ==,
                    G_GUINT64_CONSTANT (17592186044415) * G_USEC_PER_SEC);
  for (guint n = 44; n <= 300; n++)
    g_assert_cmpuint (sonde_connect_timeout_classic (n), ==, G_MAXUINT64);
}

static guint64
compute_with (const char *what_if)
{
  SondeConnectTimeout timeout = defaults;
  g_autoptr (GVariant) assumed = g_variant_ref_sink (g_variant_new_parsed (what_if));
  g_autoptr (GError) error = NULL;

  sonde_connect_timeout_assume (&timeout, assumed, &error);
  g_assert_no_error (error);
  return sonde_connect_timeout_compute (&timeout) / 1000;
}

static void
test_assume (void)
{
  g_test_summary ("Each of the three sysctls can be assumed, alone and together.");

  g_assert_cmpuint (compute_with ("@a{sv} {}"), ==, 131000);
  g_assert_cmpuint (compute_with ("{'net.ipv4.tcp_syn_retries': <3>}"), ==, 19000);
  g_assert_cmpuint (compute_with ("{'net.ipv4.tcp_syn_linear_timeouts': <0>}"), ==, 127000);
  g_assert_cmpuint (compute_with ("{'net.ipv4.tcp_rto_max_ms': <1000>}"), ==, 7000);
  g_assert_cmpuint (compute_with ("{'net.ipv4.tcp_syn_retries': <3>,"
                                  " 'net.ipv4.tcp_syn_linear_timeouts': <1>,"
                                  " 'net.ipv4.tcp_rto_max_ms': <3000>}"),
                    ==,
                    10000);
}

static void
test_assume_types (void)
{
  const char *types[] = { "byte", "int16", "uint16", "int32", "uint32", "int64", "uint64" };

  g_test_summary ("An integer may have any type.");

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autofree char *what_if =
        g_strdup_printf ("{'net.ipv4.tcp_syn_retries': <%s 1>}", types[i]);

      g_assert_cmpuint (compute_with (what_if), ==, 3000);
    }
}

static void
assert_refused (const char *key,
                const char *value,
                const char *range)
{
  SondeConnectTimeout timeout = defaults;
  g_autoptr (GVariant) assumed = NULL;
  g_autoptr (GError) error = NULL;
  GVariant   *parsed = g_variant_new_parsed (value);
  const char *last_space = strrchr (value, ' ');
  const char *shown = last_space != NULL ? last_space + 1 : value;

  if (g_variant_is_container (parsed))
    shown = g_variant_get_type_string (parsed);
  assumed = g_variant_ref_sink (g_variant_new_parsed ("{%s: %v}", key, parsed));
  g_assert_false (sonde_connect_timeout_assume (&timeout, assumed, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_nonnull (strstr (error->message, key));
  g_assert_nonnull (strstr (error->message, shown));
  g_assert_nonnull (strstr (error->message, range));
}

static void
test_refuse (void)
{
  const struct
  {
    const char *key;
    const char *range;
    const char *values[8];
  } cases[] = {
    { "net.ipv4.tcp_syn_retries",
      "1 to 127",
      { "0", "128", "-1", "'6'", "6.5", "true", "uint64 18446744073709551615" } },
    { "net.ipv4.tcp_syn_linear_timeouts", "0 to 127", { "-1", "128", "[1]", "<1>" } },
    { "net.ipv4.tcp_rto_max_ms",
      "1000 to 120000",
      { "999", "120001", "int64 -9223372036854775808" } },
    { "net.core.somaxconn", "net.ipv4.tcp_syn_retries (1 to 127)", { "1" } },
    { "TcpSynRetries", "net.ipv4.tcp_rto_max_ms (1000 to 120000)", { "1" } },
  };

  g_test_summary ("A wrong assumption fails with its key, its value and what is allowed.");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      for (guint j = 0; cases[i].values[j] != NULL; j++)
        assert_refused (cases[i].key, cases[i].values[j], cases[i].range);
    }
}

static void
test_refuse_long (void)
{
  SondeConnectTimeout timeout = defaults;
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) umlauts = g_string_new (NULL);
  g_autoptr (GVariant) assumed = NULL;

  g_test_summary ("What is complained about is quoted in part only, and stays UTF-8.");

  for (guint i = 0; i < 10000; i++)
    g_string_append (umlauts, "\xc3\xa4");

  assumed = g_variant_ref_sink (g_variant_new_parsed ("{%s: <%s>}", umlauts->str, umlauts->str));
  g_assert_false (sonde_connect_timeout_assume (&timeout, assumed, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_cmpuint (strlen (error->message), <, 1000);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/connect-timeout/model/measured", test_model_measured);
  g_test_add_func ("/connect-timeout/model/ticks", test_model_ticks);
  g_test_add_func ("/connect-timeout/model/classic", test_model_classic);
  g_test_add_func ("/connect-timeout/model/bounds", test_model_bounds);
  g_test_add_func ("/connect-timeout/assume", test_assume);
  g_test_add_func ("/connect-timeout/assume/types", test_assume_types);
  g_test_add_func ("/connect-timeout/refuse", test_refuse);
  g_test_add_func ("/connect-timeout/refuse/long", test_refuse_long);

  return g_test_run ();
}
