/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The daemon on the bus. The connection is our own, not the one of
 * g_bus_get(), which would end the process with the bus: TCP is not to notice
 * when the bus goes, and the daemon is back when the bus is. */

#include "config.h"

#include "sonded-bus.h"

#include "sonded-calls.h"
#include "sonded-limits-object.h"
#include "sonded-log-object.h"
#include "sonded-manager-object.h"
#include "sonded-server-object.h"
#include "sonded-wait.h"

#define BUS_NAME "org.sonde.Sonde1"
#define ROOT_PATH "/org/sonde/Sonde1"
#define LOG_PATH "/org/freedesktop/LogControl1"
#define RECONNECT_SECONDS 1

/* What there is beside the servers. */
enum
{
  MANAGER,
  KERNEL_LIMITS,
  LOG_CONTROL,
  N_FIXED,
};

static const char *const fixed_paths[] = { ROOT_PATH, ROOT_PATH, LOG_PATH };

G_STATIC_ASSERT (G_N_ELEMENTS (fixed_paths) == N_FIXED);

struct _SondedBus
{
  GObject parent_instance;

  SondedDaemon             *daemon;         /* (owned) */
  SondeKernelLimits        *limits;         /* (owned) */
  SondedAuthority          *authority;      /* (owned) */
  char                     *address;        /* (owned) */
  GDBusConnection          *connection;     /* (owned) (nullable) */
  GDBusObjectManagerServer *objects;        /* (owned) */
  GDBusInterfaceSkeleton   *fixed[N_FIXED]; /* (owned) */
  guint                     name_id;
  guint                     reconnect_id;
};

G_DEFINE_FINAL_TYPE (SondedBus, sonded_bus, G_TYPE_OBJECT)

static void
server_added_cb (SondedDaemon *daemon,
                 SondeServer  *server,
                 SondedBus    *self)
{
  g_autoptr (GDBusObjectSkeleton) object = sonded_server_object_new (server, self->authority);

  g_dbus_object_manager_server_export (self->objects, object);
}

static void
server_removed_cb (SondedDaemon *daemon,
                   SondeServer  *server,
                   SondedBus    *self)
{
  g_autofree char *path = sonded_server_object_dup_path (sonde_server_get_name (server));

  g_dbus_object_manager_server_unexport (self->objects, path);
  sonded_wait_end (server);
}

static gboolean reconnect_cb (gpointer user_data);

static void
withdraw (SondedBus *self)
{
  if (self->connection == NULL)
    return;

  g_clear_handle_id (&self->name_id, g_bus_unown_name);
  g_dbus_object_manager_server_set_connection (self->objects, NULL);
  for (gsize i = 0; i < N_FIXED; i++)
    if (g_dbus_interface_skeleton_has_connection (self->fixed[i], self->connection))
      g_dbus_interface_skeleton_unexport (self->fixed[i]);
  g_signal_handlers_disconnect_by_data (self->connection, self);
  g_clear_object (&self->connection);
}

static void
closed_cb (GDBusConnection *connection,
           gboolean         remote_peer_vanished,
           GError          *error,
           SondedBus       *self)
{
  g_message ("The bus is gone; serving on, and trying to come back every %d s", RECONNECT_SECONDS);
  withdraw (self);
  self->reconnect_id = g_timeout_add_seconds (RECONNECT_SECONDS, reconnect_cb, self);
}

static void
name_acquired_cb (GDBusConnection *connection,
                  const char      *name,
                  gpointer         user_data)
{
  g_message ("Owning %s", name);
}

static void
name_lost_cb (GDBusConnection *connection,
              const char      *name,
              gpointer         user_data)
{
  if (connection != NULL && !g_dbus_connection_is_closed (connection))
    g_message ("%s belongs to somebody else; serving on, and waiting for it", name);
}

static gboolean export(SondedBus *self,
                       GError   **error)
{
  for (gsize i = 0; i < N_FIXED; i++)
    if (!g_dbus_interface_skeleton_export (self->fixed[i], self->connection, fixed_paths[i], error))
      return FALSE;
  g_dbus_object_manager_server_set_connection (self->objects, self->connection);

  return TRUE;
}

/* Whoever sees the name sees the objects: they are exported first. */
static gboolean
take_connection (SondedBus       *self,
                 GDBusConnection *connection,
                 GError         **error)
{
  /* Then `closed` may have been emitted already. */
  if (g_dbus_connection_is_closed (connection))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The connection is closed");
      return FALSE;
    }

  self->connection = g_object_ref (connection);
  g_dbus_connection_set_exit_on_close (connection, FALSE);
  g_signal_connect (connection, "closed", G_CALLBACK (closed_cb), self);
  sonded_calls_limit (connection);
  if (!export(self, error))
    {
      withdraw (self);
      return FALSE;
    }
  self->name_id = g_bus_own_name_on_connection (connection,
                                                BUS_NAME,
                                                G_BUS_NAME_OWNER_FLAGS_NONE,
                                                name_acquired_cb,
                                                name_lost_cb,
                                                self,
                                                NULL);

  return TRUE;
}

