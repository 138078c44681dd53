/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

#include <string.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-mode.h>

/* Options that a connection has: a value, and what getsockopt(2) says then. */
static const struct
{
  const char *key;
  const char *value;
  const char *effective;
} live[] = {
  { "NoDelay", "true", "true" },
  { "NoDelay", "false", "false" },
  { "KeepAlive", "true", "true" },
  { "KeepAliveTimeUSec", "uint64 1800000000", "uint64 1800000000" },
  { "KeepAliveIntervalUSec", "uint64 15000000", "uint64 15000000" },
  { "KeepAliveProbes", "uint32 4", "uint32 4" },
  { "ReceiveBuffer", "uint64 50000", "uint64 100000" },
  { "SendBuffer", "uint64 50000", "uint64 100000" },
  { "UserTimeoutUSec", "uint64 20000000", "uint64 20000000" },
  { "Congestion", "'reno'", "'reno'" },
  { "MaxPacingRate", "uint64 100000000", "uint64 100000000" },
  { "NotSentLowWater", "uint64 16384", "uint64 16384" },
  { "LingerUSec", "uint64 3000000", "uint64 3000000" },
  { "TypeOfService", "uint32 16", "uint32 16" },
};

static int
connect_and_find (SondeServer *server,
                  guint64     *id)
{
  const int client = loopback_connect (server_fixture_get_port (server));

  loopback_send_text (client, "hello");
  loopback_expect (client, "hello");
  *id = server_fixture_get_newest (server);

  return client;
}

static char *
make_changes (gsize i)
{
  return g_strdup_printf ("{'%s': <%s>}", live[i].key, live[i].value);
}

static void
test_all (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  guint64      old_id = 0, new_id = 0;
  const int    old = connect_and_find (server, &old_id);

  g_test_summary ("An option reaches open connections and those that come, read back from both.");

  for (gsize i = 0; i < G_N_ELEMENTS (live); i++)
    {
      g_autofree char *changes = make_changes (i);
      int new;

      g_test_message ("%s", changes);
      server_fixture_update (server, changes, SONDE_APPLY_ALL);
      server_fixture_assert_setting (server, live[i].key, live[i].value);
      server_fixture_assert_connection (server, old_id, live[i].key, live[i].effective);
      new = connect_and_find (server, &new_id);
      server_fixture_assert_connection (server, new_id, live[i].key, live[i].effective);
      loopback_close (new);
      SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
    }
  loopback_close (old);
  server_fixture_free (server);
}

static void
test_new (void)
{
  SondeServer *server = server_fixture_start ("{'NoDelay': <false>}");
  guint64      old_id = 0, new_id = 0;
  const int    old = connect_and_find (server, &old_id);
  int new;

  g_test_summary ("What is for new connections leaves open ones alone.");

  server_fixture_update (server, "{'NoDelay': <true>}", SONDE_APPLY_NEW);
  server_fixture_assert_connection (server, old_id, "NoDelay", "false");
  new = connect_and_find (server, &new_id);
  server_fixture_assert_connection (server, new_id, "NoDelay", "true");
  server_fixture_update (server, "{'NoDelay': <true>}", SONDE_APPLY_ALL);
  server_fixture_assert_connection (server, old_id, "NoDelay", "true");
  loopback_close (old);
  loopback_close (new);
  server_fixture_free (server);
}

static void
test_existing (void)
{
  SondeServer *server = server_fixture_start ("{'NoDelay': <false>}");
  guint64      old_id = 0, new_id = 0;
  const int    old = connect_and_find (server, &old_id);
  int new;

  g_test_summary ("What is for open connections is neither kept nor inherited.");

  server_fixture_update (server, "{'NoDelay': <true>}", SONDE_APPLY_EXISTING);
  server_fixture_assert_connection (server, old_id, "NoDelay", "true");
  server_fixture_assert_setting (server, "NoDelay", "false");
  new = connect_and_find (server, &new_id);
  server_fixture_assert_connection (server, new_id, "NoDelay", "false");
  loopback_close (old);
  loopback_close (new);
  server_fixture_free (server);
}

