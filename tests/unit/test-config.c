/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <sonded/sonded-config.h>

/* A text that is refused, the line that is to blame, and a word of why. */
static const struct
{
  const char *text;
  guint       line;
  const char *word;
} bad[] = {
  { "[Sonde]\nMaxConnection=1\n", 2, "MaxConnection is not a setting" },
  { "[Sonde]\nMaxConnections=-1\n", 2, "MaxConnections=-1" },
  { "[Sonde]\nMaxConnections=\n", 2, "0 to 2147483647" },
  { "[Sonde]\nMaxConnections=2147483648\n", 2, "0 to 2147483647" },
  { "[Server a]\nMode=echo\n\n# a comment\nNoDelays=yes\n", 5, "NoDelays is not a setting" },
  { "[Server a]\nMode=echo\n[Server b]\nMode=ECHO\n", 4, "Mode=" },
  { "[Server a]\n  Mode = ECHO\n", 2, "echo, echo-once, upper" },
  { "[Server a]\nBacklog=many\n", 2, "Backlog=many" },
  { "[Server a]\nBacklog=-1\n", 2, "1 to 2147483647" },
  { "[Server a]\nNoDelay=perhaps\n", 2, "NoDelay=perhaps" },
  { "[Server a]\nKeepAliveTimeSec=0.5\n", 2, "1s to" },
  { "[Server a]\nReceiveBuffer=64X\n", 2, "ReceiveBuffer=64X" },
  { "[Server a]\nListenAddresses=127.0.0.1\n", 2, "HOST:PORT" },
  { "[Server a]\nListenAddresses=127.0.0.1:1;255.255.255.255:2\n", 2, "broadcast" },
  { "[Server a]\nMode=echo\nPreset=nonsense\n", 3, "Preset=nonsense" },
  { "\n[Server a]\nWorkers=2\nReusePort=no\n", 2, "ReusePort=no" },
  { "[Server a]\nCongestion=two words\n", 2, "Congestion=" },
  { "[Server a]\nMode=\\q\n", 2, "Mode=" },
  { "[Server a]\nBacklog=5\n[Server b]\n[Server a]\nBacklog=5\n", 5, "already, on line 2" },
  { "[Server a]\nBacklog=5\nBacklog = 6\n", 3, "already, on line 2" },
  { "[Server a]\nBacklog=5\n[Server b]\n[Server a]\nMode=bad\n", 5, "Mode=" },
  { "[Servers]\n", 1, "[Servers] is not a group" },
  { "[Server]\n", 1, "is not a group" },
  { "[Server ]\n", 1, "is not a group" },
  { "[Sonde]\n\n[sonde]\n", 3, "[sonde] is not a group" },
  { "[x]\n", 1, "[x] is not a group" },
  { "Mode=echo\n", 1, "" },
  { "# a comment\n\nMode=echo\n", 3, "" },
  { "[Server a]\nMode=echo\ngarbage\n", 3, "" },
  { "[Server a\nMode=echo\n", 1, "" },
  { "[Server a]\n=echo\n", 2, "" },
  { "garbage", 1, "" },
  { "[Server a]\nMode=\xff\n", 2, "UTF-8" },
  { "[Server a]\nMode=echo\n# \xc3\n\nBacklog=1\n", 3, "UTF-8" },
  { "\xef\xbb\xbf\xff", 1, "UTF-8" },
};

static SondedConfig *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  SondedConfig *config = sonded_config_parse ("test.conf", text, &error);

  g_assert_no_error (error);
  g_assert_nonnull (config);

  return config;
}

static SondeSettings *
get_server (SondedConfig *config,
            const char   *name)
{
  SondeSettings *settings = g_hash_table_lookup (config->servers, name);

  g_assert_nonnull (settings);

  return settings;
}

static void
assert_setting (SondedConfig *config,
                const char   *name,
                const char   *key,
                const char   *expected_text)
{
  g_autoptr (GVariant) value = sonde_settings_get_value (get_server (config, name), key);
  g_autoptr (GVariant) expected = g_variant_parse (NULL, expected_text, NULL, NULL, NULL);

  g_assert_cmpvariant (value, expected);
}

static void
test_good (void)
{
  g_autoptr (SondedConfig) config = parse ("# The example of the manual.\n"
                                           "[Sonde]\n"
                                           "MaxConnections=10000\n"
                                           "\n"
                                           "[Server echo]\n"
                                           "Mode=echo\n"
                                           "ListenAddresses=127.0.0.1:9999;[::1]:9999\n"
                                           "Backlog = 100\n"
                                           "NoDelay=yes\n"
                                           "KeepAliveTimeSec=30min\n"
                                           "ReceiveBuffer=64K\n"
                                           "\n"
                                           "[Server one-shot]\r\n"
                                           "Preset=asyncio\r\n");

  g_test_summary ("A configuration holds its servers, and every value in the unit that it means.");

  g_assert_cmpuint (config->max_connections, ==, 10000);
  g_assert_cmpuint (g_hash_table_size (config->servers), ==, 2);
  assert_setting (config, "echo", "Mode", "'echo'");
  assert_setting (config, "echo", "ListenAddresses", "['127.0.0.1:9999', '[::1]:9999']");
  assert_setting (config, "echo", "Backlog", "uint32 100");
  assert_setting (config, "echo", "NoDelay", "true");
  assert_setting (config, "echo", "KeepAliveTimeUSec", "uint64 1800000000");
  assert_setting (config, "echo", "KeepAlive", "true");
  assert_setting (config, "echo", "ReceiveBuffer", "uint64 65536");
  assert_setting (config, "one-shot", "Mode", "'echo-once'");
  assert_setting (config, "one-shot", "Backlog", "uint32 100");
}