#define CONNECTION_FLAGS \
  (G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION)

static void
connected_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  SondedBus *self = g_task_get_source_object (task);
  GError    *error = NULL;
  g_autoptr (GDBusConnection) connection =
    g_dbus_connection_new_for_address_finish (result, &error);

  if (connection != NULL && take_connection (self, connection, &error))
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  g_prefix_error (&error,
                  "cannot reach the bus at %s (--no-bus serves without one): ",
                  self->address);
  g_task_return_error (task, error);
}

/*
 * sonded_bus_connect_async:
 * @self: a presence
 * @callback: what is called when it is done
 * @user_data: what it is called with
 *
 * Connects to the bus, exports all objects and asks for the name. When the
 * connection is lost later, it is made again.
 */
void
sonded_bus_connect_async (SondedBus          *self,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, sonded_bus_connect_async);
  g_dbus_connection_new_for_address (self->address,
                                     CONNECTION_FLAGS,
                                     NULL,
                                     NULL,
                                     connected_cb,
                                     task);
}

/*
 * sonded_bus_connect_finish:
 * @self: a presence
 * @result: what the callback got
 * @error: where to put an error
 *
 * Ends sonded_bus_connect_async().
 */
gboolean
sonded_bus_connect_finish (SondedBus    *self,
                           GAsyncResult *result,
                           GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
reconnected_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  SondedBus *self = SONDED_BUS (source);
  g_autoptr (GError) local_error = NULL;

  if (sonded_bus_connect_finish (self, result, &local_error))
    return;

  g_debug ("Could not come back to the bus: %s", local_error->message);
  self->reconnect_id = g_timeout_add_seconds (RECONNECT_SECONDS, reconnect_cb, self);
}

static gboolean
reconnect_cb (gpointer user_data)
{
  SondedBus *self = user_data;

  self->reconnect_id = 0;
  sonded_bus_connect_async (self, reconnected_cb, NULL);

  return G_SOURCE_REMOVE;
}

static void
sonded_bus_finalize (GObject *object)
{
  SondedBus *self = SONDED_BUS (object);

  g_clear_handle_id (&self->reconnect_id, g_source_remove);
  withdraw (self);
  for (gsize i = 0; i < N_FIXED; i++)
    g_clear_object (&self->fixed[i]);
  g_clear_object (&self->objects);
  g_clear_object (&self->authority);
  g_clear_object (&self->limits);
  g_clear_object (&self->daemon);
  g_free (self->address);

  G_OBJECT_CLASS (sonded_bus_parent_class)->finalize (object);
}

static void
sonded_bus_class_init (SondedBusClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = sonded_bus_finalize;
}

static void
sonded_bus_init (SondedBus *self)
{
  self->limits = sonde_kernel_limits_new ();
  self->objects = g_dbus_object_manager_server_new (ROOT_PATH);
}

/*
 * sonded_bus_new:
 * @daemon: the daemon
 * @provision: what reads its configuration, which outlives the presence
 * @log: what it logs
 * @address: the D-Bus address of a message bus
 * @system_bus: whether it is a system bus, where callers may be strangers
 *
 * Makes the daemon's presence on a bus, not connected yet.
 */
SondedBus *
sonded_bus_new (SondedDaemon    *daemon,
                SondedProvision *provision,
                SondedLog       *log,
                const char      *address,
                gboolean         system_bus)
{
  SondedBus *self = g_object_new (SONDED_TYPE_BUS, NULL);

  self->daemon = g_object_ref (daemon);
  self->address = g_strdup (address);
  self->authority = sonded_authority_new (system_bus);
  self->fixed[MANAGER] = sonded_manager_object_new (daemon, provision, self->authority);
  self->fixed[KERNEL_LIMITS] = sonded_limits_object_new (self->limits, self->authority);
  self->fixed[LOG_CONTROL] = sonded_log_object_new (log, daemon, self->authority);
  g_signal_connect_object (daemon,
                           "server-added",
                           G_CALLBACK (server_added_cb),
                           self,
                           G_CONNECT_DEFAULT);
  g_signal_connect_object (daemon,
                           "server-removed",
                           G_CALLBACK (server_removed_cb),
                           self,
                           G_CONNECT_DEFAULT);

  return self;
}
