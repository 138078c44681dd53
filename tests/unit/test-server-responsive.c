/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

#include <libsonde/sonde-call-private.h>
#include <libsonde/sonde-server-private.h>

/* Questions to a thread that cannot answer. */
#define N_QUESTIONS 50

typedef struct
{
  GMutex           lock;
  _Atomic gboolean is_held_up;
} Obstacle;

static gboolean
hold_up_cb (gpointer user_data)
{
  Obstacle *obstacle = user_data;

  obstacle->is_held_up = TRUE;
  g_mutex_lock (&obstacle->lock);
  g_mutex_unlock (&obstacle->lock);

  return G_SOURCE_REMOVE;
}

/* Keeps a thread busy until the lock is released. */
static void
hold_up (Obstacle   *obstacle,
         SondeShard *shard)
{
  g_mutex_lock (&obstacle->lock);
  sonde_call_later (sonde_epoll_get_context (shard->epoll), hold_up_cb, obstacle, NULL);
  SERVER_FIXTURE_WAIT (obstacle->is_held_up);
}

static void
assert_silent (SondeServer *server)
{
  SERVER_FIXTURE_WAIT (!sonde_server_is_responsive (server));
  for (guint i = 0; i < N_QUESTIONS; i++)
    {
      server_fixture_turn ();
      g_assert_false (sonde_server_is_responsive (server));
    }
}

static void
test_alive (void)
{
  SondeServer *server = server_fixture_start ("{'Workers': <3>}");

  g_test_summary ("Threads with nothing to do answer, again and again, and so does none at all.");

  for (guint i = 0; i < N_QUESTIONS; i++)
    SERVER_FIXTURE_WAIT (sonde_server_is_responsive (server));
  sonde_server_drain (server, 0);
  SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
  g_assert_true (sonde_server_is_responsive (server));
  g_assert_true (sonde_server_is_responsive (server));
  server_fixture_free (server);
}

static void
test_held_up (void)
{
  g_test_summary ("One thread of many that does not answer is noticed, and so is its return.");

  for (guint i = 0; i < 3; i++)
    {
      SondeServer *server = server_fixture_start ("{'Workers': <3>}");
      Obstacle     obstacle = { 0 };

      hold_up (&obstacle, server->shards->pdata[i]);
      assert_silent (server);
      g_mutex_unlock (&obstacle.lock);
      SERVER_FIXTURE_WAIT (sonde_server_is_responsive (server));
      server_fixture_free (server);
    }
}

static void
test_draining (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    client = loopback_connect (server_fixture_get_port (server));
  Obstacle     obstacle = { 0 };

  g_test_summary ("A thread that has only old connections left is asked as well.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  sonde_server_drain (server, G_USEC_PER_SEC * G_GUINT64_CONSTANT (60));
  hold_up (&obstacle, server->retired->pdata[0]);
  assert_silent (server);
  g_mutex_unlock (&obstacle.lock);
  SERVER_FIXTURE_WAIT (sonde_server_is_responsive (server));
  loopback_close (client);
  server_fixture_free (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server/responsive/alive", test_alive);
  g_test_add_func ("/server/responsive/held-up", test_held_up);
  g_test_add_func ("/server/responsive/draining", test_draining);

  return g_test_run ();
}
