/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <libsonde/sonde-error.h>

#define N_CLIENTS 200

/* A server that has not started, and asks for no address. */
static SondeServer *
make_server (const char *settings_text)
{
  SondeServer *server = server_fixture_new (settings_text);

  server_fixture_update (server, "{'ListenAddresses': <@as []>}", SONDE_APPLY_ALL);

  return server;
}

static void
give (SondeServer *server,
      const int   *fds,
      guint        n_fds)
{
  g_autoptr (GError) error = NULL;

  sonde_server_set_listen_fds (server, fds, n_fds, &error);
  g_assert_no_error (error);
}

static void
start (SondeServer *server)
{
  g_autoptr (GError) error = NULL;

  sonde_server_start (server, &error);
  g_assert_no_error (error);
}

/* A server on a socket of its own, whose only descriptors are the server's. */
static SondeServer *
start_given (const char *settings_text,
             guint16    *port)
{
  SondeServer *server = make_server (settings_text);
  const int    fd = loopback_listen (port);

  give (server, &fd, 1);
  loopback_close (fd);
  start (server);

  return server;
}

static void
test_serve (void)
{
  guint16      port = 0;
  SondeServer *server = start_given ("@a{sv} {}", &port);

  g_test_summary ("A server listens on the socket that it was given, and where that is.");

  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_LISTENING);
  g_assert_cmpuint (server_fixture_get_port (server), ==, port);
  loopback_expect_server (port);
  server_fixture_free (server);
}

static void
test_stop (void)
{
  guint16      port = 0;
  SondeServer *server = start_given ("@a{sv} {}", &port);
  int          waiting = -1;

  g_test_summary ("Who connects while the server is stopped waits for the next start.");

  for (guint i = 0; i < 3; i++)
    {
      sonde_server_drain (server, 0);
      SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
      waiting = loopback_connect (port);
      loopback_send_text (waiting, "early");
      start (server);
      loopback_expect (waiting, "early");
      loopback_close (waiting);
    }
  server_fixture_free (server);
}

static void
test_several (void)
{
  SondeServer *server = make_server ("@a{sv} {}");
  guint16      ports[3] = { 0 };
  int          fds[3];
  g_autoptr (GVariant) addresses = NULL;

  g_test_summary ("Several sockets are as many listeners of one server.");

  for (guint i = 0; i < 3; i++)
    fds[i] = loopback_listen (&ports[i]);
  give (server, fds, 3);
  start (server);
  for (guint i = 0; i < 3; i++)
    {
      loopback_close (fds[i]);
      loopback_expect_server (ports[i]);
    }
  addresses = sonde_server_get_bound_addresses (server);
  g_assert_cmpuint (g_variant_n_children (addresses), ==, 3);
  server_fixture_free (server);
}

static int
make_closed (void)
{
  const int fd = fcntl (0, F_DUPFD_CLOEXEC, 100);

  close (fd);

  return fd;
}

static int
make_pipe (void)
{
  int ends[2] = { -1, -1 };

  g_assert_no_errno (pipe2 (ends, O_CLOEXEC));
  close (ends[1]);

  return ends[0];
}

