/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How the epoll set follows what the context itself waits for. */

#include "config.h"

#include "epoll-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_MANY 300

static void
test_removed (EpollFixture *fixture,
              gconstpointer user_data)
{
  Thing removed, kept;

  g_test_summary ("A source that was removed is not called, though its descriptor is ready.");

  thing_open_source (fixture, &removed);
  thing_open_source (fixture, &kept);
  epoll_fixture_turn (fixture, FALSE);
  g_source_destroy (removed.source);
  g_clear_pointer (&removed.source, g_source_unref);

  for (guint i = 0; i < 3; i++)
    {
      thing_poke (&removed);
      thing_poke (&kept);
      epoll_fixture_wait_for (fixture, &kept);
    }
  g_assert_cmpuint (removed.n_calls, ==, 0);
  thing_close (&removed);
  thing_close (&kept);
}

static void
test_added_again (EpollFixture *fixture,
                  gconstpointer user_data)
{
  Thing thing;

  g_test_summary ("A source may come and go, and is heard whenever it is there.");

  thing_open (&thing);
  for (guint i = 1; i <= 5; i++)
    {
      thing_attach (fixture, &thing, G_IO_IN);
      thing_poke (&thing);
      epoll_fixture_wait_for (fixture, &thing);
      g_assert_cmpuint (thing.n_calls, ==, i);
      g_source_destroy (thing.source);
      g_clear_pointer (&thing.source, g_source_unref);
      if (i % 2 == 0)
        epoll_fixture_turn (fixture, FALSE);
    }
  thing_close (&thing);
}

/* Opens a source at just the number that a closed one had. */
static void
open_source_at (EpollFixture *fixture,
                Thing        *thing,
                int           number)
{
  thing_open (thing);
  if (thing->fd != number)
    {
      g_assert_cmpint (dup3 (thing->fd, number, O_CLOEXEC), ==, number);
      g_assert_no_errno (close (thing->fd));
      thing->fd = number;
    }
  thing_attach (fixture, thing, G_IO_IN);
}

static void
test_reused_number (EpollFixture *fixture,
                    gconstpointer user_data)
{
  Thing first, second;
  int   number;

  g_test_summary ("A descriptor that was closed and opened again between two turns is heard.");

  thing_open_source (fixture, &first);
  thing_poke (&first);
  epoll_fixture_wait_for (fixture, &first);
  for (guint i = 0; i < 10; i++)
    {
      number = first.fd;
      thing_close (&first);
      open_source_at (fixture, &second, number);
      thing_poke (&second);
      epoll_fixture_wait_for (fixture, &second);
      g_assert_cmpuint (second.n_calls, ==, 1);
      first = second;
    }
  thing_close (&first);
}

static void
test_reused_by_item (EpollFixture *fixture,
                     gconstpointer user_data)
{
  Thing source, item, other;
  int   number;

  g_test_summary ("An item that gets the number of a source that is gone is an item.");

  thing_open_source (fixture, &source);
  thing_open_source (fixture, &other);
  thing_poke (&source);
  epoll_fixture_wait_for (fixture, &source);
  number = source.fd;
  thing_close (&source);
  thing_open_item (fixture, &item);
  g_assert_cmpint (item.fd, ==, number);

  for (guint i = 1; i <= 3; i++)
    {
      thing_poke (&item);
      epoll_fixture_wait_for (fixture, &item);
      thing_poke (&other);
      epoll_fixture_wait_for (fixture, &other);
      g_assert_cmpuint (item.n_calls, ==, i);
    }
  thing_close (&item);
  thing_close (&other);
}

static void
test_muted (EpollFixture *fixture,
            gconstpointer user_data)
{
  Thing muted, kept, late;

  g_test_summary ("A source that is muted is not called until it no longer is.");

  thing_open_source (fixture, &muted);
  thing_open_source (fixture, &kept);
  epoll_fixture_turn (fixture, FALSE);
  sonde_epoll_mute (fixture->epoll, muted.fd);
  thing_poke (&muted);
  /* Nor when all are handed to the set once more. */
  thing_open_source (fixture, &late);
  for (guint i = 1; i <= 3; i++)
    {
      thing_poke (&kept);
      epoll_fixture_wait_for (fixture, &kept);
    }
  g_assert_cmpuint (muted.n_calls, ==, 0);

  sonde_epoll_unmute (fixture->epoll, muted.fd);
  epoll_fixture_wait_for (fixture, &muted);
  g_assert_cmpuint (muted.n_calls, ==, 1);
  thing_close (&muted);
  thing_close (&kept);
  thing_close (&late);
}

static gboolean
writable_cb (int          fd,
             GIOCondition condition,
             gpointer     user_data)
{
  guint *n_calls = user_data;

  g_assert_cmpuint (condition, ==, G_IO_OUT);
  (*n_calls)++;

  return G_SOURCE_REMOVE;
}

