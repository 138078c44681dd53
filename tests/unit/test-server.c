/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

#include <string.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-mode.h>

typedef struct
{
  GString *states; /* (owned) */
  GThread *thread; /* the only one that may be told */
} Log;

static void
on_state (SondeServer *server,
          GParamSpec  *pspec,
          gpointer     user_data)
{
  Log *log = user_data;
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (SONDE_TYPE_SERVER_STATE);
  GEnumValue *value = g_enum_get_value (enum_class, (int) sonde_server_get_state (server));

  g_assert_true (g_thread_self () == log->thread);
  g_string_append_printf (log->states, "%s ", value->value_nick);
}

static void
watch (SondeServer *server,
       Log         *log)
{
  log->states = g_string_new (NULL);
  log->thread = g_thread_self ();
  g_signal_connect (server, "notify::state", G_CALLBACK (on_state), log);
}

static void
assert_log (Log        *log,
            const char *expected)
{
  g_assert_cmpstr (log->states->str, ==, expected);
  g_string_free (log->states, TRUE);
}

static void
test_life (void)
{
  SondeServer *server = server_fixture_new ("@a{sv} {}");
  g_autoptr (GError) error = NULL;
  Log log;
  int client;

  g_test_summary ("A server starts, serves and stops, and tells each change of its state once.");

  watch (server, &log);
  g_assert_cmpstr (sonde_server_get_name (server), ==, "test");
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_STOPPED);
  g_assert_true (sonde_server_start (server, &error));
  g_assert_true (sonde_server_start (server, &error));
  g_assert_no_error (error);

  client = loopback_connect (server_fixture_get_port (server));
  loopback_send_text (client, "hello");
  loopback_expect (client, "hello");
  sonde_server_stop (server);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_DRAINING);
  loopback_expect_end (client);
  loopback_close (client);
  SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
  sonde_server_stop (server);
  g_assert_finalize_object (server);
  assert_log (&log, "listening draining stopped ");
}

static void
test_again (void)
{
  SondeServer *server = server_fixture_new ("@a{sv} {}");
  Log          log;

  g_test_summary ("What was stopped can be started again, as often as one likes.");

  watch (server, &log);
  for (guint i = 0; i < 3; i++)
    {
      int client;

      g_assert_true (sonde_server_start (server, NULL));
      client = loopback_connect (server_fixture_get_port (server));
      loopback_send_text (client, "again");
      loopback_expect (client, "again");
      loopback_close (client);
      SERVER_FIXTURE_WAIT_CONNECTIONS (server, 0);
      sonde_server_stop (server);
      SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
    }
  g_assert_finalize_object (server);
  assert_log (&log,
              "listening draining stopped listening draining stopped listening draining stopped ");
}

static void
test_failed (void)
{
  guint16          port = 0;
  const int        taken = loopback_listen (&port);
  g_autofree char *text =
    g_strdup_printf ("{'ListenAddresses': <['127.0.0.1:0', '127.0.0.1:%u']>}", port);
  SondeServer *server = server_fixture_new (text);
  g_autoptr (GVariant) addresses = NULL;
  g_autoptr (GError) error = NULL;
  Log log;

  g_test_summary ("A server that cannot listen everywhere listens nowhere, and has failed.");

  watch (server, &log);
  g_assert_false (sonde_server_start (server, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_ADDRESS_IN_USE);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_FAILED);
  addresses = sonde_server_get_bound_addresses (server);
  g_assert_cmpuint (g_variant_n_children (addresses), ==, 0);

  sonde_server_stop (server);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_STOPPED);
  g_clear_error (&error);
  g_assert_false (sonde_server_start (server, &error));
  loopback_close (taken);
  g_clear_error (&error);
  g_assert_true (sonde_server_start (server, &error));
  g_assert_no_error (error);
  sonde_server_stop (server);
  SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
  g_assert_finalize_object (server);
  assert_log (&log, "failed stopped failed listening draining stopped ");
}

static void
test_nowhere (void)
{
  static const struct
  {
    const char *settings;
    int         code;
  } rows[] = {
    { "{'ListenAddresses': <@as []>}", SONDE_ERROR_INVALID_SETTING },
    { "{'ListenAddresses': <['192.0.2.77:0']>}", SONDE_ERROR_ADDRESS_NOT_AVAILABLE },
    { "{'ListenAddresses': <['nobody.invalid:0']>}", SONDE_ERROR_ADDRESS_NOT_AVAILABLE },
  };

  g_test_summary ("What cannot be listened on has an error of its own.");

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      SondeServer *server = server_fixture_new (rows[i].settings);
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", rows[i].settings);
      g_assert_false (sonde_server_start (server, &error));
      g_assert_error (error, SONDE_ERROR, rows[i].code);
      g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_FAILED);
      g_assert_finalize_object (server);
    }
}

