/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How a server comes to the daemon: it is made, looks up names, and listens. */

#include "config.h"

#include "sonded-daemon-private.h"

#include "sonded-sockets.h"

static gboolean
may_add (SondedDaemon *self,
         const char   *name,
         GError      **error)
{
  if (self->stopping)
    {
      g_set_error_literal (error, SONDE_ERROR, SONDE_ERROR_FAILED, "The daemon is stopping");
      return FALSE;
    }
  if (g_hash_table_contains (self->servers, name) || g_hash_table_contains (self->starting, name))
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_NAME_IN_USE,
                   "There is a server named %s already",
                   name);
      return FALSE;
    }

  return TRUE;
}

/* Whether it is still wanted: it may have been removed, and its name be that of
 * another one by now. */
static gboolean
take_started (SondedDaemon *self,
              SondeServer  *server,
              GError      **error)
{
  const char *name = sonde_server_get_name (server);

  if (g_hash_table_lookup (self->starting, name) == server)
    {
      g_hash_table_remove (self->starting, name);
      return TRUE;
    }
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_FAILED,
               "Server %s was removed before it listened",
               name);

  return FALSE;
}

static char *
format_addresses (SondeServer *server)
{
  g_autoptr (GVariant) addresses = sonde_server_get_bound_addresses (server);
  GString     *text = g_string_new (NULL);
  GVariantIter iter;
  const char  *host;
  guint16      port;

  g_variant_iter_init (&iter, addresses);
  while (g_variant_iter_next (&iter, "(&sq)", &host, &port))
    g_string_append_printf (text,
                            strchr (host, ':') != NULL ? "%s[%s]:%u" : "%s%s:%u",
                            text->len > 0 ? ", " : "",
                            host,
                            port);

  return g_string_free (text, FALSE);
}

static void
add_server (SondedDaemon *self,
            SondeServer  *server)
{
  g_autofree char *addresses = format_addresses (server);

  sonded_daemon_take_server (self, server);
  g_message ("Server %s listens on %s", sonde_server_get_name (server), addresses);
}

static void
started_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (SondeServer) server = g_object_ref (SONDE_SERVER (source));
  g_autoptr (GTask) task = user_data;
  g_autoptr (SondedDaemon) self = g_object_ref (g_task_get_source_object (task));
  GError *error = NULL;

  self->n_starts--;
  if (take_started (self, server, &error) && sonde_server_start_finish (server, result, &error))
    {
      add_server (self, server);
      g_task_return_pointer (task, g_steal_pointer (&server), g_object_unref);
    }
  else
    g_task_return_error (task, error);
  sonded_daemon_tell_if_stopped (self);
}

static void
start_server (SondedDaemon *self,
              SondeServer  *server,
              GTask        *task)
{
  g_hash_table_insert (self->starting,
                       g_strdup (sonde_server_get_name (server)),
                       g_object_ref (server));
  self->n_starts++;
  sonde_server_start_async (server, NULL, started_cb, g_object_ref (task));
}

static SondeServer *
make_server (const char    *name,
             SondeSettings *settings,
             GArray        *listen_fds,
             GError       **error)
{
  g_autoptr (SondeServer) server = sonde_server_new (name, settings, error);

  if (server == NULL || !sonded_sockets_give (listen_fds, server, error))
    return NULL;

  return g_steal_pointer (&server);
}

/*
 * sonded_daemon_add_server_async:
 * @self: a daemon
 * @name: a valid name
 * @settings: what is asked for
 * @listen_fds: (nullable) (element-type int): sockets to listen on instead of
 *   addresses
 * @callback: what is called when it is done
 * @user_data: what it is called with
 *
 * Makes a server and starts it. Until it listens its name is taken, but there
 * is no server to be found; removing it gives it up.
 */
void
sonded_daemon_add_server_async (SondedDaemon       *self,
                                const char         *name,
                                SondeSettings      *settings,
                                GArray             *listen_fds,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autoptr (SondeServer) server = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, sonded_daemon_add_server_async);
  if (may_add (self, name, &error))
    server = make_server (name, settings, listen_fds, &error);
  if (server == NULL)
    g_task_return_error (task, error);
  else
    start_server (self, server, task);
}

/*
 * sonded_daemon_add_server_finish:
 * @self: a daemon
 * @result: what the callback got
 * @error: where to put an error
 *
 * Ends sonded_daemon_add_server_async().
 *
 * Returns: (transfer full): the server, which listens
 */
SondeServer *
sonded_daemon_add_server_finish (SondedDaemon *self,
                                 GAsyncResult *result,
                                 GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
