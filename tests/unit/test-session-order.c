/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "session-fixture.h"

#include <sys/epoll.h>
#include <sys/socket.h>

static void
order (SessionFixture *fixture,
       SondeOrder      given)
{
  sonde_session_give_order (fixture->session, given);
}

/* Brings a session in a mode that answers once to where it waits for the
 * peer's FIN. */
static void
leave (SessionFixture *fixture)
{
  loopback_send_text (fixture->client, "hello");
  session_fixture_step (fixture);
  g_assert_cmpuint (fixture->session->phase, ==, SONDE_PHASE_LEAVING);
  loopback_expect (fixture->client, "hello");
  loopback_expect_end (fixture->client);
  g_assert_false (session_fixture_is_ready (fixture));
}

static void
test_finish_idle (SessionFixture *fixture,
                  gconstpointer   mode)
{
  g_test_summary ("A silent session that has to finish sends a FIN, and waits for the peer's.");

  order (fixture, SONDE_ORDER_FINISH);
  session_fixture_run_until_leaving (fixture);
  loopback_expect_end (fixture->client);
  g_assert_cmpuint (fixture->interest, ==, EPOLLIN);
  g_assert_false (session_fixture_is_ready (fixture));
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_finish_unread (SessionFixture *fixture,
                    gconstpointer   mode)
{
  g_test_summary ("What had come before the order is answered, all of it, in however many reads.");

  fixture->rules.read_size = 3;
  loopback_send_text (fixture->client, "hello, world");
  order (fixture, SONDE_ORDER_FINISH);
  session_fixture_run_until_leaving (fixture);
  loopback_expect (fixture->client, "hello, world");
  loopback_expect_end (fixture->client);
  loopback_close (fixture->client);
  fixture->client = -1;
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_finish_line (SessionFixture *fixture,
                  gconstpointer   mode)
{
  g_test_summary ("A line that is not whole when the order comes is answered as it is.");

  loopback_send_text (fixture->client, "half a li");
  session_fixture_run_until (fixture, 9);
  order (fixture, SONDE_ORDER_FINISH);
  session_fixture_run_until_leaving (fixture);
  loopback_expect (fixture->client, "HALF A LI");
  loopback_expect_end (fixture->client);
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_finish_stalled (SessionFixture *fixture,
                     gconstpointer   mode)
{
  g_autoptr (GByteArray) answer = NULL;
  GThread *reading = NULL;
  guint64  n_received;

  g_test_summary ("A stalled session finishes once its peer reads, and loses nothing.");

  session_fixture_stall (fixture);
  order (fixture, SONDE_ORDER_FINISH);
  g_assert_true (fixture->session->stalled);
  reading = loopback_start_reading (fixture->client);
  session_fixture_run_until_leaving (fixture);
  answer = g_thread_join (reading);
  n_received = fixture->session->received;
  g_assert_cmpuint (answer->len, ==, n_received);
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_finish_leaving (SessionFixture *fixture,
                     gconstpointer   mode)
{
  g_test_summary ("To finish is nothing new to a session that leaves: it waits for the FIN.");

  leave (fixture);
  order (fixture, SONDE_ORDER_FINISH);
  session_fixture_step (fixture);
  g_assert_cmpuint (fixture->interest, ==, EPOLLIN);
  g_assert_cmpuint (fixture->session->phase, ==, SONDE_PHASE_LEAVING);
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_reset (SessionFixture *fixture,
            gconstpointer   mode)
{
  g_test_summary ("An open session that has to reset does so at once.");

  loopback_send_text (fixture->client, "hello");
  order (fixture, SONDE_ORDER_RESET);
  session_fixture_step (fixture);
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
  loopback_expect_reset (fixture->client);
}

static void
test_reset_stalled (SessionFixture *fixture,
                    gconstpointer   mode)
{
  g_test_summary ("A stalled session is woken to reset, though its peer takes nothing.");

  session_fixture_stall (fixture);
  g_assert_false (session_fixture_is_ready (fixture));
  order (fixture, SONDE_ORDER_RESET);
  session_fixture_step (fixture);
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
  loopback_expect_reset (fixture->client);
}

static void
test_reset_leaving (SessionFixture *fixture,
                    gconstpointer   mode)
{
  g_test_summary ("A session that leaves is reset, too.");

  leave (fixture);
  order (fixture, SONDE_ORDER_RESET);
  session_fixture_step (fixture);
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
}

static void
test_expire (SessionFixture *fixture,
             gconstpointer   mode)
{
  g_test_summary ("A silent session that expires gets a FIN, and counts as timed out.");

  order (fixture, SONDE_ORDER_EXPIRE);
  session_fixture_step (fixture);
  session_fixture_end (fixture, SONDE_COUNTER_TIMED_OUT);
  loopback_expect_end (fixture->client);
}

static void
test_expire_stalled (SessionFixture *fixture,
                     gconstpointer   mode)
{
  g_test_summary ("A stalled session that expires is reset, and counts as timed out.");

  session_fixture_stall (fixture);
  order (fixture, SONDE_ORDER_EXPIRE);
  session_fixture_step (fixture);
  session_fixture_end (fixture, SONDE_COUNTER_TIMED_OUT);
  loopback_expect_reset (fixture->client);
}

static void
test_expire_leaving (SessionFixture *fixture,
                     gconstpointer   mode)
{
  g_test_summary ("A session whose peer never says goodbye expires.");

  leave (fixture);
  order (fixture, SONDE_ORDER_EXPIRE);
  session_fixture_step (fixture);
  session_fixture_end (fixture, SONDE_COUNTER_TIMED_OUT);
}

static void
test_harder (SessionFixture *fixture,
             gconstpointer   mode)
{
  g_test_summary ("A harder order replaces a softer one, and is not taken back.");

  order (fixture, SONDE_ORDER_FINISH);
  g_assert_cmpint (fixture->session->order, ==, SONDE_ORDER_FINISH);
  order (fixture, SONDE_ORDER_RESET);
  order (fixture, SONDE_ORDER_FINISH);
  order (fixture, SONDE_ORDER_NONE);
  g_assert_cmpint (fixture->session->order, ==, SONDE_ORDER_RESET);
  session_fixture_step (fixture);
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
}

static void
test_overtaken (SessionFixture *fixture,
                gconstpointer   mode)
{
  g_test_summary ("An order that comes while a step is taken still wakes the session afterwards.");

  loopback_send_text (fixture->client, "hello");
  session_fixture_step (fixture);
  g_assert_cmpuint (fixture->interest, ==, EPOLLIN);
  fixture->interest = sonde_session_step (fixture->session, &fixture->desk, EPOLLIN);
  order (fixture, SONDE_ORDER_RESET);
  sonde_session_watch (fixture->session, fixture->interest);
  g_assert_true (session_fixture_is_ready (fixture));
  session_fixture_step (fixture);
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
}

static void
test_linger (SessionFixture *fixture,
             gconstpointer   mode)
{
  const struct linger linger = { .l_onoff = 1, .l_linger = 60 };

  g_test_summary ("No time to linger keeps close(2) from returning at once.");

  g_assert_no_errno (
    setsockopt (fixture->session->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  fixture->rules.linger = TRUE;
  loopback_send_text (fixture->client, "hello");
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
  loopback_expect (fixture->client, "hello");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  SESSION_TEST ("/session-order/finish/idle", ECHO, test_finish_idle);
  SESSION_TEST ("/session-order/finish/unread", ECHO, test_finish_unread);
  SESSION_TEST ("/session-order/finish/line", UPPER_LINE, test_finish_line);
  SESSION_TEST ("/session-order/finish/stalled", ECHO, test_finish_stalled);
  SESSION_TEST ("/session-order/finish/leaving", ECHO_ONCE, test_finish_leaving);
  SESSION_TEST ("/session-order/reset", ECHO, test_reset);
  SESSION_TEST ("/session-order/reset/stalled", ECHO, test_reset_stalled);
  SESSION_TEST ("/session-order/reset/leaving", ECHO_ONCE, test_reset_leaving);
  SESSION_TEST ("/session-order/expire", ECHO, test_expire);
  SESSION_TEST ("/session-order/expire/stalled", ECHO, test_expire_stalled);
  SESSION_TEST ("/session-order/expire/leaving", ECHO_ONCE, test_expire_leaving);
  SESSION_TEST ("/session-order/harder", ECHO, test_harder);
  SESSION_TEST ("/session-order/overtaken", ECHO, test_overtaken);
  SESSION_TEST ("/session-order/linger", ECHO, test_linger);

  return g_test_run ();
}
