/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The servers of the daemon, whoever asked for them. Knows nothing of the bus
 * nor of configuration files. */

#include "config.h"

#include "sonded-daemon-private.h"

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

/*
 * sonded_daemon_tell_if_stopped:
 * @self: a daemon
 *
 * Emits `stopped` if there is no server any more.
 */
void
sonded_daemon_tell_if_stopped (SondedDaemon *self)
{
  if (sonded_daemon_is_stopped (self))
    g_signal_emit (self, signals[SIGNAL_STOPPED], 0);
}

/*
 * sonded_daemon_take_server:
 * @self: a daemon
 * @server: a server that listens
 *
 * Lets a server be found.
 */
void
sonded_daemon_take_server (SondedDaemon *self,
                           SondeServer  *server)
{
  g_hash_table_insert (self->servers,
                       g_strdup (sonde_server_get_name (server)),
                       g_object_ref (server));
  g_signal_emit (self, signals[SIGNAL_SERVER_ADDED], 0, server);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_N_SERVERS]);
}

static void
state_changed_cb (SondeServer  *server,
                  GParamSpec   *pspec,
                  SondedDaemon *self)
{
  if (sonde_server_get_state (server) == SONDE_SERVER_STATE_STOPPED)
    g_ptr_array_remove (self->leaving, server);
  sonded_daemon_tell_if_stopped (self);
}

/* Stops a server that is in neither table any more, and takes it. */
static void
let_go (SondedDaemon *self,
        SondeServer  *server)
{
  g_autoptr (SondeServer) owned = server;

  g_message ("Server %s is removed", sonde_server_get_name (owned));
  g_ptr_array_add (self->leaving, g_object_ref (owned));
  g_signal_connect_object (owned,
                           "notify::state",
                           G_CALLBACK (state_changed_cb),
                           self,
                           G_CONNECT_DEFAULT);
  sonde_server_stop (owned);

  /* One that was stopped all along does not say so again. */
  if (sonde_server_get_state (owned) == SONDE_SERVER_STATE_STOPPED)
    g_ptr_array_remove (self->leaving, owned);
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
  sonded_daemon_tell_if_stopped (self);
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
