/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What is left of a server when it ends in the midst of its work: nothing. */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

#define N_CHURN 1000

static const char *const concurrencies[] = {
  "{'Concurrency': <'loop'>}",
  "{'Concurrency': <'loop'>, 'Workers': <3>}",
  "{'Concurrency': <'threads'>}",
};

static void
test_connected (void)
{
  g_test_summary ("A server that is dropped with connections open resets them and is gone.");

  for (gsize i = 0; i < G_N_ELEMENTS (concurrencies); i++)
    {
      SondeServer *server = server_fixture_start (concurrencies[i]);
      int          clients[10];

      for (gsize j = 0; j < G_N_ELEMENTS (clients); j++)
        clients[j] = loopback_connect (server_fixture_get_port (server));
      SERVER_FIXTURE_WAIT_CONNECTIONS (server, G_N_ELEMENTS (clients));
      g_assert_finalize_object (server);
      for (gsize j = 0; j < G_N_ELEMENTS (clients); j++)
        {
          loopback_expect_reset (clients[j]);
          loopback_close (clients[j]);
        }
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
}

static void
on_notify (GObject    *object,
           GParamSpec *pspec,
           gpointer    user_data)
{
  (*(guint *) user_data)++;
}

static void
test_disposed (void)
{
  SondeServer  *server = server_fixture_start ("@a{sv} {}");
  const guint16 port = server_fixture_get_port (server);
  const int     client = loopback_connect (port);
  guint         n_notified = 0;

  g_test_summary ("A server that is disposed of listens no more, and has nothing left to tell.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  g_object_run_dispose (G_OBJECT (server));
  loopback_expect_reset (client);
  loopback_close (client);
  g_assert_cmpuint (sonde_server_get_n_connections (server), ==, 0);
  g_assert_cmpint (sonde_server_get_state (server), !=, SONDE_SERVER_STATE_LISTENING);

  g_signal_connect (server, "notify", G_CALLBACK (on_notify), &n_notified);
  g_object_run_dispose (G_OBJECT (server));
  g_assert_finalize_object (server);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (n_notified, ==, 0);
}

static void
test_silent_end (void)
{
  SondeServer *server = server_fixture_start ("{'CloseTimeoutUSec': <60000000>}");
  const int    client = loopback_connect (server_fixture_get_port (server));
  guint        n_notified = 0, n_at_end;

  g_test_summary ("A server that is dropped while it drains tells nobody afterwards.");

  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  sonde_server_stop (server);
  g_signal_connect (server, "notify", G_CALLBACK (on_notify), &n_notified);
  g_assert_finalize_object (server);
  n_at_end = n_notified;
  loopback_close (client);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (n_notified, ==, n_at_end);
}

/* All that a server needs happens in a context that nobody runs afterwards. */
static gpointer
own_context_thread (gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  SondeServer *server = NULL;
  int          client;

  g_main_context_push_thread_default (context);
  server = server_fixture_start ("@a{sv} {}");
  client = loopback_connect (server_fixture_get_port (server));
  loopback_send_text (client, "hello");
  loopback_expect (client, "hello");
  g_assert_finalize_object (server);
  loopback_close (client);
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_abandoned_context (void)
{
  g_test_summary ("A server can be dropped together with its context, without a last turn of it.");

  for (guint i = 0; i < 3; i++)
    g_thread_join (g_thread_new ("owner", own_context_thread, NULL));
}

typedef struct
{
  GThread *owner;
  gboolean was_stopped;
} Owner;

static void
on_owned_state (SondeServer *server,
                GParamSpec  *pspec,
                gpointer     user_data)
{
  Owner *owner = user_data;

  g_assert_true (g_thread_self () == owner->owner);
  owner->was_stopped = sonde_server_get_state (server) == SONDE_SERVER_STATE_STOPPED;
}

static gpointer
signals_thread (gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  Owner        owner = { g_thread_self (), FALSE };
  SondeServer *server = NULL;

  g_main_context_push_thread_default (context);
  server = server_fixture_start ("@a{sv} {}");
  g_signal_connect (server, "notify::state", G_CALLBACK (on_owned_state), &owner);
  sonde_server_stop (server);
  g_assert_false (owner.was_stopped);
  while (!owner.was_stopped)
    g_main_context_iteration (context, TRUE);
  g_assert_finalize_object (server);
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_context (void)
{
  g_test_summary ("Signals come in the context in which the server was made, whichever that is.");

  g_thread_join (g_thread_new ("owner", signals_thread, NULL));
}

static void
churn (SondeServer *server,
       guint        i)
{
  const int client = loopback_connect (server_fixture_get_port (server));

  loopback_send_text (client, "x");
  if (i % 3 != 0)
    loopback_expect (client, "x");
  if (i % 2 == 0)
    loopback_reset (client);
  else
    loopback_close (client);
}

static void
test_churn (void)
{
  g_test_summary ("A thousand connections that come and go leave no descriptor behind.");

  for (gsize i = 0; i < G_N_ELEMENTS (concurrencies); i++)
    {
      const guint  before = loopback_count_fds ();
      SondeServer *server = server_fixture_start (concurrencies[i]);
      const guint  started = loopback_count_fds ();

      for (guint j = 0; j < N_CHURN; j++)
        churn (server, j);
      SERVER_FIXTURE_WAIT_STATISTIC (server, "NClosed", N_CHURN);
      SERVER_FIXTURE_WAIT (loopback_count_fds () == started);
      g_assert_cmpuint (server_fixture_get_statistic (server, "NAccepted"), ==, N_CHURN);
      g_assert_cmpuint (server_fixture_get_statistic (server, "NConnections"), ==, 0);
      server_fixture_free (server);
      g_assert_cmpuint (loopback_count_fds (), ==, before);
    }
}

static void
test_restarts (void)
{
  const guint before = loopback_count_fds ();

  g_test_summary ("Nor do a hundred servers, with a client each.");

  for (guint i = 0; i < 100; i++)
    {
      SondeServer *server = server_fixture_start (concurrencies[i % G_N_ELEMENTS (concurrencies)]);
      const int    client = loopback_connect (server_fixture_get_port (server));

      if (i % 2 == 0)
        loopback_send_text (client, "hello");
      sonde_server_drain (server, i % 4 < 2 ? 0 : 1000);
      loopback_close (client);
      if (i % 5 != 0)
        SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
      g_assert_finalize_object (server);
    }
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (loopback_count_fds (), ==, before);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server-end/connected", test_connected);
  g_test_add_func ("/server-end/disposed", test_disposed);
  g_test_add_func ("/server-end/silent", test_silent_end);
  g_test_add_func ("/server-end/abandoned-context", test_abandoned_context);
  g_test_add_func ("/server-end/context", test_context);
  g_test_add_func ("/server-end/churn", test_churn);
  g_test_add_func ("/server-end/restarts", test_restarts);

  return g_test_run ();
}