static void
on_notify (GObject    *object,
           GParamSpec *pspec,
           gpointer    user_data)
{
  g_string_append_printf (user_data, "%s ", g_param_spec_get_name (pspec));
}

static void
test_refused (void)
{
  static const struct
  {
    const char *changes;
    SondeApply  apply;
    const char *word;
  } rows[] = {
    { "{'NoDelay': <true>, 'Backlog': <-1>}", SONDE_APPLY_ALL, "Backlog=-1" },
    { "{'NoDelay': <true>, 'Congestion': <'nonsense'>}", SONDE_APPLY_ALL, "Congestion=nonsense" },
    { "{'NoDelay': <true>, 'Nonsense': <1>}", SONDE_APPLY_ALL, "Nonsense" },
    { "{'NoDelay': <true>, 'Mode': <'ECHO'>}", SONDE_APPLY_ALL, "Mode=" },
    { "{'NoDelay': <true>, 'Preset': <'nonsense'>}", SONDE_APPLY_ALL, "Preset=nonsense" },
    { "{'NoDelay': <true>, 'Backlog': <5>}", SONDE_APPLY_EXISTING, "Backlog" },
    { "{'NoDelay': <true>, 'Mode': <'upper'>}", SONDE_APPLY_EXISTING, "Mode" },
    { "{'NoDelay': <true>, 'ReusePort': <true>}", SONDE_APPLY_EXISTING, "ReusePort" },
    { "{'NoDelay': <true>, 'Workers': <2>, 'ReusePort': <false>}",
      SONDE_APPLY_ALL,
      "ReusePort=no" },
  };
  SondeServer *server = server_fixture_start ("{'NoDelay': <false>, 'Backlog': <7>}");
  guint64      id = 0;
  const int    client = connect_and_find (server, &id);
  g_autoptr (GString) notified = g_string_new (NULL);

  g_test_summary ("Where any of it is refused nothing has changed, nowhere, and nobody is told.");

  g_signal_connect (server, "notify", G_CALLBACK (on_notify), notified);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GVariant) changes = g_variant_parse (NULL, rows[i].changes, NULL, NULL, NULL);
      g_autoptr (GError) error = NULL;

      g_assert_false (sonde_server_update (server, changes, rows[i].apply, &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, rows[i].word));
      server_fixture_assert_setting (server, "NoDelay", "false");
      server_fixture_assert_setting (server, "Backlog", "uint32 7");
      server_fixture_assert_connection (server, id, "NoDelay", "false");
      g_assert_cmpuint (server_fixture_get_statistic (server, "AcceptQueueLimit"), ==, 7);
    }
  g_assert_cmpstr (notified->str, ==, "");
  loopback_close (client);
  server_fixture_free (server);
}

static void
test_backlog (void)
{
  SondeServer *server = server_fixture_start ("{'Backlog': <100>, 'Workers': <2>}");

  g_test_summary ("The accept queue of every worker changes its length at once.");

  g_assert_cmpuint (server_fixture_get_statistic (server, "AcceptQueueLimit"), ==, 200);
  server_fixture_update (server, "{'Backlog': <7>}", SONDE_APPLY_ALL);
  g_assert_cmpuint (server_fixture_get_statistic (server, "AcceptQueueLimit"), ==, 14);
  server_fixture_free (server);
}

static void
test_mode (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  guint64      id = 0;
  const int    client = connect_and_find (server, &id);

  g_test_summary ("What is done with the bytes changes with the next read.");

  server_fixture_update (server, "{'Mode': <'upper'>}", SONDE_APPLY_ALL);
  loopback_send_text (client, "hello");
  loopback_expect (client, "HELLO");
  server_fixture_update (server, "{'Mode': <'echo-once'>, 'ReadSize': <3>}", SONDE_APPLY_ALL);
  loopback_send_text (client, "hello");
  loopback_expect (client, "hel");
  loopback_expect_end (client);
  loopback_close (client);
  server_fixture_free (server);
}

