/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

#include <string.h>
#include <sys/socket.h>

#include <libsonde/sonde-error.h>

static const char *const concurrencies[] = { "loop", "threads" };

static SondeServer *
start (const char *concurrency,
       const char *more)
{
  g_autofree char *text = g_strdup_printf ("{'Concurrency': <'%s'>%s}", concurrency, more);

  return server_fixture_start (text);
}

static int
connect_to (SondeServer *server)
{
  return loopback_connect (server_fixture_get_port (server));
}

static void
test_list (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    client = connect_to (server);
  g_autoptr (GVariant) rows = NULL;
  const char *host = NULL;
  guint64     id = 0, age = 0, received = 0, sent = 0;
  guint16     port = 0;
  gboolean    stalled = TRUE;
  struct
  {
    guint16 family;
    guint16 port;
    guint8  rest[12];
  } own;
  socklen_t length = sizeof own;

  g_test_summary ("A row tells who is connected, for how long, and what he sent and got.");

  loopback_send_text (client, "hello");
  loopback_expect (client, "hello");
  SERVER_FIXTURE_WAIT_STATISTIC (server, "BytesSent", 5);
  rows = sonde_server_list_connections (server, 0, 0);
  g_assert_cmpuint (g_variant_n_children (rows), ==, 1);
  g_variant_get_child (rows, 0, "(t&sqtttb)", &id, &host, &port, &age, &received, &sent, &stalled);
  g_assert_cmpuint (id, ==, 1);
  g_assert_cmpstr (host, ==, "127.0.0.1");
  g_assert_no_errno (getsockname (client, (struct sockaddr *) &own, &length));
  g_assert_cmpuint (port, ==, g_ntohs (own.port));
  g_assert_cmpuint (age, <, 90 * G_USEC_PER_SEC);
  g_assert_cmpuint (received, ==, 5);
  g_assert_cmpuint (sent, ==, 5);
  g_assert_false (stalled);
  loopback_close (client);
  server_fixture_free (server);
}

static void
test_pages (void)
{
  SondeServer *server = server_fixture_start ("{'Workers': <3>}");
  int          clients[20];
  guint64      last = 0;
  guint        n = 0;

  g_test_summary ("Pages of any size show each connection once, by ascending id.");

  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = connect_to (server);
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, G_N_ELEMENTS (clients));

  for (guint limit = 1; limit <= 21; limit += 5)
    {
      g_autoptr (GVariant) page = NULL;

      for (last = n = 0;; n += g_variant_n_children (page))
        {
          g_clear_pointer (&page, g_variant_unref);
          page = sonde_server_list_connections (server, last, limit);
          g_assert_cmpuint (g_variant_n_children (page), <=, limit);
          if (g_variant_n_children (page) == 0)
            break;
          for (gsize i = 0; i < g_variant_n_children (page); i++)
            {
              g_autoptr (GVariant) row = g_variant_get_child_value (page, i);
              guint64 id = 0;

              g_variant_get_child (row, 0, "t", &id);
              g_assert_cmpuint (id, >, last);
              last = id;
            }
        }
      g_assert_cmpuint (n, ==, G_N_ELEMENTS (clients));
    }

  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    loopback_close (clients[i]);
  server_fixture_free (server);
}

