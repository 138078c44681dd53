/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* A preset is given as a setting is, but it stands for many of them. */

#include "config.h"

#include "sondectl-presets.h"

#include <glib/gi18n.h>

#include "sondectl-json.h"
#include "sondectl-table.h"

#include <libsonde/sonde.h>

static const SondectlColumn columns[] = {
  { N_ ("PRESET"), FALSE },
  { N_ ("SETTINGS"), FALSE },
};

/* What it asks for, and leaves to nobody. */
static GVariant *
list_settings (const char *preset,
               GError    **error)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new_for_preset (preset, error);
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (settings == NULL)
    return NULL;

  for (const char *const *key = sonde_settings_list_keys (); *key != NULL; key++)
    {
      g_autoptr (GVariant) value = sonde_settings_get_value (settings, *key);

      if (sonde_settings_is_set (settings, *key))
        g_variant_builder_add (&builder, "{sv}", *key, value);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
add_row (SondectlTable *table,
         const char    *preset,
         GVariant      *settings)
{
  g_autoptr (GString) text = g_string_new (NULL);
  GVariantIter iter;
  const char  *key;
  GVariant    *value;

  g_variant_iter_init (&iter, settings);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autofree char *one = sonde_settings_format (key, value);

      g_string_append_printf (text, "%s%s=%s", text->len > 0 ? " " : "", key, one);
      g_variant_unref (value);
    }

  sondectl_table_add_cell (table, preset);
  sondectl_table_add_cell (table, text->str);
}

/*
 * sondectl_presets_explain:
 * @context: what was asked for
 * @names: (array zero-terminated=1): which presets
 * @error: a %SONDE_ERROR_INVALID_SETTING if there is none of such a name
 *
 * Shows what presets ask for.
 */
gboolean
sondectl_presets_explain (SondectlContext   *context,
                          const char *const *names,
                          GError           **error)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autoptr (GVariant) settings = list_settings (names[i], error);

      if (settings == NULL)
        return FALSE;
      add_row (table, names[i], settings);
      g_variant_builder_add (&builder, "{sv}", names[i], settings);
    }

  if (context->json != SONDECTL_JSON_OFF)
    sondectl_json_print (context, g_variant_builder_end (&builder));
  else
    sondectl_table_print (table, context->legend);

  return TRUE;
}
