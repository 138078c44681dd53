/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Looks up the names that a server is to listen on, and has it listen.
 *
 * Starts that are under way at the same time need no order: each looks at the
 * server as it is when its names are known. The first finds a server that does
 * not listen, and the others one that does. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-resolve-private.h"
#include "sonde-server-private.h"

typedef struct
{
  gboolean      anew;        /* or else a server that listens is left alone */
  gboolean      abandoned;   /* the server was told to stop meanwhile */
  GVariant     *asked;       /* (owned) (nullable): the addresses that are looked up */
  GCancellable *cancellable; /* (owned): ends looking up */
  gulong        cancelled_id;
} Start;

static void
start_free (gpointer data)
{
  Start *self = data;

  g_clear_pointer (&self->asked, g_variant_unref);
  g_object_unref (self->cancellable);
  g_free (self);
}

static void
forget_start (SondeServer *self,
              GTask       *task)
{
  Start *start = g_task_get_task_data (task);

  g_cancellable_disconnect (g_task_get_cancellable (task), start->cancelled_id);
  g_ptr_array_remove_fast (self->starts, task);
}

static void
end_with_error (SondeServer *self,
                GTask       *task,
                GError      *error)
{
  Start *start = g_task_get_task_data (task);

  forget_start (self, task);
  if (start->abandoned)
    {
      g_task_return_new_error (task,
                               SONDE_ERROR,
                               SONDE_ERROR_FAILED,
                               "Server %s was stopped before it listened",
                               self->name);
      g_error_free (error);
      return;
    }
  if (self->shards->len == 0 && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    sonde_server_set_state (self, SONDE_SERVER_STATE_FAILED);
  g_task_return_error (task, error);
}

static void
end_start (SondeServer *self,
           GTask       *task,
           GPtrArray   *resolved)
{
  const Start *start = g_task_get_task_data (task);
  GError      *error = NULL;

  if (!sonde_server_listen (self, start->anew, resolved, &error))
    {
      end_with_error (self, task, error);
      return;
    }
  forget_start (self, task);
  g_task_return_boolean (task, TRUE);
}

static gboolean
asks_for_others (SondeServer *self,
                 const Start *start)
{
  g_autoptr (GVariant) asked = sonde_settings_peek (self->settings, SONDE_SETTING_LISTEN_ADDRESSES);

  return !g_variant_equal (asked, start->asked);
}

static void resolved_cb (GObject      *source,
                         GAsyncResult *result,
                         gpointer      user_data);

static void
go_on (SondeServer *self,
       GTask       *task)
{
  Start                  *start = g_task_get_task_data (task);
  g_autofree const char **entries = NULL;

  if (!sonde_server_needs_addresses (self, start->anew))
    {
      end_start (self, task, NULL);
      return;
    }

  g_clear_pointer (&start->asked, g_variant_unref);
  start->asked = sonde_settings_peek (self->settings, SONDE_SETTING_LISTEN_ADDRESSES);
  entries = g_variant_get_strv (start->asked, NULL);
  sonde_resolve_async (entries, start->cancellable, resolved_cb, g_object_ref (task));
}

static void
resolved_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  SondeServer *self = g_task_get_source_object (task);
  GError      *error = NULL;
  g_autoptr (GPtrArray) resolved = sonde_resolve_finish (result, &error);

  if (resolved == NULL)
    end_with_error (self, task, error);
  else if (asks_for_others (self, g_task_get_task_data (task)))
    go_on (self, task);
  else
    end_start (self, task, resolved);
}

static void
cancelled_cb (GCancellable *cancellable,
              GCancellable *start_cancellable)
{
  g_cancellable_cancel (start_cancellable);
}

static void
begin_start (SondeServer *self,
             gboolean     anew,
             GTask       *task)
{
  Start *start = g_new0 (Start, 1);

  start->anew = anew;
  start->cancellable = g_cancellable_new ();
  g_task_set_task_data (task, start, start_free);
  /* Once the server listens it is too late to say that it does not. */
  g_task_set_check_cancellable (task, FALSE);
  if (g_task_return_error_if_cancelled (task))
    return;

  g_ptr_array_add (self->starts, task);
  if (g_task_get_cancellable (task) != NULL)
    start->cancelled_id = g_cancellable_connect (g_task_get_cancellable (task),
                                                 G_CALLBACK (cancelled_cb),
                                                 g_object_ref (start->cancellable),
                                                 g_object_unref);
  go_on (self, task);
}

static gboolean
start_and_wait (SondeServer *self,
                gboolean     anew,
                GError     **error)
{
  g_autoptr (GVariant) asked = sonde_settings_peek (self->settings, SONDE_SETTING_LISTEN_ADDRESSES);
  g_autofree const char **entries = g_variant_get_strv (asked, NULL);
  g_autoptr (GPtrArray) resolved = NULL;

  if (sonde_server_needs_addresses (self, anew))
    {
      resolved = sonde_resolve (entries, error);
      if (resolved == NULL && self->shards->len == 0)
        sonde_server_set_state (self, SONDE_SERVER_STATE_FAILED);
      if (resolved == NULL)
        return FALSE;
    }

  return sonde_server_listen (self, anew, resolved, error);
}

