/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <libsonde/sonde-error.h>

#define N_ADDRESSES 150

static void
assert_pending (SondeServer *server,
                const char  *expected)
{
  g_auto (GStrv) pending = sonde_server_get_pending_relisten (server);
  g_autofree char *text = g_strjoinv (" ", pending);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_relisten (void)
{
  SondeServer  *server = server_fixture_start ("@a{sv} {}");
  const guint16 port = server_fixture_get_port (server);
  const int     client = loopback_connect (port);

  g_test_summary ("New listeners take the port of the old ones over, and connections live on.");

  loopback_expect_echo (client);
  for (guint i = 0; i < 5; i++)
    {
      server_fixture_relisten (server);
      g_assert_cmpuint (server_fixture_get_port (server), ==, port);
      loopback_expect_echo (client);
      loopback_expect_server (port);
    }
  loopback_close (client);
  server_fixture_free (server);
}

static void
test_pending (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");

  g_test_summary ("What counts at bind(2) waits for new listeners; what is taken back does not.");

  assert_pending (server, "");
  server_fixture_update (server, "{'ReuseAddress': <true>, 'Backlog': <7>}", SONDE_APPLY_ALL);
  assert_pending (server, "ReuseAddress");
  server_fixture_update (server, "{'Workers': <2>}", SONDE_APPLY_ALL);
  assert_pending (server, "Workers ReuseAddress ReusePort");
  server_fixture_update (server, "{'Concurrency': <'threads'>}", SONDE_APPLY_ALL);
  server_fixture_update (server, "{'Workers': <1>}", SONDE_APPLY_ALL);
  assert_pending (server, "Concurrency ReuseAddress");
  server_fixture_relisten (server);
  assert_pending (server, "");
  server_fixture_update (server, "{'ReuseAddress': <false>}", SONDE_APPLY_ALL);
  assert_pending (server, "ReuseAddress");
  server_fixture_update (server, "{'ReuseAddress': <true>}", SONDE_APPLY_ALL);
  assert_pending (server, "");
  server_fixture_update (server, "{'ListenAddresses': <['127.0.0.2:0']>}", SONDE_APPLY_ALL);
  assert_pending (server, "ListenAddresses");
  sonde_server_drain (server, 0);
  assert_pending (server, "");
  server_fixture_free (server);
}

static void
test_other_address (void)
{
  SondeServer     *server = server_fixture_start ("@a{sv} {}");
  const guint16    port = server_fixture_get_port (server);
  const int        client = loopback_connect (port);
  g_autofree char *text = g_strdup_printf (
    "{'ListenAddresses': <['127.0.0.1:%u', '127.0.0.1:0']>}", port);
  g_autoptr (GVariant) addresses = NULL;

  g_test_summary ("An address that was listened on already may be asked for beside others.");

  server_fixture_update (server, text, SONDE_APPLY_ALL);
  server_fixture_relisten (server);
  addresses = sonde_server_get_bound_addresses (server);
  g_assert_cmpuint (g_variant_n_children (addresses), ==, 2);
  g_assert_cmpuint (server_fixture_get_port (server), ==, port);
  loopback_expect_echo (client);
  loopback_expect_server (port);
  loopback_close (client);
  server_fixture_free (server);
}

static gboolean
report_says_reuse_port (SondeServer *server)
{
  g_autoptr (GVariant) row = server_fixture_get_option (server, "ReusePort", "listener");
  g_autoptr (GVariant) effective = NULL;

  g_variant_get_child (row, 3, "v", &effective);

  return g_variant_get_boolean (effective);
}

static void
test_refused (void)
{
  guint16          taken_port = 0;
  const int        taken = loopback_listen (&taken_port);
  SondeServer     *server = server_fixture_start ("@a{sv} {}");
  const guint16    port = server_fixture_get_port (server);
  g_autofree char *text = g_strdup_printf ("{'ListenAddresses': <['127.0.0.1:%u']>}", taken_port);
  g_autoptr (GError) error = NULL;

  g_test_summary ("Where new listeners are refused the old ones go on as they were.");

  server_fixture_update (server, text, SONDE_APPLY_ALL);
  g_assert_false (sonde_server_relisten (server, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_ADDRESS_IN_USE);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_LISTENING);
  g_assert_cmpuint (server_fixture_get_port (server), ==, port);
  g_assert_false (report_says_reuse_port (server));
  assert_pending (server, "ListenAddresses");
  loopback_expect_server (port);
  loopback_close (taken);
  server_fixture_relisten (server);
  g_assert_cmpuint (server_fixture_get_port (server), ==, taken_port);
  server_fixture_free (server);
}

static void
test_relisten_starts (void)
{
  SondeServer *server = server_fixture_new ("@a{sv} {}");

  g_test_summary ("A server that does not listen is started.");

  server_fixture_relisten (server);
  loopback_expect_server (server_fixture_get_port (server));
  server_fixture_free (server);
}

static void
test_no_reuse (void)
{
  SondeServer             *server = server_fixture_start ("@a{sv} {}");
  const guint16            port = server_fixture_get_port (server);
  const int                on = 1;
  const int                other = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = g_htons (port), .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK)
  };

  g_test_summary ("A port that is not to be shared is not, and new listeners do not ask for it.");

  g_assert_no_errno (setsockopt (other, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
  g_assert_cmpint (bind (other, (const struct sockaddr *) &address, sizeof address), ==, -1);
  server_fixture_relisten (server);
  g_assert_false (report_says_reuse_port (server));
  loopback_close (other);
  server_fixture_free (server);
}

static void
test_workers (void)
{
  SondeServer  *server = server_fixture_start ("{'Workers': <4>}");
  const guint16 port = server_fixture_get_port (server);
  g_autoptr (GVariant) addresses = sonde_server_get_bound_addresses (server);
  g_autoptr (GVariant) rows = NULL;
  int clients[64];

  g_test_summary ("Workers share one port, and serve all who come.");

  g_assert_cmpuint (g_variant_n_children (addresses), ==, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      clients[i] = loopback_connect (port);
      loopback_expect_echo (clients[i]);
    }
  rows = sonde_server_list_connections (server, 0, 0);
  g_assert_cmpuint (g_variant_n_children (rows), ==, G_N_ELEMENTS (clients));
  server_fixture_update (server, "{'Workers': <2>}", SONDE_APPLY_ALL);
  server_fixture_relisten (server);
  g_assert_cmpuint (server_fixture_get_port (server), ==, port);
  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      loopback_expect_echo (clients[i]);
      loopback_close (clients[i]);
    }
  loopback_expect_server (port);
  g_assert_cmpuint (server_fixture_get_statistic (server, "NAccepted"),
                    ==,
                    G_N_ELEMENTS (clients) + 1);
  server_fixture_free (server);
}

