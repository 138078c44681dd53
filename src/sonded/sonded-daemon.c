/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The servers of the daemon, whoever asked for them. Knows nothing of the bus
 * nor of configuration files. */

#include "config.h"

#include "sonded-daemon.h"

struct _SondedDaemon
{
  GObject parent_instance;

  GHashTable *servers;  /* (owned) (element-type utf8 SondeServer) */
  GHashTable *starting; /* (owned) (element-type utf8 SondeServer): they look up names */
  guint       n_starts; /* that are not answered yet */
  gboolean    stopping;
  GPtrArray  *leaving; /* (owned) (element-type SondeServer): removed, but not stopped yet */
};

G_DEFINE_FINAL_TYPE (SondedDaemon, sonded_daemon, G_TYPE_OBJECT)

enum
{
  PROP_VERSION = 1,
  PROP_N_SERVERS,
  PROP_PRESETS,
  N_PROPS,
};

static GParamSpec *props[N_PROPS] = { NULL };

enum
{
  SIGNAL_SERVER_ADDED,
  SIGNAL_SERVER_REMOVED,
  SIGNAL_STOPPED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS] = { 0 };

static void
tell_if_stopped (SondedDaemon *self)
{
  if (sonded_daemon_is_stopped (self))
    g_signal_emit (self, signals[SIGNAL_STOPPED], 0);
}

static void
state_changed_cb (SondeServer  *server,
                  GParamSpec   *pspec,
                  SondedDaemon *self)
{
  if (sonde_server_get_state (server) == SONDE_SERVER_STATE_STOPPED)
    g_ptr_array_remove (self->leaving, server);
  tell_if_stopped (self);
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

  g_hash_table_insert (self->servers,
                       g_strdup (sonde_server_get_name (server)),
                       g_object_ref (server));
  g_signal_emit (self, signals[SIGNAL_SERVER_ADDED], 0, server);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_N_SERVERS]);
  g_message ("Server %s listens on %s", sonde_server_get_name (server), addresses);
}

/* Stops a server that is in neither table any more, and takes it. */
static void
let_go (SondedDaemon *self,
        SondeServer  *server)
{
  g_autoptr (SondeServer) owned = server;

  g_message ("Server %s is removed", sonde_server_get_name (owned));

  /* It may be stopped before sonde_server_stop() returns; then nobody else
   * would take it off the list. */
  g_ptr_array_add (self->leaving, g_object_ref (owned));
  sonde_server_stop (owned);
  if (sonde_server_get_state (owned) == SONDE_SERVER_STATE_STOPPED)
    g_ptr_array_remove (self->leaving, owned);
}

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
  tell_if_stopped (self);
}

static void
start_server (SondedDaemon *self,
              SondeServer  *server,
              GTask        *task)
{
  g_signal_connect_object (server,
                           "notify::state",
                           G_CALLBACK (state_changed_cb),
                           self,
                           G_CONNECT_DEFAULT);
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

  if (server == NULL ||
      (listen_fds != NULL && !sonde_server_set_listen_fds (server,
                                                           (const int *) (void *) listen_fds->data,
                                                           listen_fds->len,
                                                           error)))
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

static void
drop_server (SondedDaemon *self,
             SondeServer  *server)
{
  g_object_ref (server);
  g_hash_table_remove (self->servers, sonde_server_get_name (server));
  g_signal_emit (self, signals[SIGNAL_SERVER_REMOVED], 0, server);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_N_SERVERS]);
  let_go (self, server);
}

static void
drop_starting (SondedDaemon *self,
               SondeServer  *server)
{
  g_object_ref (server);
  g_hash_table_remove (self->starting, sonde_server_get_name (server));
  let_go (self, server);
}

/*
 * sonded_daemon_get_server:
 * @self: a daemon
 * @name: a name
 * @error: where to put an error
 *
 * Finds a server.
 *
 * Returns: (transfer none): the server
 */
SondeServer *
sonded_daemon_get_server (SondedDaemon *self,
                          const char   *name,
                          GError      **error)
{
  SondeServer *server = g_hash_table_lookup (self->servers, name);

  if (server == NULL)
    {
      g_autofree char *excerpt = sonde_error_excerpt (name);

      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_NO_SUCH_SERVER,
                   "There is no server named %s",
                   excerpt);
    }

  return server;
}

/*
 * sonded_daemon_remove_server:
 * @self: a daemon
 * @name: a name
 * @error: where to put an error
 *
 * Removes a server; its connections finish on their own. One that does not
 * listen yet never will.
 */
