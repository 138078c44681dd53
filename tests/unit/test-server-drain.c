/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

typedef struct
{
  GAsyncResult *result; /* (owned) (nullable) */
} Wait;

static void
drained_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Wait *wait = user_data;

  g_assert_null (wait->result);
  wait->result = g_object_ref (result);
}

static void
assert_drained (SondeServer *server,
                Wait        *wait)
{
  g_autoptr (GError) error = NULL;

  SERVER_FIXTURE_WAIT (wait->result != NULL);
  g_assert_true (sonde_server_drain_finish (server, wait->result, &error));
  g_assert_no_error (error);
  g_clear_object (&wait->result);
}

static void
assert_cancelled (SondeServer *server,
                  Wait        *wait)
{
  g_autoptr (GError) error = NULL;

  SERVER_FIXTURE_WAIT (wait->result != NULL);
  g_assert_false (sonde_server_drain_finish (server, wait->result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_object (&wait->result);
}

static void
test_last_one (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    client = loopback_connect (server_fixture_get_port (server));
  Wait         first = { NULL }, second = { NULL };

  g_test_summary ("Everybody who waits is called back when the last connection is gone.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  sonde_server_drain_async (server, G_MAXUINT64, NULL, drained_cb, &first);
  sonde_server_drain_async (server, G_MAXUINT64, NULL, drained_cb, &second);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_DRAINING);
  loopback_expect_end (client);
  g_assert_null (first.result);
  loopback_close (client);
  assert_drained (server, &first);
  assert_drained (server, &second);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_STOPPED);
  g_assert_finalize_object (server);
}

static void
test_nobody (void)
{
  SondeServer *server = server_fixture_new ("@a{sv} {}");
  Wait         wait = { NULL };

  g_test_summary ("A server that has nothing to drain is done, but not before it returns.");

  sonde_server_drain_async (server, 0, NULL, drained_cb, &wait);
  g_assert_null (wait.result);
  assert_drained (server, &wait);

  g_assert_true (sonde_server_start (server, NULL));
  sonde_server_drain_async (server, 0, NULL, drained_cb, &wait);
  assert_drained (server, &wait);
  g_assert_finalize_object (server);
}

static void
test_cancelled (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    client = loopback_connect (server_fixture_get_port (server));
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Wait cancelled = { NULL }, other = { NULL };

  g_test_summary ("Who gives up waiting is called back at once; the server drains on.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  sonde_server_drain_async (server, G_MAXUINT64, cancellable, drained_cb, &cancelled);
  sonde_server_drain_async (server, G_MAXUINT64, NULL, drained_cb, &other);
  g_cancellable_cancel (cancellable);
  assert_cancelled (server, &cancelled);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_DRAINING);
  loopback_close (client);
  assert_drained (server, &other);

  g_assert_true (sonde_server_start (server, NULL));
  sonde_server_drain_async (server, 0, cancellable, drained_cb, &cancelled);
  assert_cancelled (server, &cancelled);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_LISTENING);
  server_fixture_free (server);
}

static void
test_not_cancelled_in_time (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    client = loopback_connect (server_fixture_get_port (server));
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Wait wait = { NULL };

  g_test_summary ("Cancelling afterwards does nothing, and nothing is kept for it.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  sonde_server_drain_async (server, 0, cancellable, drained_cb, &wait);
  assert_drained (server, &wait);
  g_cancellable_cancel (cancellable);
  server_fixture_turn ();
  loopback_close (client);
  g_assert_finalize_object (server);
}

static void
test_started_again (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    old = loopback_connect (server_fixture_get_port (server));
  Wait         wait = { NULL };
  int new;

  g_test_summary ("Only the connections of that time are waited for.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  sonde_server_drain_async (server, G_MAXUINT64, NULL, drained_cb, &wait);
  g_assert_true (sonde_server_start (server, NULL));
  new = loopback_connect (server_fixture_get_port (server));
  loopback_send_text (new, "hello");
  loopback_expect (new, "hello");
  loopback_close (old);
  assert_drained (server, &wait);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_LISTENING);
  g_assert_cmpuint (sonde_server_get_n_connections (server), ==, 1);
  loopback_close (new);
  server_fixture_free (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server-drain/last-one", test_last_one);
  g_test_add_func ("/server-drain/nobody", test_nobody);
  g_test_add_func ("/server-drain/cancelled", test_cancelled);
  g_test_add_func ("/server-drain/not-cancelled-in-time", test_not_cancelled_in_time);
  g_test_add_func ("/server-drain/started-again", test_started_again);

  return g_test_run ();
}
