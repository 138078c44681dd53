/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Values of settings, as a command line or a file writes them (KEY=VALUE) and as
 * they come from the bus (any a{sv}): all are taken, or none. */

#include "config.h"

#include "fuzz.h"

#include <libsonde/sonde.h>
#include <string.h>

/* What one may read is what the other one writes. */
static void
check_round_trip (SondeSettings *settings,
                  const char    *key)
{
  g_autoptr (SondeSettings) copy = sonde_settings_new ();
  g_autoptr (GVariant) value = sonde_settings_get_value (settings, key);
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GError) error = NULL;

  if (value == NULL || !sonde_settings_is_set (settings, key))
    return;

  sonde_settings_set_value (copy, key, value, &error);
  g_assert_no_error (error);
  again = sonde_settings_get_value (copy, key);
  g_assert_true (g_variant_equal (value, again));
}

static void
try_text (const char *text)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GVariant) parsed = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = g_strsplit (text, "=", 2);
  const char *value = words[0] != NULL && words[1] != NULL ? words[1] : "";
  const char *name = NULL;
  gboolean    ok;

  if (words[0] == NULL)
    return;

  ok = sonde_settings_set_string (settings, words[0], value, &error);
  g_assert_true (ok == (error == NULL));
  parsed = sonde_settings_parse (words[0], value, &name, NULL);
  if (ok)
    check_round_trip (settings, name != NULL ? name : words[0]);
  else
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
try_variant (const guint8 *data,
             gsize         size)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GVariant) before = sonde_settings_to_variant (settings);
  g_autoptr (GVariant) after = NULL;
  g_autoptr (GVariant) values = NULL;
  g_autoptr (GVariant) normal = NULL;
  g_autoptr (GError) error = NULL;

  values = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARDICT, bytes, FALSE));
  /* As it would be from the bus. */
  normal = g_variant_get_normal_form (values);
  if (sonde_settings_update (settings, normal, &error))
    return;

  g_assert_nonnull (error);
  after = sonde_settings_to_variant (settings);
  g_assert_true (g_variant_equal (before, after));
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autofree char *text = NULL;

  if (size == 0)
    return 0;
  if (data[0] == 0)
    {
      try_variant (data + 1, size - 1);
      return 0;
    }
  text = g_strndup ((const char *) data, size);
  if (g_utf8_validate (text, -1, NULL))
    try_text (text);

  return 0;
}
