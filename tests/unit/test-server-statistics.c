/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Descriptors that the process may have, while it has to run out of them. */
#define FEW_FDS 100

static const char *const counters[] = {
  "NAccepted", "NRefused", "NClosed", "NReset", "NTimedOut",
  "BytesReceived", "BytesSent", "QuickAckRearms", "Stalls", "NShed", "NAcceptPauses"
};

static void
assert_statistic (SondeServer *server,
                  const char  *name,
                  guint64      expected)
{
  g_test_message ("%s", name);
  g_assert_cmpuint (server_fixture_get_statistic (server, name), ==, expected);
}

/* Three clients: one leaves, one resets, one stays. */
static int
make_traffic (SondeServer *server)
{
  int clients[3];

  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      clients[i] = loopback_connect (server_fixture_get_port (server));
      loopback_send_text (clients[i], "12345");
      loopback_expect (clients[i], "12345");
    }
  loopback_close (clients[0]);
  loopback_reset (clients[1]);

  return clients[2];
}

static void
test_counters (void)
{
  g_test_summary ("Known traffic is counted to the connection and to the byte, by any workers.");

  for (guint workers = 1; workers <= 3; workers++)
    {
      g_autofree char *text = g_strdup_printf ("{'Workers': <%u>, 'QuickAck': <true>}", workers);
      SondeServer     *server = server_fixture_start (text);
      const int        client = make_traffic (server);

      SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
      SERVER_FIXTURE_WAIT_STATISTIC (server, "BytesSent", 15);
      SERVER_FIXTURE_WAIT_STATISTIC (server, "NClosed", 2);
      assert_statistic (server, "NConnections", 1);
      assert_statistic (server, "NAccepted", 3);
      assert_statistic (server, "NRefused", 0);
      assert_statistic (server, "NReset", 1);
      assert_statistic (server, "NTimedOut", 0);
      assert_statistic (server, "BytesReceived", 15);
      assert_statistic (server, "QuickAckRearms", 3);
      assert_statistic (server, "Stalls", 0);
      loopback_close (client);
      server_fixture_free (server);
    }
}

static void
test_types (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  g_autoptr (GVariant) all = sonde_server_get_statistics (server);
  static const char *const others[] = {
    "NConnections", "AcceptQueueDepth", "AcceptQueueLimit", "AcceptQueuePeak"
  };

  g_test_summary ("All statistics come at once, in their D-Bus types, and as properties.");

  g_assert_true (g_variant_is_of_type (all, G_VARIANT_TYPE_VARDICT));
  for (gsize i = 0; i < G_N_ELEMENTS (counters); i++)
    g_assert_true (g_variant_lookup (all, counters[i], "t", NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    g_assert_true (g_variant_lookup (all, others[i], "u", NULL));
  g_assert_true (g_variant_lookup (all, "AcceptErrors", "@a{st}", NULL));
  g_assert_cmpuint (g_variant_n_children (all), ==,
                    G_N_ELEMENTS (counters) + G_N_ELEMENTS (others) + 1);
  server_fixture_free (server);
}

static void
test_properties (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    client = make_traffic (server);
  guint        n_connections = 0, limit = 0;
  guint64      accepted = 0, received = 0;

  g_test_summary ("A counter that is read as a property is the same.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  g_object_get (server, "n-connections", &n_connections, "n-accepted", &accepted,
                "bytes-received", &received, "accept-queue-limit", &limit, NULL);
  g_assert_cmpuint (n_connections, ==, 1);
  g_assert_cmpuint (accepted, ==, 3);
  g_assert_cmpuint (received, ==, 15);
  g_assert_cmpuint (limit, ==, server_fixture_get_statistic (server, "AcceptQueueLimit"));
  loopback_close (client);
  server_fixture_free (server);
}

static void
test_reset (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    client = make_traffic (server);

  g_test_summary ("After a reset all counts from 0, but the connections that are open.");

  SERVER_FIXTURE_WAIT_STATISTIC (server, "NClosed", 2);
  SERVER_FIXTURE_WAIT_STATISTIC (server, "BytesSent", 15);
  sonde_server_reset_statistics (server);
  for (gsize i = 0; i < G_N_ELEMENTS (counters); i++)
    assert_statistic (server, counters[i], 0);
  assert_statistic (server, "NConnections", 1);
  assert_statistic (server, "AcceptQueuePeak", 0);

  loopback_send_text (client, "1234567");
  loopback_expect (client, "1234567");
  SERVER_FIXTURE_WAIT_STATISTIC (server, "BytesSent", 7);
  assert_statistic (server, "BytesReceived", 7);
  loopback_close (client);
  SERVER_FIXTURE_WAIT_STATISTIC (server, "NClosed", 1);
  assert_statistic (server, "NConnections", 0);
  server_fixture_free (server);
}

static void
test_lasting (void)
{
  SondeServer *server = server_fixture_start ("{'Workers': <2>}");
  const int    client = make_traffic (server);

  g_test_summary ("New listeners, fewer workers and a stop take nothing from what was counted.");

  SERVER_FIXTURE_WAIT_STATISTIC (server, "NClosed", 2);
  server_fixture_update (server, "{'Workers': <1>}", SONDE_APPLY_ALL);
  g_assert_true (sonde_server_relisten (server, NULL));
  assert_statistic (server, "NAccepted", 3);
  loopback_close (client);
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 0);
  sonde_server_stop (server);
  SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
  assert_statistic (server, "NAccepted", 3);
  assert_statistic (server, "BytesReceived", 15);
  assert_statistic (server, "AcceptQueueLimit", 0);
  g_assert_finalize_object (server);
}

static gboolean
is_stalled (SondeServer *server)
{
  g_autoptr (GVariant) rows = sonde_server_list_connections (server, 0, 1);
  gboolean stalled = FALSE;

  g_variant_get_child (rows, 0, "(tsqtttb)", NULL, NULL, NULL, NULL, NULL, NULL, &stalled);

  return stalled;
}

static void
test_stalls (void)
{
  SondeServer       *server = server_fixture_start ("{'SendBuffer': <16384>}");
  const int          client = loopback_connect_small (server_fixture_get_port (server));
  g_autofree guint8 *noise = loopback_make_noise (64 * 1024);
  g_autoptr (GByteArray) answer = NULL;
  gsize n_sent = 0;

  g_test_summary ("A peer that does not read stalls its connection, until he does.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  while (!is_stalled (server))
    {
      const gssize n = send (client, noise, 64 * 1024, MSG_DONTWAIT | MSG_NOSIGNAL);

      n_sent += n > 0 ? (gsize) n : 0;
      server_fixture_turn ();
    }
  g_assert_cmpuint (server_fixture_get_statistic (server, "Stalls"), >=, 1);
  loopback_finish (client);
  answer = loopback_read_all (client);
  g_assert_cmpuint (answer->len, ==, n_sent);
  loopback_close (client);
  server_fixture_free (server);
}

static int n_warnings;

static void
count_warning (const char    *domain,
               GLogLevelFlags level,
               const char    *message,
               gpointer       user_data)
{
  g_atomic_int_inc (&n_warnings);
}

/* Takes every descriptor that this process may have. */
static GArray *
take_all_fds (void)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (int));
  int     fd;

  while ((fd = fcntl (0, F_DUPFD_CLOEXEC, 3)) >= 0)
    g_array_append_val (fds, fd);

  return fds;
}

