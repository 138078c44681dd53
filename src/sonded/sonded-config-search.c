/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Of which files a configuration is made, as systemd does it: the first
 * sonded.conf that is found, and after it the sonded.conf.d/NAME.conf of all
 * folders, sorted by name. Of two with one name that of the higher folder
 * counts; an empty one, or a link to /dev/null, hides those below it. */

#include "config.h"

#include "sonded-config-search.h"

#include <errno.h>
#include <gio/gio.h>
#include <libsonde/sonde.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MAIN_FILE "sonded.conf"
#define DROP_IN_FOLDER "sonded.conf.d"
#define DROP_IN_SUFFIX ".conf"

/*
 * sonded_config_search_dup_folders:
 * @user: whether the daemon is a user's own
 *
 * Lists the folders where files are looked for, the highest first. The
 * environment variable `SONDE_CONFIG_PATH`, folders separated by colons,
 * replaces them all.
 *
 * Returns: (transfer full): the folders
 */
char **
sonded_config_search_dup_folders (gboolean user)
{
  const char *path = g_getenv ("SONDE_CONFIG_PATH");
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (path != NULL)
    return g_strsplit (path, ":", -1);

  if (user)
    {
      g_autofree char *config = g_build_filename (g_get_user_config_dir (), "sonde", NULL);
      g_autofree char *runtime = g_build_filename (g_get_user_runtime_dir (), "sonde", NULL);

      g_strv_builder_add_many (builder, config, runtime, NULL);
    }
  g_strv_builder_add_many (builder, SYSCONFDIR "/sonde", "/run/sonde", VENDORDIR "/sonde", NULL);

  return g_strv_builder_end (builder);
}

static gboolean
set_error (const char *path,
           const char *why,
           GError    **error)
{
  g_set_error (error, SONDE_ERROR, SONDE_ERROR_FAILED, "Cannot read %s: %s", path, why);

  return FALSE;
}

static gboolean
is_mask (const char *path)
{
  struct stat status;

  if (stat (path, &status) != 0)
    return FALSE;
  if (S_ISREG (status.st_mode))
    return status.st_size == 0;

  return S_ISCHR (status.st_mode) && status.st_rdev == makedev (1, 3);
}

/* A link that leads nowhere is there: reading it will tell what is wrong. */
static gboolean
find_main (const char *const *folders,
           char             **found,
           GError           **error)
{
  for (gsize i = 0; folders[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (folders[i], MAIN_FILE, NULL);
      struct stat      status;

      if (lstat (path, &status) == 0)
        {
          *found = g_steal_pointer (&path);
          return TRUE;
        }
      if (errno != ENOENT)
        return set_error (path, g_strerror (errno), error);
    }
  *found = g_strdup (SONDED_CONFIG_BUILT_IN);

  return TRUE;
}

static gboolean
is_drop_in (const char *name)
{
  return name[0] != '.' && g_str_has_suffix (name, DROP_IN_SUFFIX);
}

static gboolean
find_drop_ins (const char *folder,
               GHashTable *paths,
               GError    **error)
{
  g_autofree char *parent = g_build_filename (folder, DROP_IN_FOLDER, NULL);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GDir) dir = g_dir_open (parent, 0, &local_error);
  const char *name = NULL;

  if (dir == NULL)
    return g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
           set_error (parent, local_error->message, error);

  while ((name = g_dir_read_name (dir)) != NULL)
    if (is_drop_in (name) && !g_hash_table_contains (paths, name))
      g_hash_table_insert (paths, g_strdup (name), g_build_filename (parent, name, NULL));

  return TRUE;
}

static void
add_unless_masked (GStrvBuilder *builder,
                   const char   *path)
{
  if (!is_mask (path))
    g_strv_builder_add (builder, path);
}

/*
 * sonded_config_search_list:
 * @folders: (array zero-terminated=1): where to look, the highest first
 * @error: where to put an error, %SONDE_ERROR_FAILED
 *
 * Lists the files of the configuration in the order in which they are read:
 * of two that ask for one key the later one counts. The first is the main
 * file, or, where there is none, %SONDED_CONFIG_BUILT_IN.
 *
 * Returns: (transfer full): the files
 */
char **
sonded_config_search_list (const char *const *folders,
                           GError           **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GHashTable) drop_ins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GList) names = NULL;
  g_autofree char *main_file = NULL;

  if (!find_main (folders, &main_file, error))
    return NULL;
  for (gsize i = 0; folders[i] != NULL; i++)
    if (!find_drop_ins (folders[i], drop_ins, error))
      return NULL;

  add_unless_masked (builder, main_file);
  names = g_list_sort (g_hash_table_get_keys (drop_ins), (GCompareFunc) strcmp);
  for (GList *l = names; l != NULL; l = l->next)
    add_unless_masked (builder, g_hash_table_lookup (drop_ins, l->data));

  return g_strv_builder_end (builder);
}