typedef struct
{
  guint16          port;
  _Atomic gboolean ends;
} Crowd;

static gpointer
crowd_thread (gpointer user_data)
{
  Crowd *crowd = user_data;

  while (!crowd->ends)
    loopback_expect_server (crowd->port);

  return NULL;
}

static void
test_busy (void)
{
  g_test_summary ("New listeners can be had while connections pour in, of which none is lost.");

  for (guint workers = 1; workers <= 3; workers++)
    {
      g_autofree char *text = g_strdup_printf ("{'Workers': <%u>}", workers);
      SondeServer     *server = server_fixture_start (text);
      Crowd            crowd = { server_fixture_get_port (server), FALSE };
      GThread         *threads[2];

      for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
        threads[i] = g_thread_new ("crowd", crowd_thread, &crowd);
      for (guint i = 0; i < 30; i++)
        {
          const guint64 before = server_fixture_get_statistic (server, "NAccepted");

          SERVER_FIXTURE_WAIT (server_fixture_get_statistic (server, "NAccepted") > before);
          server_fixture_relisten (server);
        }
      crowd.ends = TRUE;
      for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
        g_thread_join (threads[i]);
      server_fixture_free (server);
    }
}

static int
connect_ipv6 (guint16 port)
{
  const struct sockaddr_in6 address = {
    .sin6_family = AF_INET6, .sin6_port = g_htons (port), .sin6_addr = IN6ADDR_LOOPBACK_INIT
  };
  const int fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  g_assert_no_errno (connect (fd, (const struct sockaddr *) &address, sizeof address));

  return fd;
}

static void
test_families (void)
{
  static const struct
  {
    const char *settings;
    gboolean    ipv4;
    gboolean    ipv6;
  } rows[] = {
    { "{'ListenAddresses': <[':0']>}", TRUE, TRUE },
    { "{'ListenAddresses': <['[::1]:0']>}", FALSE, TRUE },
    { "{'ListenAddresses': <['0.0.0.0:0']>}", TRUE, FALSE },
    { "{'ListenAddresses': <['localhost:0']>}", TRUE, FALSE },
  };

  g_test_summary ("No host is IPv4 and IPv6 on one port, an address is of its own family.");

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      SondeServer  *server = server_fixture_start (rows[i].settings);
      const guint16 port = server_fixture_get_port (server);

      g_test_message ("%s", rows[i].settings);
      if (rows[i].ipv4)
        loopback_expect_server (port);
      if (rows[i].ipv6)
        {
          const int client = connect_ipv6 (port);

          loopback_expect_echo (client);
          loopback_close (client);
        }
      server_fixture_relisten (server);
      g_assert_cmpuint (server_fixture_get_port (server), ==, port);
      server_fixture_free (server);
    }
}

static void
test_many (void)
{
  g_autoptr (GString) text = g_string_new ("{'ListenAddresses': <['127.0.0.1:0'");
  g_autoptr (GVariant) addresses = NULL;
  SondeServer *server = NULL;

  g_test_summary ("However many addresses there are, the server serves at each.");

  for (guint i = 1; i < N_ADDRESSES; i++)
    g_string_append (text, ", '127.0.0.1:0'");
  g_string_append (text, "]>}");
  server = server_fixture_start (text->str);
  addresses = sonde_server_get_bound_addresses (server);
  g_assert_cmpuint (g_variant_n_children (addresses), ==, N_ADDRESSES);
  for (gsize i = 0; i < N_ADDRESSES; i++)
    {
      guint16 port = 0;

      g_variant_get_child (addresses, i, "(&sq)", NULL, &port);
      loopback_expect_server (port);
    }
  server_fixture_free (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server-listen/relisten", test_relisten);
  g_test_add_func ("/server-listen/pending", test_pending);
  g_test_add_func ("/server-listen/other-address", test_other_address);
  g_test_add_func ("/server-listen/refused", test_refused);
  g_test_add_func ("/server-listen/relisten-starts", test_relisten_starts);
  g_test_add_func ("/server-listen/no-reuse", test_no_reuse);
  g_test_add_func ("/server-listen/workers", test_workers);
  g_test_add_func ("/server-listen/busy", test_busy);
  g_test_add_func ("/server-listen/families", test_families);
  g_test_add_func ("/server-listen/many", test_many);

  return g_test_run ();
}