static void
test_properties (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  g_autoptr (GString) notified = g_string_new (NULL);
  guint    backlog = 0;
  gboolean no_delay = FALSE;

  g_test_summary ("Every setting is a property, which can be set and tells when it has changed.");

  g_signal_connect (server, "notify", G_CALLBACK (on_notify), notified);
  g_object_set (server, "backlog", 7, "no-delay", TRUE, "mode", SONDE_MODE_UPPER, NULL);
  g_object_get (server, "backlog", &backlog, "no-delay", &no_delay, NULL);
  g_assert_cmpuint (backlog, ==, 7);
  g_assert_true (no_delay);
  server_fixture_assert_setting (server, "Mode", "'upper'");
  g_assert_cmpuint (server_fixture_get_statistic (server, "AcceptQueueLimit"), ==, 7);
  g_assert_nonnull (strstr (notified->str, "backlog "));
  g_assert_nonnull (strstr (notified->str, "no-delay "));
  g_assert_nonnull (strstr (notified->str, "mode "));
  g_assert_null (strstr (notified->str, "state "));

  g_string_truncate (notified, 0);
  server_fixture_update (server, "{'KeepAliveProbes': <3>}", SONDE_APPLY_ALL);
  g_assert_nonnull (strstr (notified->str, "keep-alive-probes "));
  g_assert_nonnull (strstr (notified->str, "keep-alive "));
  server_fixture_free (server);
}

static void
test_replace (void)
{
  SondeServer *server = server_fixture_start ("{'NoDelay': <true>, 'Backlog': <7>}");
  g_autoptr (SondeSettings) settings = sonde_server_dup_settings (server);
  g_autoptr (SondeSettings) other = sonde_settings_new ();
  g_autoptr (GError) error = NULL;
  guint64   id = 0;
  const int client = connect_and_find (server, &id);

  g_test_summary ("Other settings in the place of these leave to the kernel what they do not ask.");

  g_assert_true (sonde_settings_set_string (settings, "Congestion", "nonsense", NULL));
  g_assert_false (sonde_server_replace_settings (server, settings, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_clear_error (&error);
  server_fixture_assert_setting (server, "NoDelay", "true");

  g_assert_true (sonde_settings_set_string (other, "ListenAddresses", "127.0.0.1:0", NULL));
  g_assert_true (sonde_settings_set_string (other, "Mode", "upper", NULL));
  g_assert_true (sonde_server_replace_settings (server, other, &error));
  g_assert_no_error (error);
  server_fixture_assert_setting (server, "NoDelay", "false");
  server_fixture_assert_connection (server, id, "NoDelay", "false");
  g_assert_cmpuint (server_fixture_get_statistic (server, "AcceptQueueLimit"), >, 7);
  loopback_close (client);
  server_fixture_free (server);
}

/* A connection closed with bytes that nobody acknowledges must not hold the
 * others up for the time to linger. */
static void
test_linger (void)
{
  const gsize        length = 100 * 1000;
  g_autofree guint8 *noise = loopback_make_noise (length);
  SondeServer       *server = server_fixture_start ("@a{sv} {}");
  guint64            id = 0;
  const int          other = connect_and_find (server, &id);
  const int          lingering = loopback_connect_small (server_fixture_get_port (server));

  g_test_summary ("Time to linger that only open connections were given blocks no worker either.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 2);
  server_fixture_update (server, "{'LingerUSec': <uint64 600000000>}", SONDE_APPLY_EXISTING);
  loopback_send (lingering, noise, length);
  loopback_finish (lingering);
  SERVER_FIXTURE_WAIT_STATISTIC (server, "NClosed", 1);
  loopback_send_text (other, "hello");
  loopback_expect (other, "hello");
  loopback_close (lingering);
  loopback_close (other);
  server_fixture_free (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server-update/all", test_all);
  g_test_add_func ("/server-update/new", test_new);
  g_test_add_func ("/server-update/existing", test_existing);
  g_test_add_func ("/server-update/refused", test_refused);
  g_test_add_func ("/server-update/backlog", test_backlog);
  g_test_add_func ("/server-update/mode", test_mode);
  g_test_add_func ("/server-update/properties", test_properties);
  g_test_add_func ("/server-update/replace", test_replace);
  g_test_add_func ("/server-update/linger", test_linger);

  return g_test_run ();
}