static void
test_empty (void)
{
  static const char *const texts[] = { "", "\n\n", "# nothing\n", "[Sonde]\n" };

  g_test_summary ("An empty configuration is one without servers and without a limit.");

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (SondedConfig) config = parse (texts[i]);

      g_assert_cmpuint (config->max_connections, ==, 0);
      g_assert_cmpuint (g_hash_table_size (config->servers), ==, 0);
    }
}

static void
test_preset (void)
{
  static const char *const texts[] = {
    "[Server a]\nPreset=socketserver-base\nBacklog=7\nMode=echo\n",
    "[Server a]\nBacklog=7\nMode=echo\nPreset=socketserver-base\n",
  };

  g_test_summary ("A preset lies below the keys beside it, wherever it stands.");

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (SondedConfig) config = parse (texts[i]);

      assert_setting (config, "a", "Backlog", "uint32 7");
      assert_setting (config, "a", "Mode", "'echo'");
      assert_setting (config, "a", "QuickAck", "true");
    }
}

static void
test_groups (void)
{
  g_autoptr (SondedConfig) config = parse ("[Server a]\nBacklog=7\n"
                                           "[Server b]\nMode=upper\n"
                                           "[Server a]\nNoDelay=yes\n"
                                           "[Server ümlaut und so]\n");

  g_test_summary ("A group that stands there twice is one.");

  g_assert_cmpuint (g_hash_table_size (config->servers), ==, 3);
  assert_setting (config, "a", "Backlog", "uint32 7");
  assert_setting (config, "a", "NoDelay", "true");
  assert_setting (config, "b", "Mode", "'upper'");
  g_assert_nonnull (get_server (config, "ümlaut und so"));
}

static void
test_bad (void)
{
  g_test_summary ("What is refused is refused with file, line, key, value and what is allowed.");

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *prefix = g_strdup_printf ("test.conf:%u: ", bad[i].line);
      g_autofree char *shown = g_strescape (bad[i].text, NULL);

      g_assert_null (sonded_config_parse ("test.conf", bad[i].text, &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      g_test_message ("\"%s\" -> %s", shown, error->message);
      g_assert_true (g_str_has_prefix (error->message, prefix));
      g_assert_nonnull (strstr (error->message, bad[i].word));
    }
}

typedef struct
{
  char *folder; /* (owned) */
  char *path;   /* (owned), not there yet */
} Place;

static void
set_up (Place        *place,
        gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  place->folder = g_dir_make_tmp ("sonde-config-XXXXXX", &error);
  g_assert_no_error (error);
  place->path = g_build_filename (place->folder, "sonde.conf", NULL);
}

static void
tear_down (Place        *place,
           gconstpointer user_data)
{
  g_remove (place->path);
  g_assert_no_errno (g_rmdir (place->folder));
  g_free (place->path);
  g_free (place->folder);
}

static SondedConfig *
load (const char *path,
      GError    **error)
{
  const char *const paths[] = { path, NULL };

  return sonded_config_load (paths, error);
}

static void
assert_unreadable (const char *path)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (load (path, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_FAILED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, path));
}

static void
test_load (Place        *place,
           gconstpointer user_data)
{
  g_autoptr (SondedConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A file is read as its text, and named in the errors.");

  g_assert_true (g_file_set_contents (place->path, "[Server a]\nBacklog=7", -1, NULL));
  config = load (place->path, &error);
  g_assert_no_error (error);
  assert_setting (config, "a", "Backlog", "uint32 7");

  g_assert_true (g_file_set_contents (place->path, "[Server a]\nBacklog=x", -1, NULL));
  g_assert_null (load (place->path, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_true (g_str_has_prefix (error->message, place->path));
  g_assert_nonnull (strstr (error->message, ":2: "));
}

static void
test_load_zero_byte (Place        *place,
                     gconstpointer user_data)
{
  const char       text[] = "[Server a]\nMode=echo\nBacklog=1\0\nNonsense=1\n";
  g_autofree char *prefix = g_strconcat (place->path, ":3: ", NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A zero byte is not text, and hides nothing that stands behind it.");

  g_assert_true (g_file_set_contents (place->path, text, sizeof text - 1, NULL));
  g_assert_null (load (place->path, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_true (g_str_has_prefix (error->message, prefix));
}

static void
test_load_nothing (Place        *place,
                   gconstpointer user_data)
{
  g_test_summary ("What is missing, a folder, a FIFO or a device is not read, and hangs nobody.");

  assert_unreadable (place->path);
  assert_unreadable (place->folder);
  assert_unreadable ("/dev/zero");
  g_assert_no_errno (mkfifo (place->path, 0600));
  assert_unreadable (place->path);
}

static void
test_load_large (Place        *place,
                 gconstpointer user_data)
{
  const gsize      limit = 1024 * 1024;
  g_autofree char *text = g_strnfill (limit + 1, '#');
  g_autoptr (SondedConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A file of up to 1 MiB is read, a larger one is refused.");

  g_assert_true (g_file_set_contents (place->path, text, (gssize) limit, NULL));
  config = load (place->path, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (place->path, text, (gssize) limit + 1, NULL));
  assert_unreadable (place->path);
}

#define ADD(path, func) g_test_add (path, Place, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/config/good", test_good);
  g_test_add_func ("/config/empty", test_empty);
  g_test_add_func ("/config/preset", test_preset);
  g_test_add_func ("/config/groups", test_groups);
  g_test_add_func ("/config/bad", test_bad);
  ADD ("/config/load", test_load);
  ADD ("/config/load/zero-byte", test_load_zero_byte);
  ADD ("/config/load/nothing", test_load_nothing);
  ADD ("/config/load/large", test_load_large);

  return g_test_run ();
}
