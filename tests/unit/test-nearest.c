/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <libsonde/sonde.h>
#include <string.h>

static const char *const names[] = {
  "Backlog", "KeepAliveProbes", "NoDelay", "ReceiveBuffer", "SendBuffer", "ü", NULL
};

static void
test_mistakes (void)
{
  const struct
  {
    const char *name;
    const char *nearest;
  } cases[] = {
    { "Backlog", "Backlog" },
    { "backlog", "Backlog" },
    { "Baclkog", "Backlog" },
    { "NoDelya", "NoDelay" },
    { "NODELAYS", "NoDelay" },
    { "KeepAliveProbs", "KeepAliveProbes" },
    { "RecieveBufer", "ReceiveBuffer" },
    { "SndBuffer", "SendBuffer" },
    { "Receive", "ReceiveBuffer" },
    { "keep", "KeepAliveProbes" },
  };

  g_test_summary ("A name with few letters wrong, or only begun, is taken for what was meant.");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpstr (sonde_error_find_nearest (cases[i].name, names), ==, cases[i].nearest);
}

static void
test_strangers (void)
{
  g_autofree char  *very_long = g_strnfill (1000000, 'B');
  const char *const strangers[] = {
    "", "Re", "Mode", "Buffer size", "\xff\xfe", "Backlogging connections", very_long
  };
  const char *const nothing[] = { NULL };
  const char *const long_names[] = { very_long, NULL };

  g_test_summary ("A name that is like none of them is not guessed at, whatever it is.");

  for (guint i = 0; i < G_N_ELEMENTS (strangers); i++)
    g_assert_null (sonde_error_find_nearest (strangers[i], names));
  g_assert_null (sonde_error_find_nearest ("Backlog", nothing));
  g_assert_null (sonde_error_find_nearest ("B", long_names));
  g_assert_null (sonde_error_find_nearest ("", (const char *const[]){ "a", NULL }));
}

static void
test_setting (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GError) error = NULL;

  g_test_summary ("The error about an unknown setting names the one that was probably meant.");

  g_assert_false (sonde_settings_set_string (settings, "RecieveBuffer", "1K", &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_nonnull (
    strstr (error->message, "RecieveBuffer is not a setting (did you mean ReceiveBuffer?)"));
  g_clear_error (&error);

  g_assert_false (sonde_settings_set_string (settings, "Quux", "1K", &error));
  g_assert_nonnull (strstr (error->message, "Quux is not a setting; allowed"));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/nearest/mistakes", test_mistakes);
  g_test_add_func ("/nearest/strangers", test_strangers);
  g_test_add_func ("/nearest/setting", test_setting);

  return g_test_run ();
}