static void
test_get (void)
{
  g_test_summary ("A connection is described by its peer, its options, and what TCP knows.");

  for (gsize i = 0; i < G_N_ELEMENTS (concurrencies); i++)
    {
      SondeServer *server = start (concurrencies[i], ", 'NoDelay': <true>, 'KeepAliveProbes': <3>");
      const int    client = connect_to (server);
      g_autoptr (GVariant) all = NULL;
      g_autoptr (GError) error = NULL;
      guint64 id;

      loopback_expect_echo (client);
      SERVER_FIXTURE_WAIT_STATISTIC (server, "BytesSent", 5);
      id = server_fixture_get_newest (server);
      server_fixture_assert_connection (server, id, "PeerAddress", "'127.0.0.1'");
      server_fixture_assert_connection (server, id, "BytesReceived", "uint64 5");
      server_fixture_assert_connection (server, id, "BytesSent", "uint64 5");
      server_fixture_assert_connection (server, id, "Stalled", "false");
      server_fixture_assert_connection (server, id, "NoDelay", "true");
      server_fixture_assert_connection (server, id, "KeepAlive", "true");
      server_fixture_assert_connection (server, id, "KeepAliveProbes", "uint32 3");
      all = sonde_server_get_connection (server, id, NULL);
      g_assert_cmpuint (g_variant_n_children (all), >, 25);

      g_assert_null (sonde_server_get_connection (server, id + 1, &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_NO_SUCH_CONNECTION);
      loopback_close (client);
      server_fixture_free (server);
    }
}

static void
test_close (void)
{
  g_test_summary ("A connection is closed as one wants, the others are not.");

  for (gsize i = 0; i < G_N_ELEMENTS (concurrencies); i++)
    {
      SondeServer *server = start (concurrencies[i], "");
      int          clients[3];
      guint64      ids[3];
      g_autoptr (GError) error = NULL;

      for (gsize j = 0; j < G_N_ELEMENTS (clients); j++)
        {
          clients[j] = connect_to (server);
          loopback_expect_echo (clients[j]);
          ids[j] = server_fixture_get_newest (server);
        }
      g_assert_true (sonde_server_close_connection (server, ids[0], FALSE, &error));
      loopback_expect_end (clients[0]);
      loopback_close (clients[0]);
      g_assert_true (sonde_server_close_connection (server, ids[1], TRUE, &error));
      loopback_expect_reset (clients[1]);
      loopback_close (clients[1]);
      SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
      loopback_expect_echo (clients[2]);
      g_assert_cmpuint (server_fixture_get_statistic (server, "NReset"), ==, 1);

      g_assert_false (sonde_server_close_connection (server, ids[0], FALSE, &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_NO_SUCH_CONNECTION);
      loopback_close (clients[2]);
      server_fixture_free (server);
    }
}

static void
test_limits (void)
{
  g_test_summary ("Above a limit a connection is accepted and closed at once; below it, not.");

  for (gsize i = 0; i < G_N_ELEMENTS (concurrencies); i++)
    {
      SondeServer *server = start (concurrencies[i], i == 0 ? ", 'MaxConnections': <2>"
                                                            : ", 'MaxConnectionsPerSource': <2>");
      int          clients[2], more;

      for (gsize j = 0; j < G_N_ELEMENTS (clients); j++)
        {
          clients[j] = connect_to (server);
          loopback_expect_echo (clients[j]);
        }
      more = connect_to (server);
      loopback_expect_end (more);
      loopback_close (more);
      SERVER_FIXTURE_WAIT_STATISTIC (server, "NRefused", 1);
      g_assert_cmpuint (server_fixture_get_statistic (server, "NAccepted"), ==, 2);

      loopback_close (clients[0]);
      SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
      more = connect_to (server);
      loopback_expect_echo (more);
      loopback_close (more);
      loopback_close (clients[1]);
      server_fixture_free (server);
    }
}

static void
test_idle_timeout (void)
{
  g_test_summary ("Silence ends a connection with a FIN, also one that was silent when told so.");

  for (gsize i = 0; i < G_N_ELEMENTS (concurrencies); i++)
    {
      SondeServer *server = start (concurrencies[i], "");
      const int    client = connect_to (server);

      loopback_expect_echo (client);
      server_fixture_update (server, "{'IdleTimeoutUSec': <50000>}", SONDE_APPLY_ALL);
      loopback_expect_end (client);
      loopback_close (client);
      SERVER_FIXTURE_WAIT_STATISTIC (server, "NTimedOut", 1);
      SERVER_FIXTURE_WAIT_CONNECTIONS (server, 0);
      server_fixture_free (server);
    }
}

/* The second time the peer is silent first, long enough for the server to
 * find that no timeout is running. */
static void
test_close_timeout (void)
{
  g_test_summary ("A peer that does not take its leave is not waited for, whenever it came.");

  for (gsize i = 0; i < 2 * G_N_ELEMENTS (concurrencies); i++)
    {
      SondeServer *server = start (concurrencies[i / 2],
                                   ", 'Mode': <'echo-once'>, 'CloseTimeoutUSec': <40000>");
      const int    client = connect_to (server);

      g_test_message ("%s", concurrencies[i / 2]);
      if (i % 2 == 1)
        g_usleep (200 * 1000);
      loopback_send_text (client, "hello");
      loopback_expect (client, "hello");
      loopback_expect_end (client);
      SERVER_FIXTURE_WAIT_STATISTIC (server, "NTimedOut", 1);
      SERVER_FIXTURE_WAIT_CONNECTIONS (server, 0);
      loopback_close (client);
      server_fixture_free (server);
    }
}

static void
test_max_threads (void)
{
  SondeServer *server = start ("threads", ", 'MaxThreads': <1>");
  const int    first = connect_to (server);
  int          second;

  g_test_summary ("With all threads busy a connection waits, and is served by the next free one.");

  loopback_expect_echo (first);
  second = connect_to (server);
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 2);
  loopback_send_text (second, "hello");
  loopback_expect_echo (first);
  loopback_expect_silence (second);
  loopback_close (first);
  loopback_expect (second, "hello");
  loopback_close (second);
  server_fixture_free (server);
}

static void
test_modes (void)
{
  static const char *const rows[][3] = {
    { "echo", "Hello\nWorld", "Hello\nWorld" },
    { "echo-once", "Hello\nWorld", "Hello\nWorld" },
    { "upper", "Hello\nWorld", "HELLO\nWORLD" },
    { "upper-once", "Hello\nWorld", "HELLO\nWORLD" },
    { "upper-line", "Hello\nWorld", "HELLO\n" },
  };

  g_test_summary ("Every mode is the same in a loop and in a thread.");

  for (gsize i = 0; i < G_N_ELEMENTS (rows) * G_N_ELEMENTS (concurrencies); i++)
    {
      const char *const *row = rows[i / 2];
      g_autofree char   *more = g_strdup_printf (", 'Mode': <'%s'>", row[0]);
      SondeServer       *server = start (concurrencies[i % 2], more);
      const int          client = connect_to (server);
      g_autoptr (GByteArray) answer = NULL;

      loopback_send_text (client, row[1]);
      loopback_finish (client);
      answer = loopback_read_all (client);
      g_assert_cmpmem (answer->data, answer->len, row[2], strlen (row[2]));
      loopback_close (client);
      server_fixture_free (server);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server-connections/list", test_list);
  g_test_add_func ("/server-connections/pages", test_pages);
  g_test_add_func ("/server-connections/get", test_get);
  g_test_add_func ("/server-connections/close", test_close);
  g_test_add_func ("/server-connections/limits", test_limits);
  g_test_add_func ("/server-connections/idle-timeout", test_idle_timeout);
  g_test_add_func ("/server-connections/close-timeout", test_close_timeout);
  g_test_add_func ("/server-connections/max-threads", test_max_threads);
  g_test_add_func ("/server-connections/modes", test_modes);

  return g_test_run ();
}
