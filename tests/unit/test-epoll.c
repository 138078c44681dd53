/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "epoll-fixture.h"

#include <errno.h>
#include <libsonde/sonde-error.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

/* More than the kernel is asked for at a time. */
#define N_MANY 1000

static void
test_items (EpollFixture *fixture,
            gconstpointer user_data)
{
  Thing        things[3];
  const gint64 before = g_get_monotonic_time ();

  g_test_summary ("An item that is ready is called with its events and the time, and no other is.");

  for (guint i = 0; i < G_N_ELEMENTS (things); i++)
    thing_open_item (fixture, &things[i]);
  thing_poke (&things[1]);
  epoll_fixture_wait_for (fixture, &things[1]);
  g_assert_cmpuint (things[1].events, ==, EPOLLIN);
  g_assert_cmpint (fixture->now, >=, before);
  g_assert_cmpint (fixture->now, <=, g_get_monotonic_time ());

  epoll_fixture_turn (fixture, FALSE);
  g_assert_cmpuint (fixture->n_calls, ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (things); i++)
    thing_close (&things[i]);
}

static void
test_closed_item (EpollFixture *fixture,
                  gconstpointer user_data)
{
  Thing closing, other;

  g_test_summary ("An item that closes its descriptor when it is called is not called again.");

  thing_open_item (fixture, &closing);
  thing_open_item (fixture, &other);
  closing.closes = closing.stays_ready = TRUE;
  thing_poke (&closing);
  thing_poke (&other);
  epoll_fixture_wait_for (fixture, &other);
  thing_poke (&other);
  epoll_fixture_wait_for (fixture, &other);
  g_assert_cmpuint (closing.n_calls, ==, 1);
  thing_close (&other);
}

static void
test_refused_item (EpollFixture *fixture,
                   gconstpointer user_data)
{
  Thing thing;

  g_test_summary ("A descriptor that the kernel does not take is reported with its errno.");

  thing_open_item (fixture, &thing);
  g_assert_false (sonde_epoll_add (fixture->epoll, thing.fd, EPOLLIN, &thing));
  g_assert_cmpint (errno, ==, EEXIST);
  g_assert_false (sonde_epoll_add (fixture->epoll, -1, EPOLLIN, &thing));
  g_assert_cmpint (errno, ==, EBADF);
  thing_close (&thing);
}

static void
test_sources (EpollFixture *fixture,
              gconstpointer user_data)
{
  Thing item, source;

  g_test_summary ("Items and the context's own sources are served side by side.");

  thing_open_item (fixture, &item);
  thing_open_source (fixture, &source);
  for (guint i = 1; i <= 10; i++)
    {
      thing_poke (&item);
      epoll_fixture_wait_for (fixture, &item);
      thing_poke (&source);
      epoll_fixture_wait_for (fixture, &source);
      g_assert_cmpuint (item.n_calls, ==, i);
      g_assert_cmpuint (source.n_calls, ==, i);
      g_assert_cmpuint (source.events, ==, G_IO_IN);
    }
  thing_close (&item);
  thing_close (&source);
}

static void
test_timeout (EpollFixture *fixture,
              gconstpointer user_data)
{
  const gint64 before = g_get_monotonic_time ();
  guint        n_calls = 0;

  g_test_summary ("A timeout ends the wait, and not before its time.");

  epoll_fixture_add_timeout (fixture, 20, &n_calls);
  while (n_calls == 0)
    epoll_fixture_turn (fixture, TRUE);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 20 * 1000 - 1000);
}

