/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-address-private.h"
#include "sonde-settings-private.h"

G_DEFINE_BOXED_TYPE (SondeSettings, sonde_settings, sonde_settings_ref, sonde_settings_unref)

/**
 * sonde_settings_new:
 *
 * Creates settings in which nothing is set.
 *
 * Returns: (transfer full): the settings
 *
 * Since: 0.1
 */
SondeSettings *
sonde_settings_new (void)
{
  return g_atomic_rc_box_new0 (SondeSettings);
}

/**
 * sonde_settings_new_for_preset:
 * @preset: one of [func@Sonde.Settings.list_presets]
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Creates the settings of one of the recipes that Sonde grew from.
 *
 * Returns: (transfer full): the settings
 *
 * Since: 0.1
 */
SondeSettings *
sonde_settings_new_for_preset (const char *preset,
                               GError    **error)
{
  g_autoptr (SondeSettings) self = sonde_settings_new ();

  g_return_val_if_fail (preset != NULL, NULL);

  return sonde_preset_apply (preset, self, error) ? g_steal_pointer (&self) : NULL;
}

/**
 * sonde_settings_copy:
 * @self: settings
 *
 * Creates settings that are the same and can be changed on their own.
 *
 * Returns: (transfer full): the copy
 *
 * Since: 0.1
 */
SondeSettings *
sonde_settings_copy (SondeSettings *self)
{
  SondeSettings *copy = sonde_settings_new ();

  g_return_val_if_fail (self != NULL, copy);

  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    if (self->values[i] != NULL)
      copy->values[i] = g_variant_ref (self->values[i]);

  return copy;
}

/**
 * sonde_settings_ref:
 * @self: settings
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
SondeSettings *
sonde_settings_ref (SondeSettings *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return g_atomic_rc_box_acquire (self);
}

static void
clear (SondeSettings *self)
{
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    g_clear_pointer (&self->values[i], g_variant_unref);
}

/**
 * sonde_settings_unref:
 * @self: (transfer full): settings
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
void
sonde_settings_unref (SondeSettings *self)
{
  g_return_if_fail (self != NULL);

  g_atomic_rc_box_release_full (self, (GDestroyNotify) clear);
}

/* "Any of time, interval, probes given turns keep-alive on"; and several
 * workers can only share a port through SO_REUSEPORT. */
static gboolean
is_implied (SondeSettings *self,
            guint          setting)
{
  if (setting == SONDE_SETTING_OPTION (SONDE_ROW_KEEP_ALIVE))
    return self->values[SONDE_SETTING_OPTION (SONDE_ROW_KEEP_ALIVE_TIME)] != NULL ||
           self->values[SONDE_SETTING_OPTION (SONDE_ROW_KEEP_ALIVE_INTERVAL)] != NULL ||
           self->values[SONDE_SETTING_OPTION (SONDE_ROW_KEEP_ALIVE_PROBES)] != NULL;
  if (setting == SONDE_SETTING_OPTION (SONDE_ROW_REUSE_PORT))
    return sonde_settings_get_number (self, SONDE_SETTING_WORKERS) > 1;

  return FALSE;
}

/*
 * sonde_settings_has:
 * @self: settings
 * @setting: an index below %SONDE_N_SETTINGS
 *
 * Checks whether a setting was asked for, in so many words or because another
 * one implies it.
 */
gboolean
sonde_settings_has (SondeSettings *self,
                    guint          setting)
{
  return self->values[setting] != NULL || is_implied (self, setting);
}

/*
 * sonde_settings_peek:
 * @self: settings
 * @setting: an index below %SONDE_N_SETTINGS
 *
 * Gets the value that was asked for, or the default.
 *
 * Returns: (transfer full): the value
 */
GVariant *
sonde_settings_peek (SondeSettings *self,
                     guint          setting)
{
  if (self->values[setting] != NULL)
    return g_variant_ref (self->values[setting]);
  if (is_implied (self, setting))
    return g_variant_ref_sink (g_variant_new_boolean (TRUE));

  return sonde_key_dup_default (sonde_setting_get_key (setting));
}

