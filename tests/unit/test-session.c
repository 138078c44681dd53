/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "session-fixture.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void
test_echo (SessionFixture *fixture,
           gconstpointer   mode)
{
  g_test_summary ("Each message is sent back as it came, and counted, until the peer's FIN.");

  loopback_send_text (fixture->client, "hello");
  session_fixture_run_until (fixture, 5);
  loopback_expect (fixture->client, "hello");
  g_assert_cmpuint (fixture->interest, ==, EPOLLIN);
  loopback_send_text (fixture->client, "World\n");
  session_fixture_run_until (fixture, 11);
  loopback_expect (fixture->client, "World\n");
  g_assert_cmpuint (fixture->session->sent, ==, 11);
  g_assert_cmpuint (session_fixture_count (fixture, SONDE_COUNTER_BYTES_RECEIVED), ==, 11);
  g_assert_cmpuint (session_fixture_count (fixture, SONDE_COUNTER_BYTES_SENT), ==, 11);
  g_assert_cmpint (fixture->session->active, ==, fixture->desk.now);

  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
  loopback_expect_end (fixture->client);
}

static void
test_upper (SessionFixture *fixture,
            gconstpointer   mode)
{
  g_test_summary ("In upper case each message comes back so, until the peer's FIN.");

  loopback_send_text (fixture->client, "Hello 1");
  session_fixture_run_until (fixture, 7);
  loopback_expect (fixture->client, "HELLO 1");
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_mode_change (SessionFixture *fixture,
                  gconstpointer   mode)
{
  g_test_summary ("A mode that is changed while bytes flow governs the next read.");

  loopback_send_text (fixture->client, "one");
  session_fixture_run_until (fixture, 3);
  loopback_expect (fixture->client, "one");
  fixture->rules.mode = SONDE_MODE_UPPER_ONCE;
  loopback_send_text (fixture->client, "two");
  session_fixture_run_until (fixture, 6);
  loopback_expect (fixture->client, "TWO");
  loopback_expect_end (fixture->client);
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_once (SessionFixture *fixture,
           gconstpointer   mode)
{
  g_test_summary ("After one read the answer goes out and a FIN with it; the rest is thrown away.");

  fixture->rules.read_size = 4;
  loopback_send_text (fixture->client, "abcdefgh");
  session_fixture_step (fixture);
  g_assert_cmpuint (fixture->session->phase, ==, SONDE_PHASE_LEAVING);
  loopback_expect (fixture->client, "ABCD");
  loopback_expect_end (fixture->client);

  loopback_send_text (fixture->client, "and more");
  session_fixture_run (fixture);
  g_assert_cmpuint (fixture->interest, ==, EPOLLIN);
  g_assert_cmpuint (fixture->session->received, ==, 4);
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_backpressure (SessionFixture *fixture,
                   gconstpointer   mode)
{
  g_test_summary ("What the peer does not take is held, and nothing is read until it is gone.");

  session_fixture_stall (fixture);
  g_assert_cmpuint (fixture->interest, ==, EPOLLOUT);
  g_assert_cmpuint (fixture->session->held_length, >, 0);
  g_assert_cmpuint (fixture->session->held_length, <=, fixture->rules.read_size);
  g_assert_cmpuint (fixture->session->held_length,
                    ==,
                    fixture->session->received - fixture->session->sent);
  g_assert_cmpuint (fixture->rules.unsent, >=, fixture->session->held_length);
  g_assert_cmpuint (session_fixture_count (fixture, SONDE_COUNTER_STALLS), >=, 1);

  g_assert_false (session_fixture_is_ready (fixture));
  loopback_reset (fixture->client);
  fixture->client = -1;
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
}

typedef struct
{
  int           client;
  const guint8 *bytes;
  gsize         length;
} Sender;

static gpointer
send_thread (gpointer user_data)
{
  Sender *sender = user_data;

  loopback_send (sender->client, sender->bytes, sender->length);
  loopback_finish (sender->client);

  return NULL;
}

static void
test_slow_reader (SessionFixture *fixture,
                  gconstpointer   mode)
{
  const gsize        length = 8 * 1024 * 1024;
  g_autofree guint8 *noise = loopback_make_noise (length);
  Sender             sender = { fixture->client, noise, length };
  GThread           *sending = NULL, *reading = NULL;
  g_autoptr (GByteArray) answer = NULL;

  g_test_summary ("A peer that half-closes and reads only then, slowly, gets every byte.");

  sending = g_thread_new ("sender", send_thread, &sender);
  while (!fixture->session->stalled)
    session_fixture_step (fixture);
  reading = loopback_start_reading (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
  g_thread_join (sending);
  answer = g_thread_join (reading);
  g_assert_cmpmem (answer->data, answer->len, noise, length);
}

static void
test_half_close (SessionFixture *fixture,
                 gconstpointer   mode)
{
  g_test_summary ("A FIN right behind the bytes does not keep the answer from being sent.");

  loopback_send_text (fixture->client, "hello");
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
  loopback_expect (fixture->client, "hello");
  loopback_expect_end (fixture->client);
}

static void
test_unsent_max (SessionFixture *fixture,
                 gconstpointer   mode)
{
  g_test_summary ("Who would hold more than all together may hold is reset.");

  fixture->rules.unsent_max = 16;
  while (fixture->interest != 0)
    {
      g_autofree guint8 *noise = loopback_make_noise (4096);

      send (fixture->client, noise, 4096, MSG_DONTWAIT | MSG_NOSIGNAL);
      session_fixture_run (fixture);
      g_assert_cmpuint (fixture->rules.unsent, <=, 16);
    }
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
  loopback_expect_reset (fixture->client);
}

static void
test_peer_reset (SessionFixture *fixture,
                 gconstpointer   mode)
{
  g_test_summary ("A reset by the peer ends the session at the next step, and is counted.");

  loopback_reset (fixture->client);
  fixture->client = -1;
  session_fixture_step (fixture);
  g_assert_cmpuint (fixture->interest, ==, 0);
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
}

static void
test_gone_before_answer (SessionFixture *fixture,
                         gconstpointer   mode)
{
  g_test_summary ("A peer that sends and resets at once is no crash, and a reset.");

  loopback_send_text (fixture->client, "hello");
  loopback_reset (fixture->client);
  fixture->client = -1;
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
}

static void
test_inherited (SessionFixture *fixture,
                gconstpointer   mode)
{
  const int inherited = dup (fixture->session->fd);

  g_test_summary ("A session that is over is not watched any more, though a child has its socket.");

  sonde_session_give_order (fixture->session, SONDE_ORDER_RESET);
  g_assert_true (session_fixture_is_ready (fixture));
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
  g_assert_false (session_fixture_is_ready (fixture));
  loopback_close (inherited);
}

static void
test_quick_ack (SessionFixture *fixture,
                gconstpointer   mode)
{
  g_test_summary ("Quick ACK is armed again after each read, where it was asked for.");

  loopback_send_text (fixture->client, "one");
  session_fixture_run_until (fixture, 3);
  g_assert_cmpuint (session_fixture_count (fixture, SONDE_COUNTER_QUICK_ACK_REARMS), ==, 0);
  fixture->rules.quick_ack = TRUE;
  for (guint i = 1; i <= 3; i++)
    {
      loopback_send_text (fixture->client, "two");
      session_fixture_run_until (fixture, 3 + 3 * i);
      g_assert_cmpuint (session_fixture_count (fixture, SONDE_COUNTER_QUICK_ACK_REARMS), ==, i);
    }
  fixture->rules.quick_ack = FALSE;
  loopback_send_text (fixture->client, "one");
  session_fixture_run_until (fixture, 15);
  g_assert_cmpuint (session_fixture_count (fixture, SONDE_COUNTER_QUICK_ACK_REARMS), ==, 3);
}

static void
test_line (SessionFixture *fixture,
           gconstpointer   mode)
{
  g_test_summary ("A line is answered when it is whole, and what follows it is thrown away.");

  loopback_send_text (fixture->client, "one ");
  session_fixture_run_until (fixture, 4);
  g_assert_cmpuint (fixture->interest, ==, EPOLLIN);
  g_assert_cmpuint (fixture->session->held_length, ==, 4);
  loopback_expect_silence (fixture->client);
  loopback_send_text (fixture->client, "line\ntwo\n");
  session_fixture_run_until (fixture, 13);
  loopback_expect (fixture->client, "ONE LINE\n");
  loopback_expect_end (fixture->client);
  g_assert_null (fixture->session->held);
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_line_max (SessionFixture *fixture,
               gconstpointer   mode)
{
  g_test_summary ("A line without an end is one that is full, to the byte.");

  fixture->rules.line_max = 6;
  loopback_send_text (fixture->client, "abc");
  session_fixture_run_until (fixture, 3);
  loopback_send_text (fixture->client, "defgh");
  session_fixture_run_until (fixture, 8);
  loopback_expect (fixture->client, "ABCDEF");
  loopback_expect_end (fixture->client);
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
}

static void
test_line_end (SessionFixture *fixture,
               gconstpointer   mode)
{
  g_test_summary ("The peer's FIN ends a line as well.");

  loopback_send_text (fixture->client, "last words");
  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
  loopback_expect (fixture->client, "LAST WORDS");
  loopback_expect_end (fixture->client);
}

static void
test_line_empty (SessionFixture *fixture,
                 gconstpointer   mode)
{
  g_test_summary ("A FIN without a line before it is answered with a FIN.");

  loopback_finish (fixture->client);
  session_fixture_end (fixture, SONDE_COUNTER_CLOSED);
  loopback_expect_end (fixture->client);
}

static void
test_line_unsent_max (SessionFixture *fixture,
                      gconstpointer   mode)
{
  g_test_summary ("A line that grows counts as held, too.");

  fixture->rules.unsent_max = 8;
  loopback_send_text (fixture->client, "12345678");
  session_fixture_run_until (fixture, 8);
  g_assert_cmpuint (fixture->interest, ==, EPOLLIN);
  loopback_send_text (fixture->client, "9");
  session_fixture_end (fixture, SONDE_COUNTER_RESET);
  loopback_expect_reset (fixture->client);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  SESSION_TEST ("/session/echo", ECHO, test_echo);
  SESSION_TEST ("/session/upper", UPPER, test_upper);
  SESSION_TEST ("/session/mode-change", ECHO, test_mode_change);
  SESSION_TEST ("/session/once", UPPER_ONCE, test_once);
  SESSION_TEST ("/session/backpressure", ECHO, test_backpressure);
  SESSION_TEST ("/session/slow-reader", ECHO, test_slow_reader);
  SESSION_TEST ("/session/half-close", ECHO_ONCE, test_half_close);
  SESSION_TEST ("/session/unsent-max", ECHO, test_unsent_max);
  SESSION_TEST ("/session/peer-reset", ECHO, test_peer_reset);
  SESSION_TEST ("/session/gone-before-answer", ECHO, test_gone_before_answer);
  SESSION_TEST ("/session/inherited", ECHO, test_inherited);
  SESSION_TEST ("/session/quick-ack", ECHO, test_quick_ack);
  SESSION_TEST ("/session/line", UPPER_LINE, test_line);
  SESSION_TEST ("/session/line/max", UPPER_LINE, test_line_max);
  SESSION_TEST ("/session/line/end", UPPER_LINE, test_line_end);
  SESSION_TEST ("/session/line/empty", UPPER_LINE, test_line_empty);
  SESSION_TEST ("/session/line/unsent-max", UPPER_LINE, test_line_unsent_max);

  return g_test_run ();
}