static void
test_starvation (EpollFixture *fixture,
                 gconstpointer user_data)
{
  g_autofree Thing *things = g_new0 (Thing, N_MANY);
  Thing             source;
  guint             n_timeouts = 0, n_turns = 0, n_served = 0;

  g_test_summary ("A thousand items that are always ready starve neither each other nor a source.");

  for (guint i = 0; i < N_MANY; i++)
    {
      thing_open_item (fixture, &things[i]);
      things[i].stays_ready = TRUE;
      thing_poke (&things[i]);
    }
  thing_open_source (fixture, &source);
  thing_poke (&source);
  epoll_fixture_add_timeout (fixture, 0, &n_timeouts);

  for (n_turns = 0; n_turns < 12; n_turns++)
    epoll_fixture_turn (fixture, TRUE);
  for (guint i = 0; i < N_MANY; i++)
    n_served += things[i].n_calls > 0;
  g_assert_cmpuint (n_served, ==, N_MANY);
  g_assert_cmpuint (source.n_calls, ==, 1);
  g_assert_cmpuint (n_timeouts, ==, 1);

  for (guint i = 0; i < N_MANY; i++)
    thing_close (&things[i]);
  thing_close (&source);
}

static void
test_rounds (EpollFixture *fixture,
             gconstpointer user_data)
{
  Thing busy, interrupter;

  g_test_summary ("Items are served round after round in one turn, until one interrupts it.");

  thing_open_item (fixture, &busy);
  busy.stays_ready = TRUE;
  thing_poke (&busy);
  epoll_fixture_turn (fixture, TRUE);
  g_assert_cmpuint (busy.n_calls, >, 1);

  busy.n_calls = 0;
  thing_open_item (fixture, &interrupter);
  thing_poke (&interrupter);
  epoll_fixture_turn (fixture, TRUE);
  g_assert_cmpuint (interrupter.n_calls, ==, 1);
  g_assert_cmpuint (busy.n_calls, ==, 1);

  thing_close (&busy);
  thing_close (&interrupter);
}

static void
test_many_items (EpollFixture *fixture,
                 gconstpointer user_data)
{
  g_autofree Thing *things = g_new0 (Thing, N_MANY);

  g_test_summary ("Of a thousand items that become ready at once each is called once.");

  for (guint i = 0; i < N_MANY; i++)
    {
      thing_open_item (fixture, &things[i]);
      thing_poke (&things[i]);
    }
  while (fixture->n_calls < N_MANY)
    epoll_fixture_turn (fixture, TRUE);
  epoll_fixture_turn (fixture, FALSE);
  for (guint i = 0; i < N_MANY; i++)
    {
      g_assert_cmpuint (things[i].n_calls, ==, 1);
      thing_close (&things[i]);
    }
}

static SondeEpoll *
make_below (rlim_t   n_fds,
            GError **error)
{
  struct rlimit limit;
  SondeEpoll   *epoll = NULL;
  rlim_t        usual;

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  usual = limit.rlim_cur;
  limit.rlim_cur = n_fds;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));
  epoll = sonde_epoll_new (NULL, NULL, error);
  limit.rlim_cur = usual;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));

  return epoll;
}

static void
test_out_of_files (EpollFixture *fixture,
                   gconstpointer user_data)
{
  const int   lowest = dup (STDERR_FILENO);
  SondeEpoll *epoll = NULL;
  rlim_t      n_fds = (rlim_t) lowest;

  g_test_summary ("However few descriptors are left, a set is made or reported as not to be had.");

  g_assert_no_errno (close (lowest));
  for (; epoll == NULL; n_fds++)
    {
      g_autoptr (GError) error = NULL;

      epoll = make_below (n_fds, &error);
      if (epoll == NULL)
        g_assert_error (error, SONDE_ERROR, SONDE_ERROR_FAILED);
    }
  g_assert_cmpuint (n_fds, >, lowest + 2);
  sonde_epoll_free (epoll);
}

#define ADD(path, func) \
  g_test_add (path, EpollFixture, NULL, epoll_fixture_set_up, func, epoll_fixture_tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/epoll/items", test_items);
  ADD ("/epoll/items/closed", test_closed_item);
  ADD ("/epoll/items/refused", test_refused_item);
  ADD ("/epoll/items/many", test_many_items);
  ADD ("/epoll/sources", test_sources);
  ADD ("/epoll/timeout", test_timeout);
  ADD ("/epoll/starvation", test_starvation);
  ADD ("/epoll/rounds", test_rounds);
  ADD ("/epoll/out-of-files", test_out_of_files);

  return g_test_run ();
}
