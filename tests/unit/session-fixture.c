/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "session-fixture.h"

#include "loopback.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A test that waits this long has failed. */
#define PATIENCE_MS 30000

/* What neither the server's nor the client's kernel can hold. */
#define FLOOD (16 * 1024 * 1024)

void
session_fixture_set_up (SessionFixture *fixture,
                        gconstpointer   mode)
{
  const struct sockaddr_storage nobody = { 0 };
  struct epoll_event            event = { .events = EPOLLIN };
  const int                     size = 16 * 1024;
  int                           server = -1;

  loopback_make_pair (&server, &fixture->client);
  g_assert_no_errno (setsockopt (server, SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
  fixture->rules.mode = GPOINTER_TO_UINT (mode);
  fixture->rules.read_size = 65536;
  fixture->rules.line_max = 65536;
  fixture->rules.quick_ack = fixture->rules.no_delay = -1;
  fixture->rules.unsent_max = 64 * 1024 * 1024;
  fixture->desk.rules = &fixture->rules;
  fixture->desk.counters = &fixture->counters;
  fixture->desk.buffer = g_malloc (1024 * 1024);
  fixture->desk.now = 1000;

  fixture->session = sonde_session_new (server, 1, &nobody, fixture->desk.now);
  fixture->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  fixture->session->epoll_fd = fixture->epoll_fd;
  fixture->session->interest = fixture->interest = EPOLLIN;
  g_assert_no_errno (epoll_ctl (fixture->epoll_fd, EPOLL_CTL_ADD, server, &event));
}

static void
free_session (SessionFixture *fixture)
{
  sonde_session_free (fixture->session, &fixture->desk);
  fixture->session = NULL;
}

/* Whatever happened in between, nothing may be held in the end. */
void
session_fixture_tear_down (SessionFixture *fixture,
                           gconstpointer   mode)
{
  if (fixture->session != NULL)
    free_session (fixture);
  g_assert_cmpuint (fixture->rules.unsent, ==, 0);
  g_assert_cmpuint (session_fixture_count (fixture, SONDE_COUNTER_CLOSED), ==, 1);
  if (fixture->client >= 0)
    loopback_close (fixture->client);
  loopback_close (fixture->epoll_fd);
  g_free (fixture->desk.buffer);
}

/* Waits for the events that the last step asked for, and takes the next, as a
 * worker does. */
void
session_fixture_step (SessionFixture *fixture)
{
  struct epoll_event event;

  g_assert_cmpuint (fixture->interest, !=, 0);
  g_assert_cmpint (epoll_wait (fixture->epoll_fd, &event, 1, PATIENCE_MS), ==, 1);
  fixture->desk.now++;
  fixture->interest = sonde_session_step (fixture->session, &fixture->desk, event.events);
  if (fixture->interest != 0)
    sonde_session_watch (fixture->session, fixture->interest);
}

/* Whether a step could be taken without waiting. */
gboolean
session_fixture_is_ready (SessionFixture *fixture)
{
  struct epoll_event event;

  return epoll_wait (fixture->epoll_fd, &event, 1, 0) == 1;
}

/* Steps as long as nothing has to be waited for. */
void
session_fixture_run (SessionFixture *fixture)
{
  while (fixture->interest != 0 && session_fixture_is_ready (fixture))
    session_fixture_step (fixture);
}

void
session_fixture_run_until (SessionFixture *fixture,
                           guint64         n_received)
{
  while (fixture->session->received < n_received)
    session_fixture_step (fixture);
}

/* Steps to where the FIN is out and the peer's is waited for. */
void
session_fixture_run_until_leaving (SessionFixture *fixture)
{
  while (fixture->session->phase != SONDE_PHASE_LEAVING)
    session_fixture_step (fixture);
}

/* Sends, without ever reading, until the session cannot send any more. */
void
session_fixture_stall (SessionFixture *fixture)
{
  g_autofree guint8 *noise = loopback_make_noise (FLOOD);
  gsize              sent = 0;

  while (!fixture->session->stalled)
    {
      const gssize n = send (fixture->client, noise + sent, 32 * 1024, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (n > 0)
        sent += (gsize) n;
      g_assert_cmpuint (sent, <, FLOOD - 32 * 1024);
      session_fixture_run (fixture);
    }
}

/* Steps to the end, which has to be a particular one. */
void
session_fixture_end (SessionFixture *fixture,
                     SondeCounter    outcome)
{
  while (fixture->interest != 0)
    session_fixture_step (fixture);
  g_assert_cmpuint (fixture->session->outcome, ==, outcome);
  free_session (fixture);

  g_assert_cmpuint (session_fixture_count (fixture, SONDE_COUNTER_CLOSED), ==, 1);
  for (guint i = SONDE_COUNTER_RESET; i <= SONDE_COUNTER_TIMED_OUT; i++)
    g_assert_cmpuint (session_fixture_count (fixture, i), ==, i == (guint) outcome);
}

guint64
session_fixture_count (SessionFixture *fixture,
                       SondeCounter    counter)
{
  return sonde_counters_get (&fixture->counters, counter);
}
