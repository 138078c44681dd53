/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How values come into settings: each checked by itself, and then all together. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-settings-private.h"

/* 0 and "" of a socket option give it back to the kernel, of anything else to
 * the default: that is the same as not having asked. */
static gboolean
means_unset (const SondeKey *key,
             GVariant       *value)
{
  if (key->kind == SONDE_KEY_ADDRESSES)
    return g_variant_n_children (value) == 0;
  if (key->kind == SONDE_KEY_STRING)
    return g_variant_get_string (value, NULL)[0] == '\0';

  return key->zero && sonde_option_get_number (value) == 0;
}

static void
take_value (SondeSettings *self,
            guint          setting,
            GVariant      *value)
{
  g_clear_pointer (&self->values[setting], g_variant_unref);
  if (means_unset (sonde_setting_get_key (setting), value))
    g_variant_unref (value);
  else
    self->values[setting] = value;
}

/* One name for texts is not one for numbers: 5 of IdleTimeoutSec are 5 s. */
static gboolean
is_own_name (guint       setting,
             const char *key,
             GError    **error)
{
  const char *name = sonde_setting_get_key (setting)->name;

  if (g_str_equal (name, key))
    return TRUE;

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "%s is not valid but as text with units; allowed: %s, in microseconds",
               key,
               name);

  return FALSE;
}

/**
 * sonde_settings_set_value:
 * @self: settings
 * @key: the name of a setting, such as `NoDelay`, or `Preset`; names that end in
 *   `Sec` and not in `USec` are for sonde_settings_set_string() only
 * @value: a value; an integer may be of any width
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Asks for a value. 0 and "" take back what was asked for.
 *
 * Returns: %TRUE, or %FALSE if there is no such setting or it does not take
 *   the value; then nothing changed
 *
 * Since: 0.1
 */
gboolean
sonde_settings_set_value (SondeSettings *self,
                          const char    *key,
                          GVariant      *value,
                          GError       **error)
{
  g_autoptr (GVariant) owned = NULL;
  GVariant *checked = NULL;
  guint     setting;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  owned = g_variant_ref_sink (value);

  if (g_str_equal (key, "Preset") && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return sonde_preset_apply (g_variant_get_string (value, NULL), self, error);
  if (!sonde_setting_find_or_fail (key, &setting, error) || !is_own_name (setting, key, error))
    return FALSE;

  checked = sonde_key_check (sonde_setting_get_key (setting), value, error);
  if (checked == NULL)
    return FALSE;
  take_value (self, setting, checked);

  return TRUE;
}

/*
 * sonde_settings_check:
 * @self: settings
 * @error: where to put an error
 *
 * Checks that valid settings do not contradict each other.
 */
gboolean
sonde_settings_check (SondeSettings *self,
                      GError       **error)
{
  const guint64 workers = sonde_settings_get_number (self, SONDE_SETTING_WORKERS);

  if (workers == 1 ||
      sonde_settings_get_boolean (self, SONDE_SETTING_OPTION (SONDE_ROW_REUSE_PORT)))
    return TRUE;

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "ReusePort=no is not valid with Workers=%" G_GUINT64_FORMAT
               ", which share the port; allowed: yes",
               workers);

  return FALSE;
}

static void
take_values (SondeSettings *self,
             SondeSettings *other)
{
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    {
      g_clear_pointer (&self->values[i], g_variant_unref);
      self->values[i] = g_steal_pointer (&other->values[i]);
    }
}

/* A preset stands behind the settings. Who asks twice for one thing may do so a
 * million times, and each costs its time. */
static gboolean
take_note (const char *key,
           gboolean   *is_noted,
           GError    **error)
{
  guint setting = SONDE_N_SETTINGS;

  if (!g_str_equal (key, "Preset") && !sonde_setting_find_or_fail (key, &setting, error))
    return FALSE;
  if (is_noted[setting])
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   "%s is given twice; allowed: once",
                   key);
      return FALSE;
    }
  is_noted[setting] = TRUE;

  return TRUE;
}

/**
 * sonde_settings_update:
 * @self: settings
 * @changes: an `a{sv}` of settings, in which `Preset` may stand as well
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Asks for many values at once, each of them once. A preset is laid down first,
 * whatever its place, so that the other keys override it.
 *
 * Returns: %TRUE, or %FALSE if any of it is not valid; then nothing changed
 *
 * Since: 0.1
 */
gboolean
sonde_settings_update (SondeSettings *self,
                       GVariant      *changes,
                       GError       **error)
{
  g_autoptr (GVariant) owned_changes = NULL;
  g_autoptr (SondeSettings) draft = NULL;
  g_autoptr (GVariant) preset = NULL;
  gboolean     is_noted[SONDE_N_SETTINGS + 1] = { FALSE };
  const char  *key;
  GVariant    *value;
  GVariantIter iter;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (g_variant_is_of_type (changes, G_VARIANT_TYPE_VARDICT), FALSE);

  owned_changes = g_variant_ref_sink (changes);
  draft = sonde_settings_copy (self);
  preset = g_variant_lookup_value (changes, "Preset", NULL);
  if (preset != NULL && !sonde_settings_set_value (draft, "Preset", preset, error))
    return FALSE;

  g_variant_iter_init (&iter, changes);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;

      if (!take_note (key, is_noted, error) ||
          (!g_str_equal (key, "Preset") && !sonde_settings_set_value (draft, key, owned, error)))
        return FALSE;
    }
  if (!sonde_settings_check (draft, error))
    return FALSE;
  take_values (self, draft);

  return TRUE;
}
