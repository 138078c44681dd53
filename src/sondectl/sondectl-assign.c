/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-assign.h"

#include <glib/gi18n.h>
#include <string.h>

#include <libsonde/sonde.h>

static gboolean
add_setting (GVariantDict *dict,
             const char   *assignment,
             GError      **error)
{
  const char      *equals = strchr (assignment, '=');
  const char      *canonical_key = NULL;
  g_autofree char *key = NULL;
  g_autoptr (GVariant) value = NULL;

  if (equals == NULL || equals == assignment)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   _ ("'%s' is not of the form KEY=VALUE"),
                   assignment);
      return FALSE;
    }

  key = g_strndup (assignment, (gsize) (equals - assignment));
  value = sonde_settings_parse (key, equals + 1, &canonical_key, error);
  if (value == NULL)
    return FALSE;

  if (g_variant_dict_contains (dict, canonical_key))
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   _ ("%s is given twice"),
                   canonical_key);
      return FALSE;
    }

  g_variant_dict_insert_value (dict, canonical_key, value);

  return TRUE;
}

/*
 * sondectl_assign_parse:
 * @assignments: (array zero-terminated=1): each KEY=VALUE
 * @preset: (nullable): the value of `Preset`, which is given as an option
 * @error: a %SONDE_ERROR_INVALID_SETTING
 *
 * Reads settings as people write them.
 *
 * Returns: (transfer full): an `a{sv}` by the names that D-Bus has
 */
GVariant *
sondectl_assign_parse (char      **assignments,
                       const char *preset,
                       GError    **error)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  if (preset != NULL)
    g_variant_dict_insert (&dict, "Preset", "s", preset);
  for (gsize i = 0; assignments[i] != NULL; i++)
    {
      if (!add_setting (&dict, assignments[i], error))
        return NULL;
    }

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