static void
test_stop_answers (void)
{
  SondeServer       *server = server_fixture_start ("@a{sv} {}");
  const gsize        length = 100 * 1000;
  g_autofree guint8 *noise = loopback_make_noise (length);
  int                clients[20];

  g_test_summary ("Who has been let in by the kernel and has sent is answered, then gets a FIN.");

  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      clients[i] = loopback_connect (server_fixture_get_port (server));
      loopback_send (clients[i], noise, length);
    }
  sonde_server_stop (server);
  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      g_autoptr (GByteArray) answer = loopback_read_all (clients[i]);

      g_assert_cmpmem (answer->data, answer->len, noise, length);
      loopback_close (clients[i]);
    }
  SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
  g_assert_cmpuint (server_fixture_get_statistic (server, "NReset"), ==, 0);
  g_assert_finalize_object (server);
}

static void
test_drain_timeout (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    client = loopback_connect (server_fixture_get_port (server));

  g_test_summary ("Who does not take his leave within the time to drain is reset.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  sonde_server_drain (server, 50 * 1000);
  loopback_expect_end (client);
  SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
  g_assert_cmpuint (server_fixture_get_statistic (server, "NReset"), ==, 1);
  loopback_close (client);
  g_assert_finalize_object (server);
}

static void
test_drain_at_once (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  const int    client = loopback_connect (server_fixture_get_port (server));

  g_test_summary ("With no time to drain everybody is reset at once.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  sonde_server_drain (server, 0);
  loopback_expect_reset (client);
  loopback_close (client);
  SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
  g_assert_finalize_object (server);
}

static void
test_start_while_draining (void)
{
  SondeServer *server = server_fixture_start ("{'CloseTimeoutUSec': <60000000>}");
  const int    old = loopback_connect (server_fixture_get_port (server));
  int new;

  g_test_summary ("A server that is draining can listen again, beside whom it drains.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  sonde_server_stop (server);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_DRAINING);
  g_assert_true (sonde_server_start (server, NULL));
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_LISTENING);
  new = loopback_connect (server_fixture_get_port (server));
  loopback_send_text (new, "hello");
  loopback_expect (new, "hello");
  loopback_expect_end (old);
  g_assert_cmpuint (sonde_server_get_n_connections (server), ==, 2);
  loopback_close (old);
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_LISTENING);
  loopback_close (new);
  server_fixture_free (server);
}

static void
test_name_and_settings (void)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GError) error = NULL;
  SondeServer *server = NULL;

  g_test_summary ("A server keeps settings of its own, and refuses those that the kernel refuses.");

  g_assert_true (sonde_settings_set_string (settings, "Backlog", "7", NULL));
  server = sonde_server_new ("a server", settings, &error);
  g_assert_no_error (error);
  g_assert_true (sonde_settings_set_string (settings, "Backlog", "8", NULL));
  server_fixture_assert_setting (server, "Backlog", "uint32 7");
  g_assert_finalize_object (server);

  g_assert_true (sonde_settings_set_string (settings, "Congestion", "nonsense", NULL));
  g_assert_null (sonde_server_new ("b", settings, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_nonnull (strstr (error->message, "Congestion=nonsense"));
  g_clear_error (&error);

  server = sonde_server_new ("c", NULL, &error);
  g_assert_no_error (error);
  g_assert_finalize_object (server);
}

static void
test_made_of_properties (void)
{
  const char *const addresses[] = { "127.0.0.1:0", NULL };
  g_autoptr (GError) error = NULL;
  SondeServer *server = NULL;
  int          client;

  g_test_summary ("A server that a language binding makes of properties alone serves as well.");

  server = g_object_new (SONDE_TYPE_SERVER,
                         "name", "made",
                         "listen-addresses", addresses,
                         "mode", SONDE_MODE_UPPER,
                         NULL);
  g_assert_cmpstr (sonde_server_get_name (server), ==, "made");
  g_assert_true (sonde_server_start (server, &error));
  g_assert_no_error (error);
  client = loopback_connect (server_fixture_get_port (server));
  loopback_send_text (client, "hello");
  loopback_expect (client, "HELLO");
  loopback_close (client);
  server_fixture_free (server);

  server = g_object_new (SONDE_TYPE_SERVER, NULL);
  g_assert_nonnull (sonde_server_get_name (server));
  g_assert_false (sonde_server_start (server, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_finalize_object (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server/life", test_life);
  g_test_add_func ("/server/again", test_again);
  g_test_add_func ("/server/failed", test_failed);
  g_test_add_func ("/server/nowhere", test_nowhere);
  g_test_add_func ("/server/stop-answers", test_stop_answers);
  g_test_add_func ("/server/drain-timeout", test_drain_timeout);
  g_test_add_func ("/server/drain-at-once", test_drain_at_once);
  g_test_add_func ("/server/start-while-draining", test_start_while_draining);
  g_test_add_func ("/server/name-and-settings", test_name_and_settings);
  g_test_add_func ("/server/made-of-properties", test_made_of_properties);

  return g_test_run ();
}
