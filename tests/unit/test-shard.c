/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"

#include <signal.h>
#include <string.h>

#include <libsonde/sonde-listener-private.h>
#include <libsonde/sonde-resolve-private.h>
#include <libsonde/sonde-shard-private.h>

#define N_MANY 300

/* A shard, with what its server would lend it. */
typedef struct
{
  SondeRules      rules;
  SondeCounters   counters;
  SondeAdmission *admission;
  SondeCrowd     *crowd;
  _Atomic guint64 last_id;
  SondeShard     *shard;
  guint16         port;
  gboolean        is_done;
  guint           n_destroyed;
} Fixture;

static gboolean
done_cb (gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->is_done = TRUE;

  return G_SOURCE_REMOVE;
}

static void
destroy_cb (gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->n_destroyed++;
}

static void
set_up (Fixture      *fixture,
        gconstpointer concurrency)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GPtrArray) resolved = NULL;
  g_autoptr (GPtrArray) listeners = NULL;
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) error = NULL;
  SondeShardHost host;

  g_assert_true (sonde_settings_set_string (settings, "ListenAddresses", "127.0.0.1:0", NULL));
  resolved = sonde_resolve ((const char *[]){ "127.0.0.1:0", NULL }, &error);
  g_assert_no_error (error);
  listeners = sonde_listener_open_all (settings, resolved, NULL, &error);
  g_assert_no_error (error);
  address = g_socket_get_local_address (listeners->pdata[0], NULL);
  fixture->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));

  sonde_rules_set (&fixture->rules, settings);
  fixture->admission = sonde_admission_new ();
  fixture->crowd = sonde_crowd_new ();
  host = (SondeShardHost){ &fixture->rules,
                           &fixture->counters,
                           fixture->admission,
                           fixture->crowd,
                           &fixture->last_id };
  fixture->shard = sonde_shard_new (&host, GPOINTER_TO_INT (concurrency), listeners, &error);
  g_assert_no_error (error);
}

static void
start (Fixture *fixture)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  g_assert_true (
    sonde_shard_start (fixture->shard, "test", context, done_cb, fixture, destroy_cb, NULL));
}

static void
wait_until_done (Fixture *fixture)
{
  while (!fixture->is_done)
    g_main_context_iteration (NULL, TRUE);
  sonde_shard_join (fixture->shard);
  g_assert_true (sonde_shard_is_over (fixture->shard));
  g_assert_cmpuint (fixture->n_destroyed, ==, 1);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer concurrency)
{
  g_assert_finalize_object (fixture->shard);
  sonde_admission_free (fixture->admission);
  sonde_crowd_free (fixture->crowd);
  g_assert_cmpuint (fixture->rules.unsent, ==, 0);
}

static guint
get_n_sessions (Fixture *fixture)
{
  return sonde_roster_get_n_sessions (sonde_shard_get_roster (fixture->shard));
}

static void
wait_for_sessions (Fixture *fixture,
                   guint    n)
{
  while (get_n_sessions (fixture) != n)
    g_thread_yield ();
}

static void
test_unused (Fixture      *fixture,
             gconstpointer concurrency)
{
  g_test_summary ("A shard that was never started is freed like any object.");

  g_assert_false (sonde_shard_is_over (fixture->shard));
  g_assert_cmpuint (get_n_sessions (fixture), ==, 0);
}

static void
test_retire (Fixture      *fixture,
             gconstpointer concurrency)
{
  int client;

  g_test_summary ("A retired shard frees the port, serves whom it has, and ends with the last.");

  start (fixture);
  client = loopback_connect (fixture->port);
  loopback_send_text (client, "hello");
  loopback_expect (client, "hello");
  sonde_shard_retire (fixture->shard);
  sonde_shard_retire (fixture->shard);
  g_assert_false (sonde_shard_is_over (fixture->shard));
  loopback_send_text (client, "still");
  loopback_expect (client, "still");
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_false (fixture->is_done);
  loopback_close (client);
  wait_until_done (fixture);
}

static void
test_retire_unused (Fixture      *fixture,
                    gconstpointer concurrency)
{
  g_test_summary ("A shard that nobody came to ends as soon as it is retired.");

  start (fixture);
  sonde_shard_retire (fixture->shard);
  wait_until_done (fixture);
}

static void
test_queue (Fixture      *fixture,
            gconstpointer concurrency)
{
  int clients[100];

  g_test_summary ("Who waits to be accepted when the shard retires is served.");

  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      clients[i] = loopback_connect (fixture->port);
      loopback_send_text (clients[i], "hello");
    }
  start (fixture);
  sonde_shard_retire (fixture->shard);
  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      loopback_expect (clients[i], "hello");
      loopback_close (clients[i]);
    }
  g_assert_cmpuint (sonde_counters_get (&fixture->counters, SONDE_COUNTER_ACCEPTED), ==, 100);
  wait_until_done (fixture);
}

static void
test_finish (Fixture      *fixture,
             gconstpointer concurrency)
{
  int clients[20];

  g_test_summary ("Told to finish, all sessions answer what has come and say goodbye.");

  start (fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = loopback_connect (fixture->port);
  wait_for_sessions (fixture, G_N_ELEMENTS (clients));
  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    loopback_send_text (clients[i], "hello");
  sonde_shard_retire (fixture->shard);
  sonde_shard_finish (fixture->shard, 30 * G_USEC_PER_SEC);
  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      loopback_expect (clients[i], "hello");
      loopback_expect_end (clients[i]);
      loopback_close (clients[i]);
    }
  wait_until_done (fixture);
  g_assert_cmpuint (sonde_counters_get (&fixture->counters, SONDE_COUNTER_RESET), ==, 0);
}