gboolean
sonded_daemon_remove_server (SondedDaemon *self,
                             const char   *name,
                             GError      **error)
{
  SondeServer *server = g_hash_table_lookup (self->starting, name);

  if (server != NULL)
    {
      drop_starting (self, server);
      return TRUE;
    }

  server = sonded_daemon_get_server (self, name, error);
  if (server == NULL)
    return FALSE;
  drop_server (self, server);

  return TRUE;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return g_strcmp0 (sonde_server_get_name ((gpointer) a), sonde_server_get_name ((gpointer) b));
}

/*
 * sonded_daemon_list_servers:
 * @self: a daemon
 *
 * Lists the servers by name.
 *
 * Returns: (transfer container) (element-type SondeServer): the servers
 */
GList *
sonded_daemon_list_servers (SondedDaemon *self)
{
  return g_list_sort (g_hash_table_get_values (self->servers), compare_names);
}

/*
 * sonded_daemon_get_n_connections:
 * @self: a daemon
 *
 * Counts the open connections of all servers, removed ones among them.
 */
guint
sonded_daemon_get_n_connections (SondedDaemon *self)
{
  GHashTableIter iter;
  gpointer       server;
  guint          n = 0;

  g_hash_table_iter_init (&iter, self->servers);
  while (g_hash_table_iter_next (&iter, NULL, &server))
    n += sonde_server_get_n_connections (server);
  for (guint i = 0; i < self->leaving->len; i++)
    n += sonde_server_get_n_connections (self->leaving->pdata[i]);

  return n;
}

/*
 * sonded_daemon_stop:
 * @self: a daemon
 *
 * Removes all servers; `stopped` is emitted when the last one is done.
 */
void
sonded_daemon_stop (SondedDaemon *self)
{
  g_autoptr (GList) servers = g_hash_table_get_values (self->servers);
  g_autoptr (GList) starting = g_hash_table_get_values (self->starting);

  self->stopping = TRUE;
  for (GList *l = servers; l != NULL; l = l->next)
    drop_server (self, l->data);
  for (GList *l = starting; l != NULL; l = l->next)
    drop_starting (self, l->data);
  tell_if_stopped (self);
}

/*
 * sonded_daemon_is_stopped:
 * @self: a daemon
 *
 * Checks whether there is no server any more.
 */
gboolean
sonded_daemon_is_stopped (SondedDaemon *self)
{
  return g_hash_table_size (self->servers) == 0 && self->leaving->len == 0 && self->n_starts == 0;
}

static void
sonded_daemon_get_property (GObject    *object,
                            guint       property_id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  SondedDaemon *self = SONDED_DAEMON (object);

  switch (property_id)
    {
    case PROP_VERSION:
      g_value_set_static_string (value, PACKAGE_VERSION);
      break;
    case PROP_N_SERVERS:
      g_value_set_uint (value, g_hash_table_size (self->servers));
      break;
    case PROP_PRESETS:
      g_value_set_boxed (value, sonde_settings_list_presets ());
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
sonded_daemon_finalize (GObject *object)
{
  SondedDaemon *self = SONDED_DAEMON (object);

  g_hash_table_unref (self->servers);
  g_hash_table_unref (self->starting);
  g_ptr_array_unref (self->leaving);

  G_OBJECT_CLASS (sonded_daemon_parent_class)->finalize (object);
}

static guint
new_signal (const char *name,
            guint       n_params)
{
  return g_signal_new (name,
                       SONDED_TYPE_DAEMON,
                       G_SIGNAL_RUN_LAST,
                       0,
                       NULL,
                       NULL,
                       NULL,
                       G_TYPE_NONE,
                       n_params,
                       SONDE_TYPE_SERVER);
}

static void
sonded_daemon_class_init (SondedDaemonClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = sonded_daemon_get_property;
  object_class->finalize = sonded_daemon_finalize;

  props[PROP_VERSION] = g_param_spec_string ("version", NULL, NULL, NULL, flags);
  props[PROP_N_SERVERS] = g_param_spec_uint ("n-servers", NULL, NULL, 0, G_MAXUINT, 0, flags);
  props[PROP_PRESETS] = g_param_spec_boxed ("presets", NULL, NULL, G_TYPE_STRV, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);

  signals[SIGNAL_SERVER_ADDED] = new_signal ("server-added", 1);
  signals[SIGNAL_SERVER_REMOVED] = new_signal ("server-removed", 1);
  signals[SIGNAL_STOPPED] = new_signal ("stopped", 0);
}

static void
sonded_daemon_init (SondedDaemon *self)
{
  self->servers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->starting = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->leaving = g_ptr_array_new_with_free_func (g_object_unref);
}

/*
 * sonded_daemon_new:
 *
 * Makes a daemon without servers.
 */
SondedDaemon *
sonded_daemon_new (void)
{
  return g_object_new (SONDED_TYPE_DAEMON, NULL);
}
