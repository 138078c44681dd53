/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "given-fixture.h"
#include "loopback.h"
#include "server-fixture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libsonde/sonde-error.h>

static void
test_serve (void)
{
  guint16      port = 0;
  SondeServer *server = given_fixture_start_new ("@a{sv} {}", &port);

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
  SondeServer *server = given_fixture_start_new ("@a{sv} {}", &port);
  int          waiting = -1;

  g_test_summary ("Who connects while the server is stopped waits for the next start.");

  for (guint i = 0; i < 3; i++)
    {
      sonde_server_drain (server, 0);
      SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
      waiting = loopback_connect (port);
      loopback_send_text (waiting, "early");
      given_fixture_start (server);
      loopback_expect (waiting, "early");
      loopback_close (waiting);
    }
  server_fixture_free (server);
}

static void
test_several (void)
{
  SondeServer *server = given_fixture_new ("@a{sv} {}");
  guint16      ports[3] = { 0 };
  int          fds[3];
  g_autoptr (GVariant) addresses = NULL;

  g_test_summary ("Several sockets are as many listeners of one server.");

  for (guint i = 0; i < 3; i++)
    fds[i] = loopback_listen (&ports[i]);
  given_fixture_give (server, fds, 3);
  given_fixture_start (server);
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
  SondeServer *server = given_fixture_start_new ("@a{sv} {}", &port);
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
test_addresses (void)
{
  guint16      port = 0;
  SondeServer *server = given_fixture_start_new ("@a{sv} {}", &port);
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

  given_fixture_give (server, NULL, 0);
  server_fixture_update (server, "{'ListenAddresses': <['127.0.0.1:0']>}", SONDE_APPLY_ALL);
  pending = sonde_server_get_pending_relisten (server);
  g_assert_cmpstr (pending[0], ==, "ListenAddresses");
  server_fixture_relisten (server);
  g_assert_cmpuint (server_fixture_get_port (server), !=, port);
  loopback_expect_server (server_fixture_get_port (server));
  given_fixture_assert_report (server, "UserTimeoutUSec", "listener", "0 kernel-default");
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
  g_test_add_func ("/server/given/addresses", test_addresses);

  return g_test_run ();
}
