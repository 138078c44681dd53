/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What is known about a setting, out of the tables, for whoever explains it. */

#include "config.h"

#include "sonde-settings-private.h"

static void
insert_string (GVariantDict *dict,
               const char   *key,
               const char   *value)
{
  g_variant_dict_insert (dict, key, "s", value);
}

static void
insert_values (GVariantDict   *dict,
               const SondeKey *key)
{
  g_autoptr (GPtrArray) nicks = sonde_key_list_nicks (key);

  g_variant_dict_insert (dict, "Values", "^as", nicks->pdata);
}

static void
insert_sysctl (GVariantDict      *dict,
               const SondeOption *option)
{
  if (option == NULL || option->sysctl == NULL)
    return;

  insert_string (dict, "Sysctl", option->sysctl);
  g_variant_dict_insert (dict, "IsCapped", "b", option->capped);
}

/*
 * sonde_setting_describe_change:
 * @setting: an index below %SONDE_N_SETTINGS
 *
 * Tells what a change of a setting waits for: `relisten`, that is a new listener; `new`
 * connections; or, if it is `live`, for nothing.
 */
const char *
sonde_setting_describe_change (guint setting)
{
  const SondeOption *option = sonde_setting_get_option (setting);

  if (sonde_setting_needs_relisten (setting))
    return "relisten";
  if (option != NULL && (option->phases & SONDE_OPTION_ON_CONNECTION) == 0)
    return "new";

  return "live";
}

/**
 * sonde_settings_describe:
 * @key: the name of a setting
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Tells what is known about a setting.
 *
 * The keys of the result are `Name` (s), the name on D-Bus; `Description` (s), in a
 * line; `Type` (s), that of the D-Bus property; `Allowed` (s), the range; `Values`
 * (as), where there are but a few; `Default` (v); `Change` (s), what a change waits for:
 * `relisten`, `new` connections, or, if it is `live`, for nothing; and of some socket
 * options `Sysctl` (s), the sysctl that limits it (`IsCapped` (b) is %TRUE) or decides
 * where nothing is asked.
 *
 * Returns: (transfer full): an `a{sv}`
 *
 * Since: 0.1
 */
GVariant *
sonde_settings_describe (const char *key,
                         GError    **error)
{
  const SondeKey  *found = NULL;
  g_autofree char *range = NULL;
  g_autofree char *type = NULL;
  g_autoptr (GVariant) default_value = NULL;
  GVariantDict dict;
  guint        setting;

  g_return_val_if_fail (key != NULL, NULL);

  if (!sonde_setting_find_or_fail (key, &setting, error))
    return NULL;

  found = sonde_setting_get_key (setting);
  range = sonde_key_describe_range (found);
  type = g_variant_type_dup_string (sonde_key_get_variant_type (found));
  default_value = sonde_key_dup_default (found);

  g_variant_dict_init (&dict, NULL);
  insert_string (&dict, "Name", found->name);
  insert_string (&dict, "Description", found->blurb);
  insert_string (&dict, "Type", type);
  insert_string (&dict, "Allowed", range);
  g_variant_dict_insert_value (&dict, "Default", default_value);
  insert_string (&dict, "Change", sonde_setting_describe_change (setting));
  if (found->kind == SONDE_KEY_ENUM)
    insert_values (&dict, found);
  insert_sysctl (&dict, sonde_setting_get_option (setting));

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
