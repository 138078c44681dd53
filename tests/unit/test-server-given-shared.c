/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "given-fixture.h"
#include "loopback.h"
#include "server-fixture.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define N_CLIENTS 200

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
  SondeServer *server = given_fixture_start_new ("{'Workers': <8>, 'Backlog': <300>}", &port);

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
  SondeServer *server = given_fixture_start_new ("{'Workers': <2>}", &port);
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
  SondeServer *server = given_fixture_new ("@a{sv} {}");
  guint16      port = 0;
  Rival        rival = { loopback_listen (&port), 0 };
  GThread     *thread = NULL;
  int          open_client = -1;

  g_test_summary ("Somebody else who accepts from the socket makes nobody complain or wait.");

  given_fixture_give (server, &rival.fd, 1);
  given_fixture_start (server);
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
  SondeServer *server = given_fixture_start_new ("@a{sv} {}", &port);
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

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server/given/workers", test_workers);
  g_test_add_func ("/server/given/relisten", test_relisten);
  g_test_add_func ("/server/given/rival", test_rival);
  g_test_add_func ("/server/given/no-spinning", test_no_spinning);

  return g_test_run ();
}
