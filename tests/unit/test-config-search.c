/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <sonded/sonded-config-search.h>
#include <sonded/sonded-config.h>

/* Three folders, of which the first is the highest. */
typedef struct
{
  char *root;       /* (owned) */
  char *folders[4]; /* (owned) */
} Place;

static void
set_up (Place        *place,
        gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  place->root = g_dir_make_tmp ("sonde-search-XXXXXX", &error);
  g_assert_no_error (error);
  place->folders[0] = g_build_filename (place->root, "etc", NULL);
  place->folders[1] = g_build_filename (place->root, "run", NULL);
  place->folders[2] = g_build_filename (place->root, "lib", NULL);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = NULL;
  const char *name = NULL;

  if (!g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    dir = g_dir_open (path, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_assert_no_errno (g_remove (path));
}

static void
tear_down (Place        *place,
           gconstpointer user_data)
{
  remove_tree (place->root);
  g_free (place->root);
  for (guint i = 0; i < 3; i++)
    g_free (place->folders[i]);
}

static char *
make_path (Place      *place,
           const char *name)
{
  g_autofree char *path = g_build_filename (place->root, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_no_errno (g_mkdir_with_parents (parent, 0700));

  return g_steal_pointer (&path);
}

static void
put (Place      *place,
     const char *name,
     const char *text)
{
  g_autofree char *path = make_path (place, name);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
put_link (Place      *place,
          const char *name,
          const char *target)
{
  g_autofree char *path = make_path (place, name);

  g_assert_no_errno (symlink (target, path));
}

static char **
list (Place *place)
{
  g_autoptr (GError) error = NULL;
  char **found = sonded_config_search_list ((const char *const *) place->folders, &error);

  g_assert_no_error (error);

  return found;
}

/* @expected is one name after the other, relative to the root. */
static void
assert_list (Place      *place,
             const char *expected)
{
  g_auto (GStrv) found = list (place);
  g_autofree char *prefix = g_strconcat (place->root, "/", NULL);
  g_autofree char *text = g_strjoinv (" ", found);
  g_auto (GStrv) parts = g_strsplit (text, prefix, -1);
  g_autofree char *names = g_strjoinv ("", parts);

  g_assert_cmpstr (names, ==, expected);
}

static void
assert_fails (Place      *place,
              const char *name)
{
  g_autofree char *path = g_build_filename (place->root, name, NULL);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) found =
    sonded_config_search_list ((const char *const *) place->folders, &error);
  g_autoptr (SondedConfig) config = NULL;

  if (found != NULL)
    config = sonded_config_load ((const char *const *) found, &error);
  g_assert_null (config);
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, path));
}

static void
test_main_file (Place        *place,
                gconstpointer user_data)
{
  g_test_summary ("The main file is that of the highest folder, or the built-in one.");

  assert_list (place, SONDED_CONFIG_BUILT_IN);
  put (place, "lib/sonded.conf", "[Sonde]\n");
  assert_list (place, "lib/sonded.conf");
  put (place, "run/sonded.conf", "[Sonde]\n");
  assert_list (place, "run/sonded.conf");
  put (place, "etc/sonded.conf", "[Sonde]\n");
  assert_list (place, "etc/sonded.conf");
}

static void
test_drop_ins (Place        *place,
               gconstpointer user_data)
{
  g_test_summary ("Drop-ins of all folders are sorted by name, and the highest of a name counts.");

  put (place, "lib/sonded.conf", "[Sonde]\n");
  put (place, "lib/sonded.conf.d/50-b.conf", "[Sonde]\n");
  put (place, "lib/sonded.conf.d/90-z.conf", "[Sonde]\n");
  put (place, "etc/sonded.conf.d/60-c.conf", "[Sonde]\n");
  put (place, "run/sonded.conf.d/10-a.conf", "[Sonde]\n");
  put (place, "run/sonded.conf.d/50-b.conf", "[Sonde]\n");
  put (place, "run/sonded.conf.d/.hidden.conf", "[Sonde]\n");
  put (place, "run/sonded.conf.d/70.conf.bak", "[Sonde]\n");
  put (place, "run/sonded.conf.d/README", "[Sonde]\n");
  assert_list (place,
               "lib/sonded.conf run/sonded.conf.d/10-a.conf run/sonded.conf.d/50-b.conf "
               "etc/sonded.conf.d/60-c.conf lib/sonded.conf.d/90-z.conf");
}

static void
test_masks (Place        *place,
            gconstpointer user_data)
{
  g_autoptr (SondedConfig) config = NULL;
  g_auto (GStrv) found = NULL;

  g_test_summary ("An empty file, or a link to /dev/null, hides what is below it.");

  put (place, "lib/sonded.conf", "[Sonde]\n");
  put (place, "lib/sonded.conf.d/a.conf", "[Sonde]\n");
  put (place, "lib/sonded.conf.d/b.conf", "[Sonde]\n");
  put (place, "lib/sonded.conf.d/c.conf", "[Sonde]\n");
  put (place, "run/sonded.conf.d/a.conf", "");
  put_link (place, "etc/sonded.conf.d/b.conf", "/dev/null");
  assert_list (place, "lib/sonded.conf lib/sonded.conf.d/c.conf");

  put_link (place, "etc/sonded.conf", "/dev/null");
  assert_list (place, "lib/sonded.conf.d/c.conf");
  put (place, "etc/sonded.conf.d/c.conf", "");
  found = list (place);
  g_assert_cmpuint (g_strv_length (found), ==, 0);
  config = sonded_config_load ((const char *const *) found, NULL);
  g_assert_nonnull (config);
  g_assert_cmpuint (g_hash_table_size (config->servers), ==, 0);
}

static void
test_broken (Place        *place,
             gconstpointer user_data)
{
  g_autofree char *fifo = NULL;

  g_test_summary ("What is there and cannot be read is refused with its name, and hangs nobody.");

  put_link (place, "lib/sonded.conf", "sonded.conf");
  assert_fails (place, "lib/sonded.conf");
  put_link (place, "run/sonded.conf", "nowhere");
  assert_fails (place, "run/sonded.conf");
  put (place, "etc/sonded.conf", "[Sonde]\n");
  put (place, "run/sonded.conf.d/dir.conf/file", "");
  assert_fails (place, "run/sonded.conf.d/dir.conf");
  put (place, "etc/sonded.conf.d/dir.conf", "");
  fifo = make_path (place, "etc/sonded.conf.d/fifo.conf");
  g_assert_no_errno (mkfifo (fifo, 0600));
  assert_fails (place, "etc/sonded.conf.d/fifo.conf");
}

static void
test_broken_folders (Place        *place,
                     gconstpointer user_data)
{
  g_test_summary ("A folder that is none is refused with its name.");

  put (place, "etc/sonded.conf.d", "");
  assert_fails (place, "etc/sonded.conf.d");
  put (place, "run", "");
  assert_fails (place, "run/sonded.conf");
}

static char *
show (SondedConfig *config,
      const char   *server,
      const char   *key)
{
  SondeSettings *settings = g_hash_table_lookup (config->servers, server);
  g_autoptr (GVariant) value = NULL;

  g_assert_nonnull (settings);
  value = sonde_settings_get_value (settings, key);

  return g_variant_print (value, FALSE);
}

static void
assert_value (SondedConfig *config,
              const char   *server,
              const char   *key,
              const char   *expected)
{
  g_autofree char *text = show (config, server, key);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_merge (Place        *place,
            gconstpointer user_data)
{
  g_autoptr (SondedConfig) config = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) found = NULL;

  g_test_summary ("Of two files that ask for a key the later counts; a preset is below all keys.");

  put (place, "lib/sonded.conf",
       "[Sonde]\nMaxConnections=5\n[Server a]\nBacklog=1\nNoDelay=yes\nKeepAliveTimeSec=5\n"
       "Preset=asyncio\n[Server b]\nMode=upper\n");
  put (place, "run/sonded.conf.d/1.conf",
       "[Server a]\nBacklog=2\nKeepAliveTimeUSec=6000000\n[Sonde]\nMaxConnections=6\n");
  put (place, "etc/sonded.conf.d/2.conf",
       "[Server a]\nBacklog=3\nPreset=socketserver-base\n[Server c]\nMode=upper-line\n");
  found = list (place);
  config = sonded_config_load ((const char *const *) found, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (config->max_connections, ==, 6);
  g_assert_cmpuint (g_hash_table_size (config->servers), ==, 3);
  assert_value (config, "a", "Backlog", "3");
  assert_value (config, "a", "NoDelay", "true");
  assert_value (config, "a", "KeepAliveTimeUSec", "6000000");
  assert_value (config, "a", "Mode", "'upper-once'");
  assert_value (config, "a", "ReusePort", "false");
  assert_value (config, "b", "Mode", "'upper'");
  assert_value (config, "c", "Mode", "'upper-line'");
}

static void
assert_invalid (Place      *place,
                const char *where)
{
  g_autofree char *prefix = g_build_filename (place->root, where, NULL);
  g_auto (GStrv) found = list (place);
  g_autoptr (GError) error = NULL;

  g_assert_null (sonded_config_load ((const char *const *) found, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, prefix));
}

static void
test_merge_bad (Place        *place,
                gconstpointer user_data)
{
  static const struct
  {
    const char *text;
    const char *where;
  } bad[] = {
    { "[Server a]\n\nBacklog=many\n", "etc/sonded.conf.d/x.conf:3: " },
    { "[Sonde]\nColour=red\n", "etc/sonded.conf.d/x.conf:2: " },
    { "\n[Server a]\nReusePort=no\n", "etc/sonded.conf.d/x.conf:2: " },
    { "[Server a]\nPreset=nonsense\n", "etc/sonded.conf.d/x.conf:2: " },
    { "\n\n[Other]\n", "etc/sonded.conf.d/x.conf:3: " },
    { "[Server a]\nMode=\xff\n", "etc/sonded.conf.d/x.conf:2: " },
  };

  g_test_summary ("An error names file and line, whichever file it is, overridden or not.");

  put (place, "lib/sonded.conf", "[Server a]\nWorkers=2\n");
  put (place, "lib/sonded.conf.d/z.conf", "[Server b]\nWorkers=2\n");
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      put (place, "etc/sonded.conf.d/x.conf", bad[i].text);
      assert_invalid (place, bad[i].where);
    }

  put (place, "etc/sonded.conf.d/x.conf", "[Server a]\nBacklog=4\n");
  put (place, "lib/sonded.conf", "[Server a]\nWorkers=2\nBacklog=hidden by x.conf\n");
  assert_invalid (place, "lib/sonded.conf:3: ");
}

static void
test_folders (void)
{
  g_auto (GStrv) system = NULL;
  g_auto (GStrv) user = NULL;
  g_auto (GStrv) own = NULL;
  g_autofree char *config = g_build_filename (g_get_user_config_dir (), "sonde", NULL);

  g_test_summary ("A user's daemon looks at the user's folders first; a variable replaces all.");

  g_unsetenv ("SONDE_CONFIG_PATH");
  system = sonded_config_search_dup_folders (FALSE);
  user = sonded_config_search_dup_folders (TRUE);
  g_assert_cmpuint (g_strv_length (system), ==, 3);
  g_assert_cmpstr (system[0], ==, SYSCONFDIR "/sonde");
  g_assert_cmpstr (system[1], ==, "/run/sonde");
  g_assert_cmpstr (system[2], ==, VENDORDIR "/sonde");
  g_assert_cmpuint (g_strv_length (user), ==, 5);
  g_assert_cmpstr (user[0], ==, config);
  g_assert_cmpstr (user[2], ==, system[0]);

  g_setenv ("SONDE_CONFIG_PATH", "/a:/b", TRUE);
  own = sonded_config_search_dup_folders (TRUE);
  g_assert_cmpuint (g_strv_length (own), ==, 2);
  g_assert_cmpstr (own[1], ==, "/b");
}

#define ADD(path, func) g_test_add (path, Place, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/config-search/main-file", test_main_file);
  ADD ("/config-search/drop-ins", test_drop_ins);
  ADD ("/config-search/masks", test_masks);
  ADD ("/config-search/broken", test_broken);
  ADD ("/config-search/broken-folders", test_broken_folders);
  ADD ("/config-search/merge", test_merge);
  ADD ("/config-search/merge/bad", test_merge_bad);
  g_test_add_func ("/config-search/folders", test_folders);

  return g_test_run ();
}
