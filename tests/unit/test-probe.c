/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <glib/gstdio.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-mode.h>
#include <libsonde/sonde-probe.h>

#include "probe-peer.h"

static void
test_echo (void)
{
  static const char *const optional[] = {
    "KernelConnectTimeoutUSec",
    "KernelConnectTimeoutClassicUSec",
    "ReceiveBufferMax",
    "SendBufferMax",
  };
  Peer peer = { 0 };
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;
  const char *address;
  guint16     port;

  g_test_summary ("The two default messages come back, and every measurement is there.");

  peer_start (&peer, peer_serve_echo);
  probe = peer_make_probe (&peer, NULL);
  result = sonde_probe_run (probe, NULL, &error);
  g_assert_no_error (error);
  peer_stop (&peer);

  g_assert_false (g_variant_is_floating (result));
  peer_assert_bytes (result, 12, 12);
  g_assert_true (g_variant_lookup (result, "PeerAddress", "&s", &address));
  g_assert_cmpstr (address, ==, "127.0.0.1");
  g_assert_true (g_variant_lookup (result, "PeerPort", "q", &port));
  g_assert_cmpuint (port, ==, peer.port);
  g_assert_true (g_variant_lookup (result, "LocalAddress", "&s", &address));
  g_assert_cmpstr (address, ==, "127.0.0.1");
  g_assert_true (g_variant_lookup (result, "LocalPort", "q", &port));
  g_assert_cmpuint (port, !=, peer.port);

  g_assert_cmpuint (peer_get_uint64 (result, "ConnectTimeoutUSec"), ==, 3500000);
  g_assert_cmpuint (peer_get_uint64 (result, "ConnectUSec"), <, 3500000);
  g_assert_cmpuint (peer_get_uint64 (result, "RoundTripUSec"), >, 0);
  g_assert_cmpuint (peer_get_uint64 (result, "FirstByteUSec"),
                    <=,
                    peer_get_uint64 (result, "RoundTripUSec"));
  g_assert_cmpuint (peer_get_uint64 (result, "ReceiveBuffer"), >, 0);
  g_assert_cmpuint (peer_get_uint64 (result, "SendBuffer"), >, 0);
  g_assert_cmpuint (peer_get_uint64 (result, "KernelRttUSec"), >, 0);

  /* What the kernel does not tell may be missing, but not be 0. */
  for (gsize i = 0; i < G_N_ELEMENTS (optional); i++)
    {
      guint64 value = 1;

      g_variant_lookup (result, optional[i], "t", &value);
      g_assert_cmpuint (value, >, 0);
    }
}

static void
test_buffers (void)
{
  Peer peer = { 0 };
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("The buffers asked for are set; the kernel doubles them.");

  peer_start (&peer, peer_serve_echo);
  probe = peer_make_probe (&peer, NULL);
  g_object_set (probe,
                "receive-buffer",
                (guint64) 10000,
                "send-buffer",
                (guint64) 20000,
                NULL);
  result = sonde_probe_run (probe, NULL, &error);
  g_assert_no_error (error);
  peer_stop (&peer);

  g_assert_cmpuint (peer_get_uint64 (result, "ReceiveBuffer"), ==, 20000);
  g_assert_cmpuint (peer_get_uint64 (result, "SendBuffer"), ==, 40000);
}

static void
test_cancel_exchange (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Peer peer = { .cancellable = cancellable };
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Cancelling from another thread ends the wait for an answer.");

  peer_start (&peer, peer_serve_silence);
  probe = peer_make_probe (&peer, NULL);
  g_object_set (probe, "io-timeout-usec", (guint64) 0, NULL);
  result = sonde_probe_run (probe, cancellable, &error);
  g_assert_null (result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  peer_stop (&peer);
}

static void
run_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  GAsyncResult **kept = user_data;

  *kept = g_object_ref (result);
}

static void
test_async (void)
{
  Peer peer = { 0 };
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GAsyncResult) async_result = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("The asynchronous run goes on with what was set when it began.");

  peer_start (&peer, peer_serve_echo);
  probe = peer_make_probe (&peer, "once\n");
  sonde_probe_run_async (probe, NULL, run_cb, &async_result);
  g_object_set (probe, "host", "192.0.2.1", "mode", SONDE_MODE_UPPER, NULL);
  while (async_result == NULL)
    g_main_context_iteration (NULL, TRUE);
  result = sonde_probe_run_finish (probe, async_result, &error);
  g_assert_no_error (error);
  peer_stop (&peer);

  peer_assert_bytes (result, 5, 5);
}

/* What a run told of its progress, and in which thread. */
typedef struct
{
  SondeProbe *probe;
  GThread    *thread;
  guint       n_signals;
  guint64     n_received;
} Watched;

