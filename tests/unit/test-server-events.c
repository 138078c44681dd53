/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

/* What was told, in words. */
typedef struct
{
  GString *text;    /* (owned) */
  GThread *thread;  /* the only one that may be told */
  guint64  last_id; /* of a connection that was opened */
  guint    port;    /* of its peer */
  guint    n_closed;
} Log;

static void
opened_cb (SondeServer *server,
           guint64      id,
           const char  *peer_address,
           guint        peer_port,
           Log         *log)
{
  g_assert_true (g_thread_self () == log->thread);
  g_assert_cmpuint (id, >, log->last_id);
  g_assert_cmpstr (peer_address, ==, "127.0.0.1");
  log->last_id = id;
  log->port = peer_port;
  g_string_append (log->text, "opened ");
}

static void
closed_cb (SondeServer       *server,
           guint64            id,
           SondeConnectionEnd end,
           guint64            bytes_received,
           guint64            bytes_sent,
           Log               *log)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (SONDE_TYPE_CONNECTION_END);

  g_assert_true (g_thread_self () == log->thread);
  log->n_closed++;
  g_string_append_printf (log->text,
                          "%s(%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ") ",
                          g_enum_get_value (enum_class, (int) end)->value_nick,
                          bytes_received,
                          bytes_sent);
}

static SondeServer *
start_watched (const char *settings_text,
               Log        *log)
{
  SondeServer *server = server_fixture_start (settings_text);

  *log = (Log){ .text = g_string_new (NULL), .thread = g_thread_self () };
  g_signal_connect (server, "connection-opened", G_CALLBACK (opened_cb), log);
  g_signal_connect (server, "connection-closed", G_CALLBACK (closed_cb), log);
  g_object_set (server, "watch-connections", TRUE, NULL);

  return server;
}

static void
assert_told (Log        *log,
             const char *expected)
{
  g_assert_cmpstr (log->text->str, ==, expected);
  g_string_truncate (log->text, 0);
  log->n_closed = 0;
}

static void
free_watched (SondeServer *server,
              Log         *log)
{
  server_fixture_free (server);
  g_string_free (log->text, TRUE);
}

static void
test_told (gconstpointer settings_text)
{
  Log          log;
  SondeServer *server = start_watched (settings_text, &log);
  int          client;

  g_test_summary ("Each connection is told when it opens, and when and how it ends.");

  client = loopback_connect (server_fixture_get_port (server));
  loopback_send_text (client, "hello");
  loopback_expect (client, "hello");
  SERVER_FIXTURE_WAIT (log.last_id > 0);
  g_assert_cmpuint (log.last_id, ==, server_fixture_get_newest (server));
  g_assert_cmpuint (log.port, ==, loopback_get_port (client));
  loopback_close (client);
  SERVER_FIXTURE_WAIT (log.n_closed == 1);
  assert_told (&log, "opened closed(5,5) ");

  client = loopback_connect (server_fixture_get_port (server));
  loopback_send_text (client, "hi");
  loopback_expect (client, "hi");
  loopback_reset (client);
  SERVER_FIXTURE_WAIT (log.n_closed == 1);
  assert_told (&log, "opened reset(2,2) ");
  free_watched (server, &log);
}

static void
test_timed_out (void)
{
  Log          log;
  SondeServer *server = start_watched ("{'IdleTimeoutUSec': <20000>}", &log);
  const int    client = loopback_connect (server_fixture_get_port (server));

  g_test_summary ("A connection that a timeout ended is told as such.");

  SERVER_FIXTURE_WAIT (log.n_closed == 1);
  assert_told (&log, "opened timed-out(0,0) ");
  loopback_close (client);
  free_watched (server, &log);
}

static void
test_opt_in (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  Log          log = { .text = g_string_new (NULL), .thread = g_thread_self () };
  gboolean     watches = TRUE;
  int          client;

  g_test_summary ("Nothing is told to who has not asked for it.");

  g_object_get (server, "watch-connections", &watches, NULL);
  g_assert_false (watches);
  g_signal_connect (server, "connection-opened", G_CALLBACK (opened_cb), &log);
  client = loopback_connect (server_fixture_get_port (server));
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  loopback_close (client);
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 0);
  free_watched (server, &log);
}

static void
stopped_cb (SondeServer *server,
            GParamSpec  *pspec,
            Log         *log)
{
  if (sonde_server_get_state (server) == SONDE_SERVER_STATE_STOPPED)
    g_string_append (log->text, "stopped ");
}

static void
test_all_before_stopped (void)
{
  Log          log;
  SondeServer *server = start_watched ("@a{sv} {}", &log);
  const int    client = loopback_connect (server_fixture_get_port (server));

  g_test_summary ("When a server has stopped, the ends of its connections were told.");

  g_signal_connect (server, "notify::state", G_CALLBACK (stopped_cb), &log);
  SERVER_FIXTURE_WAIT (log.last_id > 0);
  sonde_server_drain (server, 0);
  SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
  assert_told (&log, "opened reset(0,0) stopped ");
  loopback_close (client);
  g_assert_finalize_object (server);
  g_string_free (log.text, TRUE);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_data_func ("/server-events/told", "@a{sv} {}", test_told);
  g_test_add_data_func ("/server-events/told-by-threads",
                        "{'Concurrency': <'threads'>}",
                        test_told);
  g_test_add_func ("/server-events/timed-out", test_timed_out);
  g_test_add_func ("/server-events/opt-in", test_opt_in);
  g_test_add_func ("/server-events/all-before-stopped", test_all_before_stopped);

  return g_test_run ();
}