static int
make_udp (void)
{
  return socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int
make_unbound (void)
{
  return socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int
make_connected (void)
{
  guint16   port = 0;
  const int listener = loopback_listen (&port);
  const int fd = loopback_connect (port);

  loopback_close (listener);

  return fd;
}

static int
make_unix (void)
{
  const struct sockaddr_un address = { .sun_family = AF_UNIX };
  const int                fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  /* Without a path the kernel picks an abstract name. */
  g_assert_no_errno (bind (fd, (const struct sockaddr *) &address, sizeof address.sun_family));
  g_assert_no_errno (listen (fd, 1));

  return fd;
}

static const struct
{
  int (*make) (void);
  const char *why;
} wrong[] = {
  { make_closed, "not open" },
  { make_pipe, "not a socket" },
  { make_udp, "not speak TCP" },
  { make_unix, "neither IPv4 nor IPv6" },
  { make_unbound, "not listen" },
  { make_connected, "not listen" },
};

static void
test_wrong (void)
{
  guint16      port = 0;
  SondeServer *server = start_given ("@a{sv} {}", &port);
  const int    good = loopback_listen (&(guint16){ 0 });
  const guint  n_fds = loopback_count_fds ();

  g_test_summary ("What is no listening TCP socket is refused by its number, and changes nothing.");

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      const int        fds[] = { good, wrong[i].make () };
      g_autofree char *number = g_strdup_printf ("descriptor %d ", fds[1]);
      g_autoptr (GError) error = NULL;

      g_assert_false (sonde_server_set_listen_fds (server, fds, 2, &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, number));
      g_assert_nonnull (strstr (error->message, wrong[i].why));
      close (fds[1]);
    }
  g_assert_cmpuint (loopback_count_fds (), ==, n_fds);
  loopback_expect_server (port);
  close (good);
  server_fixture_free (server);
}

static void
assert_report (SondeServer *server,
               const char  *option,
               const char  *expected_scope,
               const char  *expected)
{
  g_autoptr (GVariant) report = sonde_server_get_option_report (server);
  g_autofree char *text = NULL;
  GVariantIter     iter;
  const char      *name, *scope, *reason;
  const char      *format = "(&s&s@vvv&s)";
  GVariant        *effective;

  g_variant_iter_init (&iter, report);
  while (g_variant_iter_next (&iter, format, &name, &scope, NULL, &effective, NULL, &reason))
    {
      if (strcmp (name, option) == 0 && strcmp (scope, expected_scope) == 0)
        {
          g_autofree char *value = g_variant_print (effective, FALSE);

          text = g_strconcat (value, " ", reason, NULL);
        }
      g_variant_unref (effective);
    }
  g_assert_cmpstr (text, ==, expected);
}

/* A socket with options that nobody else would have set. */
static int
make_marked (guint16 *port)
{
  const int fd = loopback_listen (port);
  const int on = 1, probes = 7, timeout_ms = 4321, tos = 0x20, idle = 77;

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
  setsockopt (fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
  g_assert_no_errno (listen (fd, 5));

  return fd;
}

static void
test_options (void)
{
  SondeServer *server = make_server ("{'KeepAliveProbes': <3>, 'ReuseAddress': <true>}");
  guint16      port = 0;
  const int    fd = make_marked (&port);
  int          client = -1;

  g_test_summary ("Options are left as they are found, but for those that are asked for.");

  give (server, &fd, 1);
  assert_report (server, "UserTimeoutUSec", "listener", "4321000 inherited");
  start (server);
  client = loopback_connect (port);
  loopback_expect_echo (client);
  assert_report (server, "NoDelay", "listener", "true inherited");
  assert_report (server, "NoDelay", "connection", "true inherited");
  assert_report (server, "KeepAliveProbes", "listener", "3 as-asked");
  assert_report (server, "KeepAliveProbes", "connection", "3 as-asked");
  assert_report (server, "KeepAliveTimeUSec", "listener", "77000000 inherited");
  assert_report (server, "UserTimeoutUSec", "connection", "4321000 inherited");
  assert_report (server, "TypeOfService", "listener", "32 inherited");
  assert_report (server, "Backlog", "listener", "5 inherited");
  assert_report (server, "ReusePort", "listener", "false inherited");
  g_assert_cmpint (loopback_get_int (fd, IPPROTO_TCP, TCP_KEEPCNT), ==, 3);
  loopback_close (client);
  server_fixture_free (server);
  close (fd);
}

static void
test_unset (void)
{
  SondeServer *server = make_server ("@a{sv} {}");
  guint16      port = 0;
  const int    fd = make_marked (&port);
  int          client = -1;

  g_test_summary ("What is not asked for any more is as it was found.");

  give (server, &fd, 1);
  start (server);
  client = loopback_connect (port);
  loopback_expect_echo (client);
  server_fixture_update (server,
                         "{'Backlog': <9>, 'UserTimeoutUSec': <99000>, 'NoDelay': <false>, "
                         "'KeepAliveTimeUSec': <5000000>, 'MaxSegment': <700>}",
                         SONDE_APPLY_ALL);
  assert_report (server, "Backlog", "listener", "9 as-asked");
  assert_report (server, "UserTimeoutUSec", "connection", "99000 as-asked");
  assert_report (server, "NoDelay", "connection", "false as-asked");
  server_fixture_update (server,
                         "{'Backlog': <0>, 'UserTimeoutUSec': <0>, 'KeepAliveTimeUSec': <0>, "
                         "'MaxSegment': <0>}",
                         SONDE_APPLY_ALL);
  assert_report (server, "Backlog", "listener", "5 inherited");
  assert_report (server, "UserTimeoutUSec", "listener", "4321000 inherited");
  assert_report (server, "UserTimeoutUSec", "connection", "4321000 inherited");
  assert_report (server, "KeepAliveTimeUSec", "listener", "77000000 inherited");
  assert_report (server, "MaxSegment", "listener", "536 inherited");
  loopback_close (client);
  server_fixture_free (server);
  close (fd);
}

static void
serve_many (guint16 port)
{
  int clients[N_CLIENTS];

  for (guint i = 0; i < N_CLIENTS; i++)
    clients[i] = loopback_connect (port);
  for (guint i = 0; i < N_CLIENTS; i++)
    loopback_send_text (clients[i], "hello");
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      loopback_expect (clients[i], "hello");
      loopback_close (clients[i]);
    }
}

static void
test_workers (void)
{
  guint16      port = 0;
  SondeServer *server = start_given ("{'Workers': <8>, 'Backlog': <300>}", &port);

  g_test_summary ("All workers accept from one socket; each client is served once, none is lost.");

  serve_many (port);
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 0);
  g_assert_cmpuint (server_fixture_get_statistic (server, "NAccepted"), ==, N_CLIENTS);
  g_assert_cmpuint (server_fixture_get_statistic (server, "AcceptQueueLimit"), ==, 300);
  server_fixture_update (server, "{'Workers': <2>, 'Concurrency': <'threads'>}", SONDE_APPLY_ALL);
  server_fixture_relisten (server);
  serve_many (port);
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 0);
  g_assert_cmpuint (server_fixture_get_statistic (server, "NAccepted"), ==, 2 * N_CLIENTS);
  server_fixture_free (server);
}