static void
test_shared (EpollFixture *fixture,
             gconstpointer user_data)
{
  g_autoptr (GSource) writable = NULL;
  guint n_writable = 0;
  Thing thing;

  g_test_summary ("Two sources on one descriptor are called each for its own condition.");

  thing_open_source (fixture, &thing);
  epoll_fixture_turn (fixture, FALSE);
  writable = g_unix_fd_source_new (thing.fd, G_IO_OUT);
  g_source_set_callback (writable, G_SOURCE_FUNC (writable_cb), &n_writable, NULL);
  g_source_attach (writable, sonde_epoll_get_context (fixture->epoll));

  while (n_writable == 0)
    epoll_fixture_turn (fixture, TRUE);
  g_assert_cmpuint (thing.n_calls, ==, 0);
  thing_poke (&thing);
  epoll_fixture_wait_for (fixture, &thing);
  g_assert_cmpuint (n_writable, ==, 1);
  thing_close (&thing);
}

static void
test_many (EpollFixture *fixture,
           gconstpointer user_data)
{
  g_autofree Thing *things = g_new0 (Thing, N_MANY);

  g_test_summary ("However many sources there are, each is heard.");

  for (guint i = 0; i < N_MANY; i++)
    thing_open_source (fixture, &things[i]);
  epoll_fixture_turn (fixture, FALSE);
  for (guint i = 0; i < N_MANY; i++)
    {
      thing_poke (&things[N_MANY - 1 - i]);
      epoll_fixture_wait_for (fixture, &things[N_MANY - 1 - i]);
    }
  for (guint i = 0; i < N_MANY; i++)
    {
      g_assert_cmpuint (things[i].n_calls, ==, 1);
      thing_close (&things[i]);
    }
}

static void
test_hang_up (EpollFixture *fixture,
              gconstpointer user_data)
{
  Thing thing = { 0 };
  int   pair[2];

  g_test_summary ("A hang-up is reported to a source that asked for something else.");

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  thing.fd = pair[0];
  thing.keeps_quiet = TRUE;
  thing_attach (fixture, &thing, G_IO_PRI);
  epoll_fixture_turn (fixture, FALSE);
  g_assert_no_errno (close (pair[1]));
  epoll_fixture_wait_for (fixture, &thing);
  g_assert_true (thing.events & G_IO_HUP);
  thing_close (&thing);
}

static gboolean
quit_cb (gpointer user_data)
{
  g_main_loop_quit (user_data);

  return G_SOURCE_REMOVE;
}

static gpointer
invoke_thread (gpointer user_data)
{
  GMainLoop *loop = user_data;

  g_main_context_invoke (g_main_loop_get_context (loop), quit_cb, loop);

  return NULL;
}

static void
test_wake_up (EpollFixture *fixture,
              gconstpointer user_data)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (sonde_epoll_get_context (fixture->epoll), FALSE);
  Thing thing;

  g_test_summary ("Another thread ends the wait by giving the context something to do.");

  thing_open_item (fixture, &thing);
  for (guint i = 0; i < 200; i++)
    {
      GThread *thread = g_thread_new ("invoke", invoke_thread, loop);

      g_main_loop_run (loop);
      g_thread_join (thread);
    }
  g_assert_cmpuint (thing.n_calls, ==, 0);
  thing_close (&thing);
}

static guint n_timeouts = 0;

static void
add_timeout_once (gpointer user_data)
{
  EpollFixture *fixture = user_data;

  epoll_fixture_add_timeout (fixture, 1, &n_timeouts);
  sonde_epoll_interrupt (fixture->epoll);
  sonde_epoll_set_turn_func (fixture->epoll, NULL);
}

static void
test_timeout_of_turn (EpollFixture *fixture,
                      gconstpointer user_data)
{
  Thing thing;

  g_test_summary ("A timeout that comes with the turn function is not slept through.");

  sonde_epoll_set_turn_func (fixture->epoll, add_timeout_once);
  thing_open_source (fixture, &thing);
  thing_poke (&thing);
  epoll_fixture_wait_for (fixture, &thing);
  while (n_timeouts == 0)
    epoll_fixture_turn (fixture, TRUE);
  thing_close (&thing);
}

static void
test_outside (EpollFixture *fixture,
              gconstpointer user_data)
{
  Thing thing;

  g_test_summary ("A thread that has not entered the set can still run its context's sources.");

  thing_open_source (fixture, &thing);
  sonde_epoll_leave (fixture->epoll);
  thing_poke (&thing);
  epoll_fixture_wait_for (fixture, &thing);
  sonde_epoll_enter (fixture->epoll);
  thing_poke (&thing);
  epoll_fixture_wait_for (fixture, &thing);
  g_assert_cmpuint (thing.n_calls, ==, 2);
  thing_close (&thing);
}

#define ADD(path, func) \
  g_test_add (path, EpollFixture, NULL, epoll_fixture_set_up, func, epoll_fixture_tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/epoll-sources/removed", test_removed);
  ADD ("/epoll-sources/added-again", test_added_again);
  ADD ("/epoll-sources/reused-number", test_reused_number);
  ADD ("/epoll-sources/reused-by-item", test_reused_by_item);
  ADD ("/epoll-sources/muted", test_muted);
  ADD ("/epoll-sources/shared", test_shared);
  ADD ("/epoll-sources/many", test_many);
  ADD ("/epoll-sources/hang-up", test_hang_up);
  ADD ("/epoll-sources/wake-up", test_wake_up);
  ADD ("/epoll-sources/timeout-of-turn", test_timeout_of_turn);
  ADD ("/epoll-sources/outside", test_outside);

  return g_test_run ();
}
