/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "given-fixture.h"
#include "loopback.h"
#include "server-fixture.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

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
  SondeServer *server = given_fixture_new ("{'KeepAliveProbes': <3>, 'ReuseAddress': <true>}");
  guint16      port = 0;
  const int    fd = make_marked (&port);
  int          client = -1;

  g_test_summary ("Options are left as they are found, but for those that are asked for.");

  given_fixture_give (server, &fd, 1);
  given_fixture_assert_report (server, "UserTimeoutUSec", "listener", "4321000 inherited");
  given_fixture_start (server);
  client = loopback_connect (port);
  loopback_expect_echo (client);
  given_fixture_assert_report (server, "NoDelay", "listener", "true inherited");
  given_fixture_assert_report (server, "NoDelay", "connection", "true inherited");
  given_fixture_assert_report (server, "KeepAliveProbes", "listener", "3 as-asked");
  given_fixture_assert_report (server, "KeepAliveProbes", "connection", "3 as-asked");
  given_fixture_assert_report (server, "KeepAliveTimeUSec", "listener", "77000000 inherited");
  given_fixture_assert_report (server, "UserTimeoutUSec", "connection", "4321000 inherited");
  given_fixture_assert_report (server, "TypeOfService", "listener", "32 inherited");
  given_fixture_assert_report (server, "Backlog", "listener", "5 inherited");
  given_fixture_assert_report (server, "ReusePort", "listener", "false inherited");
  g_assert_cmpint (loopback_get_int (fd, IPPROTO_TCP, TCP_KEEPCNT), ==, 3);
  loopback_close (client);
  server_fixture_free (server);
  close (fd);
}

static void
test_unset (void)
{
  SondeServer *server = given_fixture_new ("@a{sv} {}");
  guint16      port = 0;
  const int    fd = make_marked (&port);
  int          client = -1;

  g_test_summary ("What is not asked for any more is as it was found.");

  given_fixture_give (server, &fd, 1);
  given_fixture_start (server);
  client = loopback_connect (port);
  loopback_expect_echo (client);
  server_fixture_update (server,
                         "{'Backlog': <9>, 'UserTimeoutUSec': <99000>, 'NoDelay': <false>, "
                         "'KeepAliveTimeUSec': <5000000>, 'MaxSegment': <700>}",
                         SONDE_APPLY_ALL);
  given_fixture_assert_report (server, "Backlog", "listener", "9 as-asked");
  given_fixture_assert_report (server, "UserTimeoutUSec", "connection", "99000 as-asked");
  given_fixture_assert_report (server, "NoDelay", "connection", "false as-asked");
  server_fixture_update (server,
                         "{'Backlog': <0>, 'UserTimeoutUSec': <0>, 'KeepAliveTimeUSec': <0>, "
                         "'MaxSegment': <0>}",
                         SONDE_APPLY_ALL);
  given_fixture_assert_report (server, "Backlog", "listener", "5 inherited");
  given_fixture_assert_report (server, "UserTimeoutUSec", "listener", "4321000 inherited");
  given_fixture_assert_report (server, "UserTimeoutUSec", "connection", "4321000 inherited");
  given_fixture_assert_report (server, "KeepAliveTimeUSec", "listener", "77000000 inherited");
  given_fixture_assert_report (server, "MaxSegment", "listener", "536 inherited");
  loopback_close (client);
  server_fixture_free (server);
  close (fd);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server/given/options", test_options);
  g_test_add_func ("/server/given/unset", test_unset);

  return g_test_run ();
}