static gpointer
keep_connecting (gpointer data)
{
  guint16 *port = data;

  for (guint i = 0; i < N_CLIENTS; i++)
    loopback_expect_server (*port);

  return NULL;
}

static void
test_relisten (void)
{
  guint16      port = 0;
  SondeServer *server = start_given ("{'Workers': <2>}", &port);
  const int    client = loopback_connect (port);
  GThread     *thread = g_thread_new ("clients", keep_connecting, &port);

  g_test_summary ("Listening anew goes on with the same socket, and nobody is turned away.");

  loopback_expect_echo (client);
  for (guint i = 0; i < 20; i++)
    {
      server_fixture_relisten (server);
      loopback_expect_echo (client);
    }
  g_thread_join (thread);
  g_assert_cmpuint (server_fixture_get_statistic (server, "NAccepted"), ==, N_CLIENTS + 1);
  loopback_close (client);
  server_fixture_free (server);
}

typedef struct
{
  int   fd;
  guint n_accepted;
} Rival;

/* Takes what it can get, and serves nobody. */
static gpointer
compete (gpointer data)
{
  Rival *rival = data;
  int    fd;

  while ((fd = accept (rival->fd, NULL, NULL)) >= 0 || errno == EAGAIN)
    if (fd >= 0)
      {
        rival->n_accepted++;
        close (fd);
      }

  return NULL;
}

