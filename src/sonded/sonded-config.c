/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What the files of a configuration mean, all of them together. */

#include "config.h"

#include "sonded-config.h"

#include <string.h>

#include "sonded-config-file.h"
#include "sonded-invalid.h"
#include "sonded-name.h"
#include "sonded-sockets.h"

#define GENERAL_GROUP "Sonde"
#define SERVER_GROUP_PREFIX "Server "
#define GROUPS "[" GENERAL_GROUP "], [" SERVER_GROUP_PREFIX "NAME]"
#define MAX_CONNECTIONS_MAX 2147483647
#define PRESET "Preset"
#define LISTEN "Listen"

static SondedConfig *
config_new (void)
{
  SondedConfig *self = g_new0 (SondedConfig, 1);

  self->servers = g_hash_table_new_full (g_str_hash,
                                         g_str_equal,
                                         g_free,
                                         (GDestroyNotify) sonde_settings_unref);
  self->sockets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  return self;
}

/*
 * sonded_config_free:
 * @self: (transfer full): a configuration
 *
 * Frees a configuration.
 */
void
sonded_config_free (SondedConfig *self)
{
  g_hash_table_unref (self->servers);
  g_hash_table_unref (self->sockets);
  g_free (self);
}

static gboolean
take_general_key (SondedConfig *self,
                  const char   *key,
                  const char   *value,
                  GError      **error)
{
  guint64 number = 0;

  if (strcmp (key, "MaxConnections") != 0)
    {
      g_set_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING,
                   "%s is not a setting of [" GENERAL_GROUP "]; allowed: MaxConnections", key);
      return FALSE;
    }
  if (!g_ascii_string_to_unsigned (value, 10, 0, MAX_CONNECTIONS_MAX, &number, NULL))
    return sonded_set_invalid (error, key, value, "0 to " G_STRINGIFY (MAX_CONNECTIONS_MAX));
  self->max_connections = (guint) number;

  return TRUE;
}

static gboolean
load_general (SondedConfig           *self,
              const SondedConfigFile *file,
              GError                **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (file->keys, GENERAL_GROUP, NULL, NULL);

  for (gsize i = 0; keys != NULL && keys[i] != NULL; i++)
    {
      g_autofree char *value = g_key_file_get_value (file->keys, GENERAL_GROUP, keys[i], NULL);
      g_autoptr (GError) local_error = NULL;

      if (!take_general_key (self, keys[i], value, &local_error))
        return sonded_lines_set_error (file->lines,
                                       GENERAL_GROUP,
                                       keys[i],
                                       local_error->message,
                                       error);
    }

  return TRUE;
}

static gboolean
load_key (SondeSettings          *settings,
          const SondedConfigFile *file,
          const char             *group,
          const char             *key,
          GError                **error)
{
  g_autofree char *value = g_key_file_get_string (file->keys, group, key, NULL);
  g_autofree char *raw = g_key_file_get_value (file->keys, group, key, NULL);
  g_autoptr (GError) local_error = NULL;

  /* A value that is no string to GKeyFile, for a stray backslash, is taken as
   * it stands, and refused as what it is. */
  if (sonde_settings_set_string (settings, key, value != NULL ? value : raw, &local_error))
    return TRUE;

  return sonded_lines_set_error (file->lines, group, key, local_error->message, error);
}

/* An empty value takes back what an earlier file asked. */
static gboolean
load_listen (char                  **sockets,
             const SondedConfigFile *file,
             const char             *group,
             GError                **error)
{
  const char      *server = group + strlen (SERVER_GROUP_PREFIX);
  g_autofree char *value = g_key_file_get_value (file->keys, group, LISTEN, NULL);
  g_autoptr (GError) local_error = NULL;

  g_clear_pointer (sockets, g_free);
  if (value[0] == '\0' || sonded_sockets_parse (value, server, sockets, &local_error))
    return TRUE;

  return sonded_lines_set_error (file->lines, group, LISTEN, local_error->message, error);
}

/* A preset lies below the other keys, wherever it stands; and of several, in
 * as many files, the last one lies there alone. */
static SondeSettings *
load_preset (GPtrArray  *files,
             const char *group,
             GError    **error)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();

  for (guint i = 0; i < files->len; i++)
    {
      const SondedConfigFile *file = files->pdata[i];

      if (!g_key_file_has_key (file->keys, group, PRESET, NULL))
        continue;
      sonde_settings_unref (settings);
      settings = sonde_settings_new ();
      if (!load_key (settings, file, group, PRESET, error))
        return NULL;
    }

  return g_steal_pointer (&settings);
}

static gboolean
load_keys (SondeSettings          *settings,
           char                  **sockets,
           const SondedConfigFile *file,
           const char             *group,
           GError                **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (file->keys, group, NULL, NULL);

  for (gsize i = 0; keys != NULL && keys[i] != NULL; i++)
    {
      if (strcmp (keys[i], PRESET) == 0)
        continue;
      if (strcmp (keys[i], LISTEN) == 0 ? !load_listen (sockets, file, group, error)
                                        : !load_key (settings, file, group, keys[i], error))
        return FALSE;
    }

  return TRUE;
}

