/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Servers come and go by the signals of the object manager. Their counters are asked for,
 * of those servers only that are on the screen, and never again before they answered:
 * a daemon that is slow is not made slower. */

#include "config.h"

#include "sondectl-top-model.h"

#include "sondectl-bus.h"

typedef struct
{
  SondectlTopModel *model; /* (unowned), not to be used once cancelled */
  char             *path;  /* (owned) */
} Call;

static void
call_free (Call *call)
{
  g_free (call->path);
  g_free (call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

static void
server_free (gpointer user_data)
{
  SondectlTopServer *server = user_data;

  g_free (server->path);
  g_free (server->name);
  g_free (server->state);
  g_free (server);
}

static gboolean
has_path (gconstpointer server,
          gconstpointer path)
{
  return g_str_equal (((const SondectlTopServer *) server)->path, path);
}

static SondectlTopServer *
find_server (SondectlTopModel *self,
             const char       *path)
{
  guint i;

  return g_ptr_array_find_with_equal_func (self->servers, path, has_path, &i)
           ? self->servers->pdata[i]
           : NULL;
}

static int
compare (gconstpointer a,
         gconstpointer b,
         gpointer      user_data)
{
  const SondectlTopServer *server_a = *(SondectlTopServer *const *) a;
  const SondectlTopServer *server_b = *(SondectlTopServer *const *) b;
  const SondectlTopModel  *self = user_data;
  double                   more = 0;

  if (self->order == SONDECTL_TOP_BY_CONNECTIONS)
    more = (double) server_b->n_connections - (double) server_a->n_connections;
  else if (self->order == SONDECTL_TOP_BY_TRAFFIC)
    more = sondectl_history_get (&server_b->traffic, 0) -
           sondectl_history_get (&server_a->traffic, 0);
  if (more != 0)
    return more > 0 ? 1 : -1;

  return g_strcmp0 (server_a->name, server_b->name);
}

/* What was known of a server, or nothing of a new one. */
static SondectlTopServer *
steal_server (GPtrArray  *servers,
              const char *path)
{
  SondectlTopServer *server = NULL;
  guint              i;

  if (g_ptr_array_find_with_equal_func (servers, path, has_path, &i))
    return g_ptr_array_steal_index_fast (servers, i);

  server = g_new0 (SondectlTopServer, 1);
  server->path = g_strdup (path);

  return server;
}

static void
take_property (char      **text,
               GDBusProxy *proxy,
               const char *name)
{
  g_autoptr (GVariant) value = g_dbus_proxy_get_cached_property (proxy, name);

  g_free (*text);
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    *text = g_variant_dup_string (value, NULL);
  else
    *text = g_strdup ("?");
}

static void
take_servers (SondectlTopModel *self)
{
  g_autoptr (GPtrArray) before = g_steal_pointer (&self->servers);
  g_autolist (GDBusObject) objects = g_dbus_object_manager_get_objects (self->manager);

  self->servers = g_ptr_array_new_with_free_func (server_free);
  for (GList *l = objects; l != NULL; l = l->next)
    {
      const char *path = g_dbus_object_get_object_path (l->data);
      g_autoptr (GDBusInterface) proxy = g_dbus_object_get_interface (l->data, SONDECTL_SERVER);
      SondectlTopServer *server = NULL;

      if (proxy == NULL)
        continue;

      server = steal_server (before, path);
      take_property (&server->name, G_DBUS_PROXY (proxy), "Name");
      take_property (&server->state, G_DBUS_PROXY (proxy), "State");
      g_ptr_array_add (self->servers, server);
    }
  g_ptr_array_sort_with_data (self->servers, compare, self);
}

/* Who called Reset() set the counters back; that is no traffic. */
static double
get_rate (guint64 before,
          guint64 now,
          gint64  usec)
{
  return now > before && usec > 0 ? (double) (now - before) * G_USEC_PER_SEC / (double) usec : 0;
}

static guint64
take_counter (GVariant   *snapshot,
              const char *key,
              guint64     before,
              gint64      usec,
              double     *rate)
{
  guint64 now = before;

  g_variant_lookup (snapshot, key, "t", &now);
  *rate = get_rate (before, now, usec);

  return now;
}

static void
take_snapshot (SondectlTopServer *server,
               GVariant          *snapshot)
{
  const gint64 now = g_get_monotonic_time ();
  const gint64 usec = server->read_at > 0 ? now - server->read_at : 0;

  server->read_at = now;
  g_variant_lookup (snapshot, "NConnections", "u", &server->n_connections);
  g_variant_lookup (snapshot, "AcceptQueueDepth", "u", &server->queue_depth);
  g_variant_lookup (snapshot, "AcceptQueueLimit", "u", &server->queue_limit);
  g_variant_lookup (snapshot, "NRefused", "t", &server->n_refused);
  server->n_accepted =
    take_counter (snapshot, "NAccepted", server->n_accepted, usec, &server->accept_rate);
  server->bytes_received =
    take_counter (snapshot, "BytesReceived", server->bytes_received, usec, &server->receive_rate);
  server->bytes_sent =
    take_counter (snapshot, "BytesSent", server->bytes_sent, usec, &server->send_rate);
  if (usec > 0)
    sondectl_history_add (&server->traffic, server->receive_rate + server->send_rate);
}

static void
finish_round (SondectlTopModel *self)
{
  double traffic = 0;

  for (guint i = 0; i < self->servers->len; i++)
    {
      const SondectlTopServer *server = self->servers->pdata[i];

      traffic += server->receive_rate + server->send_rate;
    }

  self->n_rounds++;
  sondectl_history_add (&self->traffic, traffic);
  sondectl_history_add (&self->connections, self->n_connections);
  g_ptr_array_sort_with_data (self->servers, compare, self);
  self->changed (self->user_data);
}

static void
count_answer (SondectlTopModel *self)
{
  self->n_pending--;
  if (self->n_pending == 0)
    finish_round (self);
}

static void
snapshot_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (Call) call = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  SondectlTopServer *server = NULL;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  /* It may have been removed meanwhile. */
  server = find_server (call->model, call->path);
  if (server != NULL && reply != NULL)
    {
      g_autoptr (GVariant) snapshot = g_variant_get_child_value (reply, 0);

      take_snapshot (server, snapshot);
    }
  count_answer (call->model);
}

static void
connections_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  SondectlTopModel *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) value = NULL;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply != NULL)
    {
      g_variant_get (reply, "(v)", &value);
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
        self->n_connections = g_variant_get_uint32 (value);
    }
  count_answer (self);
}