static void
give_back (GArray *fds)
{
  for (guint i = 0; i < fds->len; i++)
    loopback_close (g_array_index (fds, int, i));
  g_array_unref (fds);
}

static guint64
count_accept_errors (SondeServer *server,
                     const char  *name)
{
  g_autoptr (GVariant) all = sonde_server_get_statistics (server);
  g_autoptr (GVariant) errors = g_variant_lookup_value (all, "AcceptErrors", NULL);
  guint64 n = 0;

  g_variant_lookup (errors, name, "t", &n);

  return n;
}

static void
connect_without_waiting (int     fd,
                         guint16 port)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", port);
  guint8 native[32];

  g_assert_true (g_socket_address_to_native (address, native, sizeof native, NULL));
  g_assert_no_errno (
    connect (fd, (void *) native, (socklen_t) g_socket_address_get_native_size (address)));
}

static void
test_shortage (void)
{
  const GLogLevelFlags fatal = g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  const guint          handler =
    g_log_set_handler ("GLib-GIO", G_LOG_LEVEL_WARNING, count_warning, NULL);
  SondeServer  *server = server_fixture_start ("@a{sv} {}");
  const guint16 port = server_fixture_get_port (server);
  int           client = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct rlimit before, few;
  GArray       *fds = NULL;

  g_test_summary ("Out of descriptors, a server closes clients at once and counts them, and "
                  "serves the next one as soon as it can.");

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &before));
  few = before;
  few.rlim_cur = FEW_FDS;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &few));
  fds = take_all_fds ();
  connect_without_waiting (client, port);
  loopback_expect_end (client);
  loopback_close (client);
  SERVER_FIXTURE_WAIT_STATISTIC (server, "NRefused", 1);
  g_assert_cmpuint (count_accept_errors (server, "EMFILE"), >=, 1);
  g_assert_cmpint (g_atomic_int_get (&n_warnings), <=, 1);
  g_assert_cmpuint (sonde_server_get_n_connections (server), ==, 0);

  give_back (fds);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
  client = loopback_connect (port);
  loopback_send_text (client, "hello");
  loopback_expect (client, "hello");
  loopback_close (client);
  server_fixture_free (server);
  g_log_remove_handler ("GLib-GIO", handler);
  g_log_set_always_fatal (fatal);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server-statistics/counters", test_counters);
  g_test_add_func ("/server-statistics/types", test_types);
  g_test_add_func ("/server-statistics/properties", test_properties);
  g_test_add_func ("/server-statistics/reset", test_reset);
  g_test_add_func ("/server-statistics/lasting", test_lasting);
  g_test_add_func ("/server-statistics/stalls", test_stalls);
  /* valgrind keeps a limit of its own, and swallows connections that are beyond it. */
  if (g_getenv ("SONDE_TEST_VALGRIND") == NULL)
    g_test_add_func ("/server-statistics/shortage", test_shortage);

  return g_test_run ();
}
