/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The end of a server: it listens no more, and its connections finish. */

#include "config.h"

#include "sonde-server-private.h"

/* The task data is the source that waits for cancellation. */
static void
free_source (gpointer source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static gboolean
cancelled_cb (GCancellable *cancellable,
              gpointer      user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  SondeServer *self = g_task_get_source_object (task);

  g_ptr_array_remove_fast (self->drains, task);
  g_task_return_error_if_cancelled (task);

  return G_SOURCE_REMOVE;
}

static void
watch_cancellable (GTask *task)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  GSource      *source = NULL;

  if (cancellable == NULL)
    return;

  source = g_cancellable_source_new (cancellable);
  g_source_set_callback (source, G_SOURCE_FUNC (cancelled_cb), task, NULL);
  g_source_attach (source, g_task_get_context (task));
  g_task_set_task_data (task, source, free_source);
}

/*
 * sonde_server_end_drains:
 * @self: a server whose last connection is gone
 *
 * Calls back who waited for that.
 */
void
sonde_server_end_drains (SondeServer *self)
{
  g_autoptr (GPtrArray) ended = g_steal_pointer (&self->drains);

  self->drains = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < ended->len; i++)
    {
      g_task_set_task_data (ended->pdata[i], NULL, NULL);
      g_task_return_boolean (ended->pdata[i], TRUE);
    }
}

/**
 * sonde_server_drain:
 * @self: a server
 * @timeout_usec: how many microseconds the connections may take; 0 resets
 *   them at once
 *
 * Stops listening and lets the open connections finish.
 *
 * On return nothing is listened on. Connections that waited to be accepted
 * are accepted first; then each answers what it has received, and is closed.
 * Those that are not done in time are reset. When the last one is gone, the
 * state turns to %SONDE_SERVER_STATE_STOPPED. A start that is under way is
 * given up, and fails with %SONDE_ERROR_FAILED.
 *
 * Since: 0.1
 */
void
sonde_server_drain (SondeServer *self,
                    guint64      timeout_usec)
{
  g_return_if_fail (SONDE_IS_SERVER (self));

  sonde_server_abandon_starts (self);
  if (self->state == SONDE_SERVER_STATE_FAILED)
    sonde_server_set_state (self, SONDE_SERVER_STATE_STOPPED);

  sonde_server_end_grace (self);
  g_ptr_array_extend_and_steal (self->retired, self->shards);
  self->shards = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_set_size (self->listeners, 0);
  g_clear_pointer (&self->listening, sonde_settings_unref);
  g_clear_pointer (&self->inherited, sonde_given_unref);

  for (guint i = 0; i < self->retired->len; i++)
    {
      sonde_shard_retire (self->retired->pdata[i]);
      sonde_shard_finish (self->retired->pdata[i], timeout_usec);
    }
  sonde_server_notify_listening (self);
}

/**
 * sonde_server_stop:
 * @self: a server
 *
 * Stops listening and lets the open connections finish within
 * [property@Sonde.Server:close-timeout-usec], as
 * [method@Sonde.Server.drain] does.
 *
 * Since: 0.1
 */
void
sonde_server_stop (SondeServer *self)
{
  g_return_if_fail (SONDE_IS_SERVER (self));

  sonde_server_drain (self,
                      sonde_settings_get_number (self->settings, SONDE_SETTING_CLOSE_TIMEOUT));
}

/**
 * sonde_server_drain_async:
 * @self: a server
 * @timeout_usec: how many microseconds the connections may take; 0 resets
 *   them at once
 * @cancellable: (nullable): what ends the waiting, but not the draining
 * @callback: (scope async): what is called when the last connection is gone
 * @user_data: what it is called with
 *
 * Does what [method@Sonde.Server.drain] does, and tells when it is over.
 *
 * A server that was started again meanwhile goes on listening: what is waited
 * for are the connections that there were.
 *
 * Since: 0.1
 */
void
sonde_server_drain_async (SondeServer        *self,
                          guint64             timeout_usec,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (SONDE_IS_SERVER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, sonde_server_drain_async);
  if (g_task_return_error_if_cancelled (task))
    return;

  sonde_server_drain (self, timeout_usec);
  if (self->retired->len == 0)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  watch_cancellable (task);
  g_ptr_array_add (self->drains, g_steal_pointer (&task));
}

/**
 * sonde_server_drain_finish:
 * @self: a server
 * @result: what the callback got
 * @error: where to put an error, %G_IO_ERROR_CANCELLED
 *
 * Ends [method@Sonde.Server.drain_async].
 *
 * Returns: %TRUE if the connections are gone; %FALSE if the waiting was
 *   cancelled, or was before it began: then nothing was drained
 *
 * Since: 0.1
 */
gboolean
sonde_server_drain_finish (SondeServer  *self,
                           GAsyncResult *result,
                           GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, sonde_server_drain_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