/* Blames the last file that has the group: what it adds does not fit. */
static gboolean
blame_group (GPtrArray  *files,
             const char *group,
             const char *message,
             GError    **error)
{
  guint i = files->len - 1;

  while (i > 0 && !g_key_file_has_group (((SondedConfigFile *) files->pdata[i])->keys, group))
    i--;

  return sonded_lines_set_error (((SondedConfigFile *) files->pdata[i])->lines,
                                 group,
                                 NULL,
                                 message,
                                 error);
}

static SondeSettings *
load_settings (GPtrArray  *files,
               const char *group,
               char      **sockets,
               GError    **error)
{
  g_autoptr (SondeSettings) settings = load_preset (files, group, error);
  g_autoptr (GVariant) nothing = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr (GError) local_error = NULL;

  for (guint i = 0; settings != NULL && i < files->len; i++)
    if (!load_keys (settings, sockets, files->pdata[i], group, error))
      return NULL;

  /* They have addresses of their own; those of a preset, say, do not count. */
  if (settings != NULL && *sockets != NULL)
    sonde_settings_set_value (settings, "ListenAddresses", g_variant_new_strv (NULL, 0), NULL);

  /* Updated with nothing, settings are checked as a whole. */
  if (settings != NULL && !sonde_settings_update (settings, nothing, &local_error))
    {
      blame_group (files, group, local_error->message, error);
      return NULL;
    }

  return g_steal_pointer (&settings);
}

static gboolean
check_group (const SondedConfigFile *file,
             const char             *group,
             GError                **error)
{
  g_autofree char *message = NULL;

  if (strcmp (group, GENERAL_GROUP) == 0 ||
      (g_str_has_prefix (group, SERVER_GROUP_PREFIX) &&
       sonded_name_is_valid (group + strlen (SERVER_GROUP_PREFIX))))
    return TRUE;

  message = g_strdup_printf ("[%s] is not a group; allowed: " GROUPS, group);

  return sonded_lines_set_error (file->lines, group, NULL, message, error);
}

static gboolean
load_server (SondedConfig *self,
             GPtrArray    *files,
             const char   *group,
             GError      **error)
{
  const char      *name = group + strlen (SERVER_GROUP_PREFIX);
  SondeSettings   *settings = NULL;
  g_autofree char *sockets = NULL;

  if (g_hash_table_contains (self->servers, name))
    return TRUE;

  settings = load_settings (files, group, &sockets, error);
  if (settings == NULL)
    return FALSE;
  g_hash_table_insert (self->servers, g_strdup (name), settings);
  if (sockets != NULL)
    g_hash_table_insert (self->sockets, g_strdup (name), g_steal_pointer (&sockets));

  return TRUE;
}

/* A server is made of what all files say about it, where the first of them
 * names it. */
static gboolean
load_groups (SondedConfig           *self,
             GPtrArray              *files,
             const SondedConfigFile *file,
             GError                **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (file->keys, NULL);

  for (gsize i = 0; groups[i] != NULL; i++)
    {
      if (!check_group (file, groups[i], error))
        return FALSE;
      if (strcmp (groups[i], GENERAL_GROUP) == 0 ? !load_general (self, file, error)
                                                 : !load_server (self, files, groups[i], error))
        return FALSE;
    }

  return TRUE;
}

static SondedConfig *
load_files (GPtrArray *files,
            GError   **error)
{
  g_autoptr (SondedConfig) self = config_new ();

  for (guint i = 0; i < files->len; i++)
    if (!load_groups (self, files, files->pdata[i], error))
      return NULL;

  return g_steal_pointer (&self);
}

static GPtrArray *
new_files (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) sonded_config_file_free);
}

/*
 * sonded_config_parse:
 * @path: the name of the file, for messages
 * @text: what stands in it
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Reads a configuration. It is taken whole or not at all.
 *
 * Returns: (transfer full): the configuration
 */
SondedConfig *
sonded_config_parse (const char *path,
                     const char *text,
                     GError    **error)
{
  g_autoptr (GPtrArray) files = new_files ();
  SondedConfigFile *file = sonded_config_file_parse (path, text, error);

  if (file == NULL)
    return NULL;
  g_ptr_array_add (files, file);

  return load_files (files, error);
}

/*
 * sonded_config_load:
 * @paths: (array zero-terminated=1): files, such as
 *   sonded_config_search_list() lists them
 * @error: where to put an error: %SONDE_ERROR_INVALID_SETTING, or
 *   %SONDE_ERROR_FAILED if one cannot be read
 *
 * Reads a configuration that is made of several files. Of two that ask for
 * one key of one group the later one counts.
 *
 * Returns: (transfer full): the configuration
 */
SondedConfig *
sonded_config_load (const char *const *paths,
                    GError           **error)
{
  g_autoptr (GPtrArray) files = new_files ();

  for (gsize i = 0; paths[i] != NULL; i++)
    {
      SondedConfigFile *file = sonded_config_file_read (paths[i], error);

      if (file == NULL)
        return NULL;
      g_ptr_array_add (files, file);
    }

  return load_files (files, error);
}
