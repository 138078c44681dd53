/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Looks at the configuration as the daemon would, and serves nobody. */

#include "config.h"

#include "sonded-inspect.h"

#include <json-glib/json-glib.h>

#include "sonded-config-check.h"
#include "sonded-config-file.h"
#include "sonded-config-search.h"

static char **
list_files (const SondedOptions *options,
            GError             **error)
{
  const char *const only[] = { options->config_path, NULL };

  if (options->config_path != NULL)
    return g_strdupv ((char **) only);

  return sonded_config_search_list ((const char *const *) options->config_folders, error);
}

/* A file alone may be meant for a drop-in; what is found is all that there is. */
static gboolean
verify (const char *const *paths,
        gboolean           is_whole,
        GError           **error)
{
  g_autoptr (SondedConfig) config = sonded_config_load (paths, error);

  return config != NULL && sonded_config_check_settings (config, error) &&
         (!is_whole || sonded_config_check_places (config, error));
}

/* In JSON, because in a text nobody could tell where one file ends. */
static gboolean
cat (const char *const *paths,
     GError           **error)
{
  GVariantBuilder  builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{ss}"));
  g_autofree char *json = NULL;
  g_autoptr (GVariant) files = NULL;

  for (gsize i = 0; paths[i] != NULL; i++)
    {
      g_autofree char *path = g_utf8_make_valid (paths[i], -1);
      g_autofree char *text = sonded_config_file_dup_text (paths[i], error);
      g_autofree char *content = text != NULL ? g_utf8_make_valid (text, -1) : NULL;

      if (text == NULL)
        {
          g_variant_builder_clear (&builder);
          return FALSE;
        }

      g_variant_builder_open (&builder, G_VARIANT_TYPE ("a{ss}"));
      g_variant_builder_add (&builder, "{ss}", "File", path);
      g_variant_builder_add (&builder, "{ss}", "Content", content);
      g_variant_builder_close (&builder);
    }

  files = g_variant_ref_sink (g_variant_builder_end (&builder));
  json = json_gvariant_serialize_data (files, NULL);
  g_print ("%s\n", json);

  return TRUE;
}

/*
 * sonded_inspect:
 * @options: what to do, and with which configuration
 *
 * Verifies the configuration, or prints its files.
 *
 * Returns: the status to exit with
 */
int
sonded_inspect (const SondedOptions *options)
{
  g_autoptr (GError) local_error = NULL;
  g_auto (GStrv) found = list_files (options, &local_error);
  const char *const *paths = (const char *const *) found;
  const gboolean     is_whole = options->config_path == NULL;

  if (paths != NULL &&
      (options->inspection == SONDED_INSPECT_VERIFY ? verify (paths, is_whole, &local_error)
                                                    : cat (paths, &local_error)))
    return SONDED_EXIT_OK;

  g_assert (local_error != NULL);
  g_printerr ("sonded: %s\n", local_error->message);

  return sonded_options_get_load_status (local_error);
}
