/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "epoll-fixture.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void
ready_cb (gpointer item,
          guint32  events,
          gint64   now,
          gpointer user_data)
{
  Thing        *thing = item;
  EpollFixture *fixture = user_data;
  guint64       count;

  thing->n_calls++;
  thing->events = events;
  fixture->n_calls++;
  fixture->now = now;

  /* A test looks after each turn; what stays ready ends one by itself. */
  if (!thing->stays_ready)
    {
      g_assert_cmpint (read (thing->fd, &count, sizeof count), ==, sizeof count);
      sonde_epoll_interrupt (fixture->epoll);
    }
  if (thing->closes)
    g_assert_no_errno (close (thing->fd));
}

void
epoll_fixture_set_up (EpollFixture *fixture,
                      gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  fixture->epoll = sonde_epoll_new (ready_cb, fixture, &error);
  g_assert_no_error (error);
  sonde_epoll_enter (fixture->epoll);
}

void
epoll_fixture_tear_down (EpollFixture *fixture,
                         gconstpointer user_data)
{
  sonde_epoll_leave (fixture->epoll);
  sonde_epoll_free (fixture->epoll);
}

void
epoll_fixture_turn (EpollFixture *fixture,
                    gboolean      may_block)
{
  g_main_context_iteration (sonde_epoll_get_context (fixture->epoll), may_block);
}

void
thing_poke (Thing *thing)
{
  const guint64 one = 1;

  g_assert_cmpint (write (thing->fd, &one, sizeof one), ==, sizeof one);
}

void
thing_open (Thing *thing)
{
  memset (thing, 0, sizeof *thing);
  thing->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_assert_cmpint (thing->fd, >=, 0);
}

void
thing_open_item (EpollFixture *fixture,
                 Thing        *thing)
{
  thing_open (thing);
  g_assert_true (sonde_epoll_add (fixture->epoll, thing->fd, EPOLLIN, thing));
}

static gboolean
source_cb (int          fd,
           GIOCondition condition,
           gpointer     user_data)
{
  Thing  *thing = user_data;
  guint64 count;

  thing->n_calls++;
  thing->events = condition;
  if (!thing->keeps_quiet)
    g_assert_cmpint (read (fd, &count, sizeof count), ==, sizeof count);

  return G_SOURCE_CONTINUE;
}

void
thing_attach (EpollFixture *fixture,
              Thing        *thing,
              GIOCondition  condition)
{
  thing->source = g_unix_fd_source_new (thing->fd, condition);
  g_source_set_callback (thing->source, G_SOURCE_FUNC (source_cb), thing, NULL);
  g_source_attach (thing->source, sonde_epoll_get_context (fixture->epoll));
}

void
thing_open_source (EpollFixture *fixture,
                   Thing        *thing)
{
  thing_open (thing);
  thing_attach (fixture, thing, G_IO_IN);
}

void
thing_close (Thing *thing)
{
  if (thing->source != NULL)
    {
      g_source_destroy (thing->source);
      g_clear_pointer (&thing->source, g_source_unref);
    }
  g_assert_no_errno (close (thing->fd));
}

void
epoll_fixture_wait_for (EpollFixture *fixture,
                        Thing        *thing)
{
  const guint before = thing->n_calls;

  while (thing->n_calls == before)
    epoll_fixture_turn (fixture, TRUE);
}

static gboolean
count_cb (gpointer user_data)
{
  (*(guint *) user_data)++;

  return G_SOURCE_REMOVE;
}

void
epoll_fixture_add_timeout (EpollFixture *fixture,
                           guint         interval_ms,
                           guint        *n_calls)
{
  g_autoptr (GSource) source = g_timeout_source_new (interval_ms);

  g_source_set_callback (source, count_cb, n_calls, NULL);
  g_source_attach (source, sonde_epoll_get_context (fixture->epoll));
}