/*
 * sonde_server_abandon_starts:
 * @self: a server
 *
 * Gives up every start that still looks up names; each fails soon.
 */
void
sonde_server_abandon_starts (SondeServer *self)
{
  for (guint i = 0; i < self->starts->len; i++)
    {
      Start *start = g_task_get_task_data (self->starts->pdata[i]);

      start->abandoned = TRUE;
      g_cancellable_cancel (start->cancellable);
    }
}

/**
 * sonde_server_start:
 * @self: a server
 * @error: where to put an error: %SONDE_ERROR_ADDRESS_IN_USE,
 *   %SONDE_ERROR_ADDRESS_NOT_AVAILABLE, %SONDE_ERROR_PERMISSION_DENIED,
 *   %SONDE_ERROR_INVALID_SETTING or %SONDE_ERROR_FAILED
 *
 * Listens on every address of the settings, or, where that fails, on none;
 * or on the sockets that it was given.
 *
 * On return connections are accepted. A server that listens already goes on.
 * One that is draining listens again beside the connections that it drains.
 *
 * Names among the addresses are looked up first, which takes as long as the
 * resolver needs; [method@Sonde.Server.start_async] does not wait for it.
 *
 * Returns: %TRUE if the server listens; else its state is
 *   %SONDE_SERVER_STATE_FAILED
 *
 * Since: 0.1
 */
gboolean
sonde_server_start (SondeServer *self,
                    GError     **error)
{
  g_return_val_if_fail (SONDE_IS_SERVER (self), FALSE);

  return start_and_wait (self, FALSE, error);
}

/**
 * sonde_server_start_async:
 * @self: a server
 * @cancellable: (nullable): what ends looking up names
 * @callback: (scope async): what is called when it is done
 * @user_data: what it is called with
 *
 * Does what [method@Sonde.Server.start] does, and looks up names in the
 * background.
 *
 * The state stays what it is until the names are known. The settings that count
 * are those of that moment. While names are looked up,
 * [method@Sonde.Server.stop] and [method@Sonde.Server.drain] give it up.
 *
 * Since: 0.1
 */
void
sonde_server_start_async (SondeServer        *self,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (SONDE_IS_SERVER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, sonde_server_start_async);
  begin_start (self, FALSE, task);
}

/**
 * sonde_server_start_finish:
 * @self: a server
 * @result: what the callback got
 * @error: where to put an error: one of those of [method@Sonde.Server.start],
 *   %SONDE_ERROR_FAILED if the server was told to stop meanwhile, or
 *   %G_IO_ERROR_CANCELLED
 *
 * Ends [method@Sonde.Server.start_async].
 *
 * Returns: %TRUE if the server listens
 *
 * Since: 0.1
 */
gboolean
sonde_server_start_finish (SondeServer  *self,
                           GAsyncResult *result,
                           GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, sonde_server_start_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * sonde_server_relisten:
 * @self: a server
 * @error: where to put an error, as in [method@Sonde.Server.start]
 *
 * Puts new listeners in the place of the old ones, so that the settings in
 * [method@Sonde.Server.get_pending_relisten] take effect.
 *
 * The new ones listen before the old ones close. Connections that wait to be
 * accepted are accepted first, and those that are open live on. Where the
 * addresses are the same, so are the ports that the kernel picked; then the old
 * listeners stay for a moment, in which nobody new comes to them, so that
 * handshakes which had begun with them can end. With other addresses they close
 * at once. Sockets that the server was given, it goes on with. A server that
 * does not listen is started.
 *
 * Returns: %TRUE if the server listens anew; else it listens as before
 *
 * Since: 0.1
 */
gboolean
sonde_server_relisten (SondeServer *self,
                       GError     **error)
{
  g_return_val_if_fail (SONDE_IS_SERVER (self), FALSE);

  return start_and_wait (self, TRUE, error);
}

/**
 * sonde_server_relisten_async:
 * @self: a server
 * @cancellable: (nullable): what ends looking up names
 * @callback: (scope async): what is called when it is done
 * @user_data: what it is called with
 *
 * Does what [method@Sonde.Server.relisten] does, and looks up names in the
 * background, as [method@Sonde.Server.start_async] does.
 *
 * Since: 0.1
 */
void
sonde_server_relisten_async (SondeServer        *self,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (SONDE_IS_SERVER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, sonde_server_relisten_async);
  begin_start (self, TRUE, task);
}

/**
 * sonde_server_relisten_finish:
 * @self: a server
 * @result: what the callback got
 * @error: where to put an error, as in [method@Sonde.Server.start_finish]
 *
 * Ends [method@Sonde.Server.relisten_async].
 *
 * Returns: %TRUE if the server listens anew; else it listens as before
 *
 * Since: 0.1
 */
gboolean
sonde_server_relisten_finish (SondeServer  *self,
                              GAsyncResult *result,
                              GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, sonde_server_relisten_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
