/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <signal.h>
#include <string.h>

#include <libsonde-test/sonde-test-server.h>
#include <libsonde/sonde.h>

static SondeTestServer *
start (const char *config)
{
  g_autoptr (GError) error = NULL;
  SondeTestServer *server = sonde_test_server_new (config, &error);

  g_assert_no_error (error);

  return server;
}

static guint16
get_port (SondeTestServer *server,
          const char      *name)
{
  g_autoptr (GError) error = NULL;
  const guint16 port = sonde_test_server_get_port (server, name, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (port, >, 0);

  return port;
}

static void
assert_echo (guint16  port,
             gboolean is_there)
{
  g_autoptr (SondeProbe) probe = sonde_probe_new ("127.0.0.1", port);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) measured = NULL;

  measured = sonde_probe_run (probe, NULL, &error);
  if (is_there)
    g_assert_no_error (error);
  else
    g_assert_error (error, SONDE_ERROR, SONDE_ERROR_CONNECT_REFUSED);
}

/* The process id of the daemon, as its message bus knows it. */
static pid_t
get_pid (SondeTestServer *server)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply =
    g_dbus_connection_call_sync (sonde_test_server_get_connection (server),
                                 "org.freedesktop.DBus",
                                 "/org/freedesktop/DBus",
                                 "org.freedesktop.DBus",
                                 "GetConnectionUnixProcessID",
                                 g_variant_new ("(s)", "org.sonde.Sonde1"),
                                 G_VARIANT_TYPE ("(u)"),
                                 G_DBUS_CALL_FLAGS_NONE,
                                 -1,
                                 NULL,
                                 &error);
  guint32 pid = 0;

  g_assert_no_error (error);
  g_variant_get (reply, "(u)", &pid);

  return (pid_t) pid;
}

static void
test_life (void)
{
  SondeTestServer *server = start (NULL);
  const guint16    port = get_port (server, "echo");
  const pid_t      pid = get_pid (server);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A daemon serves when it was made, and is gone when it was stopped.");

  assert_echo (port, TRUE);
  g_assert_true (g_str_has_prefix (sonde_test_server_get_bus_address (server), "unix:path="));
  g_assert_true (sonde_test_server_stop (server, &error));
  g_assert_no_error (error);
  assert_echo (port, FALSE);
  g_assert_cmpint (kill (pid, 0), ==, -1);
  g_assert_null (sonde_test_server_get_connection (server));

  g_assert_true (sonde_test_server_stop (server, &error));
  g_assert_cmpuint (sonde_test_server_get_port (server, "echo", &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_finalize_object (server);
}

static void
test_dropped (void)
{
  SondeTestServer *first = start (NULL);
  SondeTestServer *second = start (NULL);
  const guint16    port = get_port (first, "echo");
  const pid_t      pid = get_pid (first);

  g_test_summary ("Several daemons live side by side, and who is dropped is gone.");

  g_assert_cmpuint (port, !=, get_port (second, "echo"));
  g_assert_finalize_object (first);
  assert_echo (port, FALSE);
  g_assert_cmpint (kill (pid, 0), ==, -1);
  assert_echo (get_port (second, "echo"), TRUE);
  g_assert_finalize_object (second);
}

static void
test_errors (void)
{
  SondeTestServer *server = start ("[Server quiet]\nListenAddresses=127.0.0.1:0\n");
  g_autoptr (GError) error = NULL;

  g_test_summary ("What goes wrong is an error of the daemon's own, and tells why.");

  g_assert_cmpuint (sonde_test_server_get_port (server, "nobody", &error), ==, 0);
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_NO_SUCH_SERVER);
  g_assert_finalize_object (server);

  g_clear_error (&error);
  g_assert_null (sonde_test_server_new ("[Server x]\nBacklog=many\n", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "Backlog=many is not valid"));
}

static void
test_killed (void)
{
  SondeTestServer *server = start (NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A daemon that did not end in order is an error.");

  g_assert_cmpint (kill (get_pid (server), SIGKILL), ==, 0);
  g_assert_false (sonde_test_server_stop (server, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
  g_assert_finalize_object (server);
}

static void
test_log (void)
{
  SondeTestServer *server = NULL;
  g_autofree char *log = NULL;

  g_test_summary ("What the daemon wrote can be read, however much it is.");

  server = start (NULL);
  for (guint i = 0; i < 300; i++)
    assert_echo (get_port (server, "echo"), TRUE);
  log = sonde_test_server_dup_log (server);
  g_assert_nonnull (strstr (log, "connection 300 is open"));
  g_assert_finalize_object (server);
}

int
main (int   argc,
      char *argv[])
{
  /* The daemons inherit it, and one test reads what they have to say. What we
   * have to say ourselves must not come between the lines of TAP. */
  g_setenv ("G_MESSAGES_DEBUG", "Sonde sonded", TRUE);
  g_log_writer_default_set_use_stderr (TRUE);
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/test-server/life", test_life);
  g_test_add_func ("/test-server/dropped", test_dropped);
  g_test_add_func ("/test-server/errors", test_errors);
  g_test_add_func ("/test-server/killed", test_killed);
  g_test_add_func ("/test-server/log", test_log);

  return g_test_run ();
}