static GDBusConnection *
get_connection (SondectlTopModel *self)
{
  GDBusObjectManagerClient *client = G_DBUS_OBJECT_MANAGER_CLIENT (self->manager);

  return g_dbus_object_manager_client_get_connection (client);
}

static void
ask_connections (SondectlTopModel *self)
{
  self->n_pending++;
  g_dbus_connection_call (get_connection (self),
                          SONDECTL_BUS_NAME,
                          SONDECTL_ROOT_PATH,
                          SONDECTL_PROPERTIES,
                          "Get",
                          g_variant_new ("(ss)", SONDECTL_MANAGER, "NConnections"),
                          G_VARIANT_TYPE ("(v)"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          -1,
                          self->cancellable,
                          connections_cb,
                          self);
}

static void
ask_snapshot (SondectlTopModel  *self,
              SondectlTopServer *server)
{
  Call *call = g_new0 (Call, 1);

  call->model = self;
  call->path = g_strdup (server->path);
  self->n_pending++;
  g_dbus_connection_call (get_connection (self),
                          SONDECTL_BUS_NAME,
                          server->path,
                          SONDECTL_STATISTICS,
                          "GetSnapshot",
                          NULL,
                          G_VARIANT_TYPE ("(a{sv})"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          -1,
                          self->cancellable,
                          snapshot_cb,
                          call);
}

static gboolean
check_daemon (SondectlTopModel *self,
              GError          **error)
{
  GDBusObjectManagerClient *client = G_DBUS_OBJECT_MANAGER_CLIENT (self->manager);
  g_autofree char          *owner = g_dbus_object_manager_client_get_name_owner (client);

  if (owner != NULL)
    return TRUE;

  g_set_error_literal (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN, "");

  return FALSE;
}

static void
on_name_owner (SondectlTopModel *self)
{
  if (!check_daemon (self, NULL))
    self->gone (self->user_data);
}

static void
on_closed (SondectlTopModel *self)
{
  self->gone (self->user_data);
}

static void
on_servers_changed (SondectlTopModel *self)
{
  take_servers (self);
  self->changed (self->user_data);
}

/*
 * sondectl_top_model_init:
 * @self: (out caller-allocates): a model; whom to call is set before
 * @connection: where the daemon is
 * @error: why it failed
 *
 * Gets the servers there are, and follows them from now on.
 */
gboolean
sondectl_top_model_init (SondectlTopModel *self,
                         GDBusConnection  *connection,
                         GError          **error)
{
  self->servers = g_ptr_array_new_with_free_func (server_free);
  self->cancellable = g_cancellable_new ();
  self->manager = g_dbus_object_manager_client_new_sync (connection,
                                                         G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE,
                                                         SONDECTL_BUS_NAME,
                                                         SONDECTL_ROOT_PATH,
                                                         NULL,
                                                         NULL,
                                                         NULL,
                                                         NULL,
                                                         error);
  if (self->manager == NULL || !check_daemon (self, error))
    return FALSE;

  g_signal_connect_swapped (connection, "closed", G_CALLBACK (on_closed), self);
  g_signal_connect_swapped (self->manager,
                            "notify::name-owner",
                            G_CALLBACK (on_name_owner),
                            self);
  g_signal_connect_swapped (self->manager, "object-added", G_CALLBACK (on_servers_changed), self);
  g_signal_connect_swapped (self->manager, "object-removed", G_CALLBACK (on_servers_changed), self);
  g_signal_connect_swapped (self->manager,
                            "interface-proxy-properties-changed",
                            G_CALLBACK (on_servers_changed),
                            self);
  take_servers (self);

  return TRUE;
}

/*
 * sondectl_top_model_clear:
 * @self: a model
 *
 * Frees what a model holds; answers that are still to come are ignored.
 */
void
sondectl_top_model_clear (SondectlTopModel *self)
{
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  if (self->manager != NULL)
    {
      g_signal_handlers_disconnect_by_data (get_connection (self), self);
      g_signal_handlers_disconnect_by_data (self->manager, self);
    }
  g_clear_object (&self->manager);
  g_clear_pointer (&self->servers, g_ptr_array_unref);
}

/*
 * sondectl_top_model_poll:
 * @self: a model
 * @first: the first server on the screen
 * @count: how many there are on it
 *
 * Asks these servers for their counters, unless they still owe the last answer.
 */
void
sondectl_top_model_poll (SondectlTopModel *self,
                         guint             first,
                         guint             count)
{
  if (self->n_pending > 0)
    return;

  ask_connections (self);
  for (guint i = first; i < self->servers->len && i - first < count; i++)
    ask_snapshot (self, self->servers->pdata[i]);
}

/*
 * sondectl_top_model_sort:
 * @self: a model
 * @order: what comes first
 *
 * Sorts the servers, now and from now on.
 */
void
sondectl_top_model_sort (SondectlTopModel *self,
                         SondectlTopOrder  order)
{
  self->order = order;
  g_ptr_array_sort_with_data (self->servers, compare, self);
}