/*
 * sonde_settings_get_number:
 * @self: settings
 * @setting: a setting that is a number
 *
 * Gets what was asked for as a number.
 */
guint64
sonde_settings_get_number (SondeSettings *self,
                           guint          setting)
{
  if (self->values[setting] == NULL)
    return sonde_setting_get_key (setting)->default_value;

  return sonde_option_get_number (self->values[setting]);
}

/*
 * sonde_settings_get_boolean:
 * @self: settings
 * @setting: a setting that is a boolean
 *
 * Gets what was asked for as a boolean.
 */
gboolean
sonde_settings_get_boolean (SondeSettings *self,
                            guint          setting)
{
  if (self->values[setting] == NULL)
    return is_implied (self, setting);

  return g_variant_get_boolean (self->values[setting]);
}

/*
 * sonde_settings_get_enum:
 * @self: settings
 * @setting: a setting that is an enum
 *
 * Gets what was asked for as a value of the setting's own enum.
 */
int
sonde_settings_get_enum (SondeSettings *self,
                         guint          setting)
{
  const SondeKey *key = sonde_setting_get_key (setting);
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (key->enum_type ());

  if (self->values[setting] == NULL)
    return (int) key->default_value;

  return g_enum_get_value_by_nick (enum_class,
                                   g_variant_get_string (self->values[setting], NULL))
    ->value;
}

/**
 * sonde_settings_is_set:
 * @self: settings
 * @key: the name of a setting, such as `NoDelay`
 *
 * Checks whether a setting was asked for, be it that another one implies it
 * (a keep-alive time turns keep-alive on).
 *
 * Returns: %TRUE if it was; %FALSE if it is left to its default, or there is
 *   no such setting
 *
 * Since: 0.1
 */
gboolean
sonde_settings_is_set (SondeSettings *self,
                       const char    *key)
{
  guint setting;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (key != NULL, FALSE);

  return sonde_setting_find (key, &setting) && sonde_settings_has (self, setting);
}

/**
 * sonde_settings_get_value:
 * @self: settings
 * @key: the name of a setting, such as `NoDelay`
 *
 * Gets what was asked for, or the default: 0 and "" mean that it is left to
 * the kernel.
 *
 * Returns: (transfer full) (nullable): the value, of the D-Bus property's
 *   type, or %NULL if there is no such setting
 *
 * Since: 0.1
 */
GVariant *
sonde_settings_get_value (SondeSettings *self,
                          const char    *key)
{
  guint setting;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  return sonde_setting_find (key, &setting) ? sonde_settings_peek (self, setting) : NULL;
}

/**
 * sonde_settings_to_variant:
 * @self: settings
 *
 * Gets every setting, at its default or not, by name.
 *
 * Returns: (transfer full): an `a{sv}`
 *
 * Since: 0.1
 */
GVariant *
sonde_settings_to_variant (SondeSettings *self)
{
  GVariantDict dict;

  g_return_val_if_fail (self != NULL, NULL);

  g_variant_dict_init (&dict, NULL);
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    {
      g_autoptr (GVariant) value = sonde_settings_peek (self, i);

      g_variant_dict_insert_value (&dict, sonde_setting_get_key (i)->name, value);
    }

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/**
 * sonde_settings_is_exposed:
 * @self: settings
 *
 * Checks whether a server of these settings would listen where others than the
 * programs of this machine can connect, or on a privileged port (1 to 1023).
 * A host name counts as such an address, `localhost` does not.
 *
 * Returns: %TRUE if any of the addresses is
 *
 * Since: 0.1
 */
gboolean
sonde_settings_is_exposed (SondeSettings *self)
{
  g_autoptr (GVariant) addresses = NULL;
  GVariantIter iter;
  const char  *address;

  g_return_val_if_fail (self != NULL, TRUE);

  addresses = sonde_settings_get_value (self, "ListenAddresses");
  g_variant_iter_init (&iter, addresses);
  while (g_variant_iter_next (&iter, "&s", &address))
    if (sonde_address_is_exposed (address))
      return TRUE;

  return FALSE;
}
