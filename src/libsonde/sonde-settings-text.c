/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Settings by name and as text, and the names that there are. */

#include "config.h"

#include "sonde-settings-private.h"

/**
 * sonde_settings_list_keys:
 *
 * Lists the settings that there are.
 *
 * Returns: (transfer none) (array zero-terminated=1): their names
 *
 * Since: 0.1
 */
const char *const *
sonde_settings_list_keys (void)
{
  static const char *names[SONDE_N_SETTINGS + 1];
  static gsize       filled = 0;

  if (g_once_init_enter (&filled))
    {
      for (guint i = 0; i < SONDE_N_SETTINGS; i++)
        names[i] = sonde_setting_get_key (i)->name;
      g_once_init_leave (&filled, 1);
    }

  return names;
}

/**
 * sonde_settings_list_presets:
 *
 * Lists the presets that there are.
 *
 * Returns: (transfer none) (array zero-terminated=1): their names
 *
 * Since: 0.1
 */
const char *const *
sonde_settings_list_presets (void)
{
  return sonde_preset_list_names ();
}

/**
 * sonde_settings_parse:
 * @key: the name of a setting, or `Preset`
 * @text: a value as people write it
 * @canonical_key: (out) (optional) (transfer none): the name on D-Bus, which
 *   for `KeepAliveTimeSec` is `KeepAliveTimeUSec`
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Reads a value from text without setting anything.
 *
 * Returns: (transfer full): the value, of the D-Bus property's type
 *
 * Since: 0.1
 */
GVariant *
sonde_settings_parse (const char  *key,
                      const char  *text,
                      const char **canonical_key,
                      GError     **error)
{
  const SondeKey *found = NULL;
  guint           setting;

  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (text != NULL, NULL);

  if (g_str_equal (key, "Preset"))
    {
      if (canonical_key != NULL)
        *canonical_key = "Preset";
      return g_variant_ref_sink (g_variant_new_take_string (g_utf8_make_valid (text, -1)));
    }
  if (!sonde_setting_find_or_fail (key, &setting, error))
    return NULL;

  found = sonde_setting_get_key (setting);
  if (canonical_key != NULL)
    *canonical_key = found->name;

  return sonde_key_parse (found, key, text, error);
}

/**
 * sonde_settings_format:
 * @key: the name of a setting
 * @value: a value of it
 *
 * Writes a value as people write it: the inverse of
 * [func@Sonde.Settings.parse].
 *
 * Returns: (transfer full): the text; that of g_variant_print() if there is
 *   no such setting or the value is not of its type
 *
 * Since: 0.1
 */
char *
sonde_settings_format (const char *key,
                       GVariant   *value)
{
  guint setting;

  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (value != NULL, NULL);

  if (!sonde_setting_find (key, &setting) ||
      !g_variant_is_of_type (value, sonde_key_get_variant_type (sonde_setting_get_key (setting))))
    return g_variant_print (value, FALSE);

  return sonde_key_format (sonde_setting_get_key (setting), value);
}

/**
 * sonde_settings_set_string:
 * @self: settings
 * @key: the name of a setting, such as `NoDelay`, or `Preset`
 * @text: a value as people write it, such as `yes`, `64K` or `30min`
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Asks for a value that is written as text.
 *
 * A name that ends in `USec` may end in `Sec` instead: then a number without
 * a unit counts seconds.
 *
 * Returns: %TRUE, or %FALSE if there is no such setting or it does not take
 *   the value; then nothing changed
 *
 * Since: 0.1
 */
gboolean
sonde_settings_set_string (SondeSettings *self,
                           const char    *key,
                           const char    *text,
                           GError       **error)
{
  g_autoptr (GVariant) value = NULL;
  const char *canonical_key = NULL;

  g_return_val_if_fail (self != NULL, FALSE);

  value = sonde_settings_parse (key, text, &canonical_key, error);

  return value != NULL && sonde_settings_set_value (self, canonical_key, value, error);
}
