/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Running a probe, in the thread that asks for it or in one of its own. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-probe-private.h"

/* How far a run in a thread has come, on its way to whoever started it. */
typedef struct
{
  SondeProbe *probe; /* (owned) */
  guint64     n_received;
  guint64     n_expected;
} Progress;

static void
progress_free (gpointer user_data)
{
  Progress *progress = user_data;

  g_object_unref (progress->probe);
  g_free (progress);
}

static gboolean
deliver_progress_cb (gpointer user_data)
{
  Progress *progress = user_data;

  sonde_probe_emit_progress (progress->n_received, progress->n_expected, progress->probe);

  return G_SOURCE_REMOVE;
}

/* With the priority of the task: then none arrives after the end of the run. */
static void
post_progress (guint64  n_received,
               guint64  n_expected,
               gpointer user_data)
{
  GTask    *task = user_data;
  GSource  *source = g_idle_source_new ();
  Progress *progress = g_new0 (Progress, 1);

  progress->probe = g_object_ref (g_task_get_source_object (task));
  progress->n_received = n_received;
  progress->n_expected = n_expected;
  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, deliver_progress_cb, progress, progress_free);
  g_source_attach (source, g_task_get_context (task));
  g_source_unref (source);
}

/* A probe waits for as long as its peer lets it, and would keep a thread of
 * GTask's pool from those who do not; so it has one of its own. */
static gpointer
run_thread (gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError   *error = NULL;
  GVariant *result = NULL;

  result = sonde_probe_request_run (g_task_get_task_data (task),
                                    post_progress,
                                    task,
                                    g_task_get_cancellable (task),
                                    &error);
  if (result == NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, result, (GDestroyNotify) g_variant_unref);

  return NULL;
}

static void
start_thread (GTask *task)
{
  g_autoptr (GError) local_error = NULL;
  GThread *thread = NULL;

  thread = g_thread_try_new ("sonde-probe", run_thread, g_object_ref (task), &local_error);
  if (thread != NULL)
    {
      g_thread_unref (thread);
      return;
    }

  g_task_return_new_error (task, SONDE_ERROR, SONDE_ERROR_FAILED, "%s", local_error->message);
  g_object_unref (task);
}

/**
 * sonde_probe_run:
 * @self: a probe
 * @cancellable: (nullable): a cancellable
 * @error: where to put the error
 *
 * Connects, sends the messages, and compares the answer with what the peer owes
 * in its [property@Sonde.Probe:mode].
 *
 * A peer that reads only once may answer any beginning of the messages, up to
 * [property@Sonde.Probe:read-size] bytes, if it closes then. The connection
 * stays open both ways until the whole answer came.
 *
 * This blocks, and may be called in any thread.
 *
 * The result is a dictionary of type `a{sv}` with these keys:
 *
 * - `PeerAddress` (`s`), `PeerPort` (`q`): whom the connection led to
 * - `LocalAddress` (`s`), `LocalPort` (`q`): from where
 * - `ConnectUSec` (`t`): from the start of the attempt that succeeded until the
 *   connection stood, in microseconds; looking up the name is not in it
 * - `FirstByteUSec` (`t`): from the first send until the first byte of the
 *   answer, in microseconds; 0 if there was nothing to send
 * - `RoundTripUSec` (`t`): from the first send until the last byte of the
 *   answer, in microseconds; 0 if there was nothing to send
 * - `BytesSent` (`t`), `BytesReceived` (`t`): in bytes; fewer than the messages
 *   have if the peer closed after reading once
 * - `ReceiveBuffer` (`t`), `SendBuffer` (`t`): what the kernel gave the
 *   connection, in bytes, read back when it stood
 * - `ReceiveBufferMax` (`t`), `SendBufferMax` (`t`): what it gives at most on
 *   demand, in bytes: `net.core.rmem_max` and `net.core.wmem_max`, which the
 *   effective sizes may exceed by a factor of two
 * - `KernelRttUSec` (`t`): the kernel's smoothed round-trip time, in
 *   microseconds
 * - `ConnectTimeoutUSec` (`t`): the probe's own, in microseconds
 * - `KernelConnectTimeoutUSec` (`t`): when this kernel gives up by itself, in
 *   microseconds
 * - `KernelConnectTimeoutClassicUSec` (`t`): when kernels before 6.5 did, in
 *   microseconds
 *
 * What this kernel does not tell is left out.
 *
 * It fails with %SONDE_ERROR_ADDRESS_NOT_AVAILABLE (the host has no address),
 * %SONDE_ERROR_CONNECT_TIMED_OUT, %SONDE_ERROR_CONNECT_REFUSED,
 * %SONDE_ERROR_UNREACHABLE, %SONDE_ERROR_PEER_CLOSED (before the whole answer
 * came), %SONDE_ERROR_PEER_RESET, %SONDE_ERROR_ECHO_MISMATCH (it was a wrong
 * one, or too much), %SONDE_ERROR_TIMED_OUT (no progress within
 * [property@Sonde.Probe:io-timeout-usec]), another code if the kernel refuses
 * the socket, or %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): what was measured
 *
 * Since: 0.1
 */
GVariant *
sonde_probe_run (SondeProbe   *self,
                 GCancellable *cancellable,
                 GError      **error)
{
  g_autoptr (SondeProbeRequest) request = NULL;

  g_return_val_if_fail (SONDE_IS_PROBE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  request = sonde_probe_request_copy (&self->request);

  return sonde_probe_request_run (request, sonde_probe_emit_progress, self, cancellable, error);
}

/**
 * sonde_probe_run_async:
 * @self: a probe
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (closure user_data): what to call at the end
 * @user_data: data for @callback
 *
 * Runs a probe in a thread, as [method@Sonde.Probe.run] does.
 *
 * What is changed on the probe from now on counts for later runs only.
 *
 * Since: 0.1
 */
void
sonde_probe_run_async (SondeProbe         *self,
                       GCancellable       *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (SONDE_IS_PROBE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, sonde_probe_run_async);
  g_task_set_task_data (task,
                        sonde_probe_request_copy (&self->request),
                        (GDestroyNotify) sonde_probe_request_free);
  start_thread (task);
}

/**
 * sonde_probe_run_finish:
 * @self: a probe
 * @result: what the callback got
 * @error: where to put the error
 *
 * Finishes what [method@Sonde.Probe.run_async] started.
 *
 * Returns: (transfer full): what was measured, as [method@Sonde.Probe.run]
 *   returns it
 *
 * Since: 0.1
 */
GVariant *
sonde_probe_run_finish (SondeProbe   *self,
                        GAsyncResult *result,
                        GError      **error)
{
  g_return_val_if_fail (SONDE_IS_PROBE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