static void
on_progress (SondeProbe *probe,
             guint64     n_received,
             guint64     n_expected,
             gpointer    user_data)
{
  Watched *watched = user_data;

  g_assert_true (g_thread_self () == watched->thread);
  g_assert_cmpuint (n_received, >, watched->n_received);
  g_assert_cmpuint (n_received, <=, n_expected);
  watched->n_received = n_received;
  watched->n_signals++;

  /* The run is as long as it takes; the peer, and so the probe, ends it. */
  if (watched->n_signals == 3)
    g_cancellable_cancel (g_object_get_data (G_OBJECT (probe), "cancellable"));
}

static void
watch_endless (Watched      *watched,
               Peer         *peer,
               GCancellable *cancellable)
{
  peer_start (peer, peer_serve_echo);
  watched->probe = peer_make_probe (peer, "over and over\n");
  watched->thread = g_thread_self ();
  g_object_set (watched->probe, "count", G_MAXUINT, NULL);
  g_object_set_data (G_OBJECT (watched->probe), "cancellable", cancellable);
  g_signal_connect (watched->probe, "progress", G_CALLBACK (on_progress), watched);
}

static void
test_progress (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Peer    peer = { 0 };
  Watched watched = { NULL };
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A long run tells how far it has come, in the thread that runs it.");

  watch_endless (&watched, &peer, cancellable);
  result = sonde_probe_run (watched.probe, cancellable, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  peer_stop (&peer);

  g_assert_cmpuint (watched.n_signals, ==, 3);
  g_object_unref (watched.probe);
}

static void
test_async_progress (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Peer    peer = { 0 };
  Watched watched = { NULL };
  guint   n_signals;
  g_autoptr (GAsyncResult) async_result = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("An asynchronous run tells it where it was started, and nothing after its end.");

  watch_endless (&watched, &peer, cancellable);
  sonde_probe_run_async (watched.probe, cancellable, run_cb, &async_result);
  while (async_result == NULL)
    g_main_context_iteration (NULL, TRUE);
  n_signals = watched.n_signals;
  result = sonde_probe_run_finish (watched.probe, async_result, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  peer_stop (&peer);

  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (n_signals, >=, 3);
  g_assert_cmpuint (watched.n_signals, ==, n_signals);
  g_object_unref (watched.probe);
}

static void
test_async_error (void)
{
  guint16 port = 0;
  int     fd = peer_open ("127.0.0.1", &port);
  g_autoptr (SondeProbe) probe = sonde_probe_new ("127.0.0.1", port);
  g_autoptr (GAsyncResult) async_result = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("The asynchronous run reports the same errors.");

  sonde_probe_run_async (probe, NULL, run_cb, &async_result);
  while (async_result == NULL)
    g_main_context_iteration (NULL, TRUE);
  result = sonde_probe_run_finish (probe, async_result, &error);
  g_assert_null (result);
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_CONNECT_REFUSED);
  g_close (fd, NULL);
}

static void
test_properties (void)
{
  g_autoptr (SondeProbe) probe = g_object_new (SONDE_TYPE_PROBE, NULL);
  g_autofree char *host = NULL;
  guint            port, read_size, count;
  guint64          connect_timeout, io_timeout, receive_buffer, send_buffer;
  SondeMode        mode;

  g_test_summary ("A new probe has the defaults of the reference.");

  g_object_get (probe,
                "host", &host,
                "port", &port,
                "connect-timeout-usec", &connect_timeout,
                "io-timeout-usec", &io_timeout,
                "receive-buffer", &receive_buffer,
                "send-buffer", &send_buffer,
                "mode", &mode,
                "read-size", &read_size,
                "count", &count,
                NULL);
  g_assert_cmpstr (host, ==, "localhost");
  g_assert_cmpuint (port, ==, 9999);
  g_assert_cmpuint (connect_timeout, ==, 3500000);
  g_assert_cmpuint (io_timeout, ==, 5500000);
  g_assert_cmpuint (receive_buffer, ==, 0);
  g_assert_cmpuint (send_buffer, ==, 0);
  g_assert_cmpint (mode, ==, SONDE_MODE_ECHO);
  g_assert_cmpuint (read_size, ==, 1024);
  g_assert_cmpuint (count, ==, 1);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/probe/properties", test_properties);
  g_test_add_func ("/probe/echo", test_echo);
  g_test_add_func ("/probe/buffers", test_buffers);
  g_test_add_func ("/probe/cancel", test_cancel_exchange);
  g_test_add_func ("/probe/progress", test_progress);
  g_test_add_func ("/probe/async/result", test_async);
  g_test_add_func ("/probe/async/progress", test_async_progress);
  g_test_add_func ("/probe/async/error", test_async_error);

  return g_test_run ();
}
