/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-mode.h>
#include <libsonde/sonde-probe.h>

#include "probe-peer.h"

#define BIG_SIZE (8 * 1024 * 1024)

static void
assert_peer_fails (PeerFunc    func,
                   const char *answer,
                   int         code,
                   const char *pattern)
{
  Peer peer = { .answer = answer };
  g_autoptr (SondeProbe) probe = NULL;

  peer_start (&peer, func);
  probe = peer_make_probe (&peer, NULL);
  peer_assert_probe_fails (probe, SONDE_ERROR, code, pattern);
  peer_stop (&peer);
}

static void
assert_peer_answers (PeerFunc    func,
                     SondeMode   mode,
                     const char *message,
                     const char *answer)
{
  Peer peer = { .answer = answer };
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;
  const char *sent = message != NULL ? message : "data1\ndata2\n";

  peer_start (&peer, func);
  probe = peer_make_probe (&peer, message);
  g_object_set (probe, "mode", mode, NULL);
  result = sonde_probe_run (probe, NULL, &error);
  peer_stop (&peer);

  g_assert_no_error (error);
  peer_assert_bytes (result, strlen (sent), strlen (answer));
}

static GBytes *
make_big_message (void)
{
  guint8 *data = g_malloc (BIG_SIZE);

  /* A prime period, so that no block that is lost or moved goes unnoticed. */
  for (gsize i = 0; i < BIG_SIZE; i++)
    data[i] = i % 251;

  return g_bytes_new_take (data, BIG_SIZE);
}

static void
test_big (void)
{
  Peer peer = { 0 };
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GBytes) message = make_big_message ();
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A message that no buffer holds comes back from a peer that stops reading "
                  "until its answer is read.");

  peer_start (&peer, peer_serve_slow_echo);
  probe = peer_make_probe (&peer, "head\n");
  sonde_probe_add_message (probe, message);
  g_object_set (probe, "receive-buffer", (guint64) 65536, "send-buffer", (guint64) 65536, NULL);
  result = sonde_probe_run (probe, NULL, &error);
  g_assert_no_error (error);
  peer_stop (&peer);

  peer_assert_bytes (result, BIG_SIZE + 5, BIG_SIZE + 5);
}

static void
test_count (void)
{
  Peer peer = { 0 };
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  g_autoptr (GBytes) tail = g_bytes_new_static ("tail", 4);
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Messages that are sent many times come back as often, every byte of them.");

  peer_start (&peer, peer_serve_slow_echo);
  probe = peer_make_probe (&peer, "head\n");
  sonde_probe_add_message (probe, empty);
  sonde_probe_add_message (probe, tail);
  g_object_set (probe, "count", 100000, NULL);
  result = sonde_probe_run (probe, NULL, &error);
  g_assert_no_error (error);
  peer_stop (&peer);

  peer_assert_bytes (result, 900000, 900000);
}

static void
test_count_mismatch (void)
{
  Peer peer = { .answer = "data1\ndata2\ndata1\ndataX\n" };
  g_autoptr (SondeProbe) probe = NULL;

  g_test_summary ("A wrong byte in a later round is found at its offset.");

  peer_start (&peer, peer_serve_answer);
  probe = peer_make_probe (&peer, NULL);
  g_object_set (probe, "count", 2, NULL);
  peer_assert_probe_fails (probe,
                           SONDE_ERROR,
                           SONDE_ERROR_ECHO_MISMATCH,
                           "*127.0.0.1:*offset 22: expected 0x32, got 0x58");
  peer_stop (&peer);
}

static void
test_empty (void)
{
  g_test_summary ("Without a byte to send, the probe connects and takes its leave.");

  assert_peer_answers (peer_serve_echo, SONDE_MODE_ECHO, "", "");
}

static void
test_mismatch (void)
{
  g_test_summary ("A wrong byte is found at its offset, across messages.");

  assert_peer_fails (peer_serve_answer,
                     "data1\ndatA2\n",
                     SONDE_ERROR_ECHO_MISMATCH,
                     "*127.0.0.1:*offset 9: expected 0x61, got 0x41");
}

static void
test_surplus (void)
{
  g_test_summary ("More than the whole answer is wrong, also when it comes late.");

  assert_peer_fails (peer_serve_answer,
                     "data1\ndata2\n!",
                     SONDE_ERROR_ECHO_MISMATCH,
                     "*127.0.0.1:*offset 12: expected its end, got 0x21");
  assert_peer_fails (peer_serve_afterthought,
                     NULL,
                     SONDE_ERROR_ECHO_MISMATCH,
                     "*127.0.0.1:*offset 12: expected its end, got 0x21");
}

