/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"
#include "slow-resolver.h"

#include <libsonde/sonde-error.h>

#define BY_NAME "{'ListenAddresses': <['a.test:0']>}"
#define BY_NAMES "{'ListenAddresses': <['b.test:0', 'c.test:0']>}"
#define NOWHERE "{'ListenAddresses': <['nowhere.test:0']>}"

static void
keep_result_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_assert_null (*(GAsyncResult **) user_data);
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
finish_start (SondeServer   *server,
              GAsyncResult **result,
              GError       **error)
{
  gboolean ok;

  SERVER_FIXTURE_WAIT (*result != NULL);
  ok = sonde_server_start_finish (server, *result, error);
  g_assert_cmpint (ok, ==, *error == NULL);
  g_clear_object (result);
}

static void
finish_relisten (SondeServer   *server,
                 GAsyncResult **result,
                 GError       **error)
{
  gboolean ok;

  SERVER_FIXTURE_WAIT (*result != NULL);
  ok = sonde_server_relisten_finish (server, *result, error);
  g_assert_cmpint (ok, ==, *error == NULL);
  g_clear_object (result);
}

static void
assert_serves (SondeServer *server)
{
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_LISTENING);
  loopback_expect_server (server_fixture_get_port (server));
}

static void
test_start (void)
{
  SlowResolver *resolver = slow_resolver_install ();
  SondeServer  *server = server_fixture_new (BY_NAME);
  GAsyncResult *first = NULL;
  GAsyncResult *second = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A server listens when its name is known, however often it was started.");

  sonde_server_start_async (server, NULL, keep_result_cb, &first);
  sonde_server_start_async (server, NULL, keep_result_cb, &second);
  SERVER_FIXTURE_WAIT (slow_resolver_get_n_waiting (resolver) == 2);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_STOPPED);
  slow_resolver_answer (resolver);
  finish_start (server, &first, &error);
  g_assert_no_error (error);
  finish_start (server, &second, &error);
  g_assert_no_error (error);
  assert_serves (server);

  server_fixture_free (server);
}

static void
test_start_without_names (void)
{
  SlowResolver *resolver = slow_resolver_install ();
  SondeServer  *server = server_fixture_new ("@a{sv} {}");
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Where there is no name nobody is asked, and a server that listens goes on.");

  for (guint i = 0; i < 2; i++)
    {
      sonde_server_start_async (server, NULL, keep_result_cb, &result);
      g_assert_null (result);
      finish_start (server, &result, &error);
      g_assert_no_error (error);
      assert_serves (server);
    }
  g_assert_cmpuint (slow_resolver_get_n_waiting (resolver), ==, 0);

  server_fixture_free (server);
}

static void
test_start_fails (void)
{
  SlowResolver *resolver = slow_resolver_install ();
  SondeServer  *server = server_fixture_new (NOWHERE);
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A name without an address fails the start, and the server tells it.");

  sonde_server_start_async (server, NULL, keep_result_cb, &result);
  slow_resolver_answer (resolver);
  finish_start (server, &result, &error);
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_ADDRESS_NOT_AVAILABLE);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_FAILED);

  server_fixture_free (server);
}

static void
test_stop_while_starting (void)
{
  SlowResolver *resolver = slow_resolver_install ();
  SondeServer  *server = server_fixture_new (BY_NAME);
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Stopping gives up a start that is under way; another start is its own.");

  sonde_server_start_async (server, NULL, keep_result_cb, &result);
  sonde_server_stop (server);
  g_assert_null (result);
  finish_start (server, &result, &error);
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_FAILED);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_STOPPED);
  g_clear_error (&error);

  sonde_server_start_async (server, NULL, keep_result_cb, &result);
  slow_resolver_answer (resolver);
  finish_start (server, &result, &error);
  g_assert_no_error (error);
  assert_serves (server);

  server_fixture_free (server);
}

static void
test_cancel (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  SlowResolver *resolver = slow_resolver_install ();
  SondeServer  *server = server_fixture_new (BY_NAME);
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A start that is cancelled, before or after it began, changes nothing.");

  sonde_server_start_async (server, cancellable, keep_result_cb, &result);
  g_cancellable_cancel (cancellable);
  finish_start (server, &result, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  sonde_server_start_async (server, cancellable, keep_result_cb, &result);
  finish_start (server, &result, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_STOPPED);
  g_assert_cmpuint (slow_resolver_get_n_waiting (resolver), ==, 0);

  server_fixture_free (server);
}

static void
test_changed_meanwhile (void)
{
  SlowResolver *resolver = slow_resolver_install ();
  SondeServer  *server = server_fixture_new (NOWHERE);
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) pending = NULL;

  g_test_summary ("Addresses that change while names are looked up are the ones that count.");

  server_fixture_update (server, BY_NAME, SONDE_APPLY_ALL);
  sonde_server_start_async (server, NULL, keep_result_cb, &result);
  server_fixture_update (server, BY_NAMES, SONDE_APPLY_ALL);
  while (result == NULL)
    {
      slow_resolver_answer (resolver);
      server_fixture_turn ();
    }
  finish_start (server, &result, &error);
  g_assert_no_error (error);
  pending = sonde_server_get_pending_relisten (server);
  g_assert_cmpuint (g_strv_length (pending), ==, 0);
  assert_serves (server);

  server_fixture_free (server);
}

static void
test_relisten (void)
{
  SlowResolver *resolver = slow_resolver_install ();
  SondeServer  *server = server_fixture_start ("@a{sv} {}");
  const int     client = loopback_connect (server_fixture_get_port (server));
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("While a server that is to listen anew looks up names, it serves as before.");

  server_fixture_update (server, NOWHERE, SONDE_APPLY_ALL);
  sonde_server_relisten_async (server, NULL, keep_result_cb, &result);
  assert_serves (server);
  slow_resolver_answer (resolver);
  finish_relisten (server, &result, &error);
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_ADDRESS_NOT_AVAILABLE);
  g_clear_error (&error);
  assert_serves (server);

  server_fixture_update (server, BY_NAME, SONDE_APPLY_ALL);
  sonde_server_relisten_async (server, NULL, keep_result_cb, &result);
  slow_resolver_answer (resolver);
  finish_relisten (server, &result, &error);
  g_assert_no_error (error);
  assert_serves (server);
  loopback_send_text (client, "still there");
  loopback_expect (client, "still there");
  loopback_close (client);

  server_fixture_free (server);
}

static void
test_relisten_by_the_same_name (void)
{
  SlowResolver *resolver = slow_resolver_install ();
  SondeServer  *server = server_fixture_start (BY_NAME);
  const guint16 port = server_fixture_get_port (server);
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Listening anew at the same addresses asks no resolver, and keeps the ports.");

  server_fixture_update (server, "{'Workers': <uint32 2>}", SONDE_APPLY_ALL);
  sonde_server_relisten_async (server, NULL, keep_result_cb, &result);
  g_assert_cmpuint (slow_resolver_get_n_waiting (resolver), ==, 0);
  finish_relisten (server, &result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (server_fixture_get_port (server), ==, port);

  server_fixture_free (server);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/start", test_start);
  g_test_add_func ("/server/start/without-names", test_start_without_names);
  g_test_add_func ("/server/start/fails", test_start_fails);
  g_test_add_func ("/server/start/stop", test_stop_while_starting);
  g_test_add_func ("/server/start/cancel", test_cancel);
  g_test_add_func ("/server/start/changed-meanwhile", test_changed_meanwhile);
  g_test_add_func ("/server/relisten", test_relisten);
  g_test_add_func ("/server/relisten/same-name", test_relisten_by_the_same_name);

  return g_test_run ();
}