static void
test_deadline (Fixture      *fixture,
               gconstpointer concurrency)
{
  int client;

  g_test_summary ("Who has not finished in time is reset.");

  start (fixture);
  client = loopback_connect (fixture->port);
  wait_for_sessions (fixture, 1);
  sonde_shard_retire (fixture->shard);
  sonde_shard_finish (fixture->shard, 30 * 1000);
  wait_until_done (fixture);
  g_assert_cmpuint (sonde_counters_get (&fixture->counters, SONDE_COUNTER_RESET), ==, 1);
  loopback_close (client);
}

typedef struct
{
  guint64 last;
  guint   n_seen;
  guint   most;
} Visit;

static gboolean
visit_cb (SondeSession *session,
          gpointer      user_data)
{
  Visit *visit = user_data;

  g_assert_cmpuint (session->id, >, visit->last);
  visit->last = session->id;

  return ++visit->n_seen < visit->most;
}

static void
test_roster (Fixture      *fixture,
             gconstpointer concurrency)
{
  SondeRoster *roster = sonde_shard_get_roster (fixture->shard);
  int          clients[10];
  Visit        all = { 0, 0, G_MAXUINT }, some = { 0, 0, 3 }, rest = { 3, 0, G_MAXUINT };

  g_test_summary ("The sessions are shown by ascending id, from where and for as long as wanted.");

  start (fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = loopback_connect (fixture->port);
  wait_for_sessions (fixture, G_N_ELEMENTS (clients));
  g_assert_true (sonde_roster_foreach (roster, 0, visit_cb, &all));
  g_assert_cmpuint (all.n_seen, ==, G_N_ELEMENTS (clients));
  g_assert_false (sonde_roster_foreach (roster, 0, visit_cb, &some));
  g_assert_cmpuint (some.n_seen, ==, 3);
  g_assert_true (sonde_roster_foreach (roster, some.last, visit_cb, &rest));
  g_assert_cmpuint (rest.n_seen, ==, G_N_ELEMENTS (clients) - 3);

  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
    loopback_close (clients[i]);
  wait_for_sessions (fixture, 0);
  sonde_shard_retire (fixture->shard);
  wait_until_done (fixture);
}

static gpointer
storm_thread (gpointer user_data)
{
  Fixture *fixture = user_data;

  for (guint i = 0; i < N_MANY; i++)
    {
      const int client = loopback_connect (fixture->port);

      loopback_send_text (client, "hello");
      loopback_expect (client, "hello");
      loopback_close (client);
    }

  return NULL;
}

static void
test_storm (Fixture      *fixture,
            gconstpointer concurrency)
{
  GThread *threads[3];

  g_test_summary ("Connections that come and go from all sides are each served and counted out.");

  start (fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("storm", storm_thread, fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  sonde_shard_retire (fixture->shard);
  wait_until_done (fixture);
  g_assert_cmpuint (sonde_counters_get (&fixture->counters, SONDE_COUNTER_ACCEPTED),
                    ==,
                    3 * N_MANY);
  g_assert_cmpuint (sonde_counters_get (&fixture->counters, SONDE_COUNTER_CLOSED), ==, 3 * N_MANY);
}

/* Reads which signals the thread that start() has started does not take. */
static guint64
read_blocked_signals (void)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name = NULL;

  while ((name = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "status", NULL);
      g_autofree char *status = NULL;

      if (g_file_get_contents (path, &status, NULL, NULL) &&
          g_str_has_prefix (status, "Name:\ttest\n"))
        return g_ascii_strtoull (strstr (status, "SigBlk:") + strlen ("SigBlk:"), NULL, 16);
    }
  g_assert_not_reached ();
}

static guint64
get_bit (int signum)
{
  return G_GUINT64_CONSTANT (1) << (signum - 1);
}

static void
test_signals (Fixture      *fixture,
              gconstpointer concurrency)
{
  const guint64 others = get_bit (SIGHUP) | get_bit (SIGINT) | get_bit (SIGTERM) |
                         get_bit (SIGCHLD) | get_bit (SIGUSR1);
  guint64 blocked;

  g_test_summary ("Signals are left to the program, but for what says that a thread is broken.");

  start (fixture);
  blocked = read_blocked_signals ();
  g_assert_cmphex (blocked & others, ==, others);
  g_assert_cmphex (blocked & get_bit (SIGSEGV), ==, 0);
  sonde_shard_retire (fixture->shard);
  wait_until_done (fixture);
}

/* Each test, with connections served in the loop and in threads. */
static void
add (const char *path,
     void (*func) (Fixture *, gconstpointer))
{
  g_autofree char *loop = g_strconcat ("/shard/loop/", path, NULL);
  g_autofree char *threads = g_strconcat ("/shard/threads/", path, NULL);

  g_test_add (loop, Fixture, GINT_TO_POINTER (SONDE_CONCURRENCY_LOOP), set_up, func, tear_down);
  g_test_add (threads,
              Fixture,
              GINT_TO_POINTER (SONDE_CONCURRENCY_THREADS),
              set_up,
              func,
              tear_down);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  add ("unused", test_unused);
  add ("retire", test_retire);
  add ("retire-unused", test_retire_unused);
  add ("queue", test_queue);
  add ("finish", test_finish);
  add ("deadline", test_deadline);
  add ("roster", test_roster);
  add ("storm", test_storm);
  add ("signals", test_signals);

  return g_test_run ();
}