static void
test_closed_early (void)
{
  g_test_summary ("A peer that closes before the whole answer came is reported with counts.");

  assert_peer_fails (peer_serve_answer_and_close,
                     "data1\n",
                     SONDE_ERROR_PEER_CLOSED,
                     "127.0.0.1:*after 6 of 12 bytes*");
}

static void
test_reset (void)
{
  g_test_summary ("A reset is told from an orderly end.");

  assert_peer_fails (peer_serve_reset, NULL, SONDE_ERROR_PEER_RESET, "*127.0.0.1:*ECONNRESET*");
}

static void
test_io_timeout (void)
{
  Peer peer = { 0 };
  g_autoptr (SondeProbe) probe = NULL;
  gint64 started;

  g_test_summary ("A peer that never answers is given up after the I/O timeout.");

  peer_start (&peer, peer_serve_silence);
  probe = peer_make_probe (&peer, NULL);
  g_object_set (probe, "io-timeout-usec", (guint64) 50000, NULL);
  started = g_get_monotonic_time ();
  peer_assert_probe_fails (probe,
                           SONDE_ERROR,
                           SONDE_ERROR_TIMED_OUT,
                           "127.0.0.1:*within 50ms: 12 bytes sent, 0 of 12 bytes*");
  g_assert_cmpint (g_get_monotonic_time () - started, >=, 50000);
  peer_stop (&peer);
}

static void
test_upper (void)
{
  g_test_summary ("Upper case is expected of a to z only.");

  assert_peer_answers (peer_serve_upper, SONDE_MODE_UPPER, "Grüße, Welt\n", "GRüßE, WELT\n");
}

static void
test_upper_line (void)
{
  g_test_summary ("The answer to a line ends with it, even if more was sent.");

  assert_peer_answers (peer_serve_answer_and_close, SONDE_MODE_UPPER_LINE, NULL, "DATA1\n");
  assert_peer_answers (peer_serve_at_end_of_stream, SONDE_MODE_UPPER_LINE, "no end", "NO END");
}

static void
test_once (void)
{
  g_test_summary ("A peer that reads once may answer any beginning, but not nothing.");

  assert_peer_answers (peer_serve_answer_and_close, SONDE_MODE_ECHO_ONCE, NULL, "data1\n");
  assert_peer_answers (peer_serve_answer_and_close, SONDE_MODE_ECHO_ONCE, NULL, "data1\ndata2\n");
  assert_peer_answers (peer_serve_answer_and_close, SONDE_MODE_UPPER_ONCE, NULL, "DATA1\nD");
}

static void
test_once_limits (void)
{
  Peer peer = { .answer = "data1" };
  Peer mute_peer = { .answer = "" };
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (SondeProbe) mute_probe = NULL;

  g_test_summary ("Nothing, or more than one read takes, is no answer to one read.");

  peer_start (&peer, peer_serve_answer_and_close);
  probe = peer_make_probe (&peer, NULL);
  g_object_set (probe, "mode", SONDE_MODE_ECHO_ONCE, "read-size", 4, NULL);
  peer_assert_probe_fails (probe,
                           SONDE_ERROR,
                           SONDE_ERROR_ECHO_MISMATCH,
                           "*offset 4: expected its end*");
  peer_stop (&peer);

  peer_start (&mute_peer, peer_serve_answer_and_close);
  mute_probe = peer_make_probe (&mute_peer, NULL);
  g_object_set (mute_probe, "mode", SONDE_MODE_ECHO_ONCE, NULL);
  peer_assert_probe_fails (mute_probe,
                           SONDE_ERROR,
                           SONDE_ERROR_PEER_CLOSED,
                           "*after 0 of 12 bytes*");
  peer_stop (&mute_peer);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/exchange/big", test_big);
  g_test_add_func ("/exchange/count", test_count);
  g_test_add_func ("/exchange/count-mismatch", test_count_mismatch);
  g_test_add_func ("/exchange/empty", test_empty);
  g_test_add_func ("/exchange/mismatch", test_mismatch);
  g_test_add_func ("/exchange/surplus", test_surplus);
  g_test_add_func ("/exchange/closed-early", test_closed_early);
  g_test_add_func ("/exchange/reset", test_reset);
  g_test_add_func ("/exchange/io-timeout", test_io_timeout);
  g_test_add_func ("/exchange/upper", test_upper);
  g_test_add_func ("/exchange/upper-line", test_upper_line);
  g_test_add_func ("/exchange/once", test_once);
  g_test_add_func ("/exchange/once-limits", test_once_limits);

  return g_test_run ();
}