static void
test_rival (void)
{
  SondeServer *server = make_server ("@a{sv} {}");
  guint16      port = 0;
  Rival        rival = { loopback_listen (&port), 0 };
  GThread     *thread = NULL;
  int          open_client = -1;

  g_test_summary ("Somebody else who accepts from the socket makes nobody complain or wait.");

  give (server, &rival.fd, 1);
  start (server);
  open_client = loopback_connect (port);
  loopback_expect_echo (open_client);
  thread = g_thread_new ("rival", compete, &rival);
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      loopback_close (loopback_connect (port));
      loopback_expect_echo (open_client);
    }
  loopback_close (open_client);
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 0);
  SERVER_FIXTURE_WAIT (server_fixture_get_statistic (server, "AcceptQueueDepth") == 0);
  g_assert_no_errno (shutdown (rival.fd, SHUT_RD));
  g_thread_join (thread);
  g_test_message ("the rival got %u", rival.n_accepted);
  close (rival.fd);
  server_fixture_free (server);
}

static double
get_cpu_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);

  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
test_no_spinning (void)
{
  guint16      port = 0;
  SondeServer *server = start_given ("@a{sv} {}", &port);
  const int    client = loopback_connect (port);
  int          waiting = -1;
  double       before;

  g_test_summary ("Whoever waits while the server drains wakes nobody: that takes no CPU time.");

  loopback_expect_echo (client);
  sonde_server_drain (server, G_USEC_PER_SEC * G_GUINT64_CONSTANT (60));
  waiting = loopback_connect (port);
  before = get_cpu_seconds ();
  g_usleep (300 * 1000);
  g_assert_cmpfloat (get_cpu_seconds () - before, <, 0.1);
  loopback_close (waiting);
  loopback_close (client);
  server_fixture_free (server);
}

static void
test_addresses (void)
{
  guint16      port = 0;
  SondeServer *server = start_given ("@a{sv} {}", &port);
  g_autoptr (GVariant) changes = NULL;
  g_auto (GStrv) pending = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A server has given sockets or addresses, and can change from one to the other.");

  changes = g_variant_ref_sink (
    g_variant_new_parsed ("{'ListenAddresses': <['127.0.0.1:0']>, 'Backlog': <7>}"));
  g_assert_false (sonde_server_update (server, changes, SONDE_APPLY_ALL, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_nonnull (strstr (error->message, "ListenAddresses=127.0.0.1:0"));
  server_fixture_assert_setting (server, "Backlog", "uint32 0");

  give (server, NULL, 0);
  server_fixture_update (server, "{'ListenAddresses': <['127.0.0.1:0']>}", SONDE_APPLY_ALL);
  pending = sonde_server_get_pending_relisten (server);
  g_assert_cmpstr (pending[0], ==, "ListenAddresses");
  server_fixture_relisten (server);
  g_assert_cmpuint (server_fixture_get_port (server), !=, port);
  loopback_expect_server (server_fixture_get_port (server));
  assert_report (server, "UserTimeoutUSec", "listener", "0 kernel-default");
  server_fixture_free (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server/given/serve", test_serve);
  g_test_add_func ("/server/given/stop", test_stop);
  g_test_add_func ("/server/given/several", test_several);
  g_test_add_func ("/server/given/wrong", test_wrong);
  g_test_add_func ("/server/given/options", test_options);
  g_test_add_func ("/server/given/unset", test_unset);
  g_test_add_func ("/server/given/workers", test_workers);
  g_test_add_func ("/server/given/relisten", test_relisten);
  g_test_add_func ("/server/given/rival", test_rival);
  g_test_add_func ("/server/given/no-spinning", test_no_spinning);
  g_test_add_func ("/server/given/addresses", test_addresses);

  return g_test_run ();
}
