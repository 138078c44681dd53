/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-bus.h"

#include <glib/gi18n.h>

#include <libsonde/sonde.h>

#define CALLS_ONLY \
  (G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES | G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS)

static GDBusConnection *
open_bus (SondectlContext *context,
          GError         **error)
{
  const GDBusConnectionFlags flags = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                     G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION;
  g_autofree char *address = g_strdup (context->address);

  if (address == NULL)
    address = g_dbus_address_get_for_bus_sync (context->bus_type, NULL, error);
  if (address == NULL)
    return NULL;

  /* A connection of our own: the shared one ends the process with the bus. */
  return g_dbus_connection_new_for_address_sync (address, flags, NULL, NULL, error);
}

static const char *
describe_bus (SondectlContext *context)
{
  if (context->address != NULL)
    return context->address;

  return context->bus_type == G_BUS_TYPE_SYSTEM ? _ ("the system bus") : _ ("the session bus");
}

static gboolean
call_bus (GDBusConnection *connection,
          const char      *method,
          GVariant        *parameters,
          GError         **error)
{
  g_autoptr (GVariant) reply = NULL;

  reply = g_dbus_connection_call_sync (connection,
                                       "org.freedesktop.DBus",
                                       "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus",
                                       method,
                                       parameters,
                                       NULL,
                                       G_DBUS_CALL_FLAGS_NONE,
                                       -1,
                                       NULL,
                                       error);

  return reply != NULL;
}

static gboolean
ensure_daemon (GDBusConnection *connection,
               GError         **error)
{
  GVariant *name = g_variant_new ("(s)", SONDECTL_BUS_NAME);

  if (call_bus (connection, "GetNameOwner", name, NULL))
    return TRUE;

  return call_bus (connection,
                   "StartServiceByName",
                   g_variant_new ("(su)", SONDECTL_BUS_NAME, 0),
                   error);
}

static void
set_no_daemon_error (SondectlContext *context,
                     GError          *cause,
                     GError         **error)
{
  if (g_error_matches (cause, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN))
    g_set_error (error,
                 G_DBUS_ERROR,
                 G_DBUS_ERROR_NO_SERVER,
                 _ ("no daemon answers on %s"),
                 describe_bus (context));
  else
    g_set_error (error,
                 G_DBUS_ERROR,
                 G_DBUS_ERROR_NO_SERVER,
                 _ ("no daemon answers on %s (%s)"),
                 describe_bus (context),
                 cause->message);
}

/*
 * sondectl_bus_connect:
 * @context: which bus to use
 * @error: what is in the way
 *
 * Connects to the bus, and makes sure that the daemon is there or is started.
 * Where either cannot be had the error is %G_DBUS_ERROR_NO_SERVER.
 *
 * Returns: (transfer full): a connection of our own
 */
GDBusConnection *
sondectl_bus_connect (SondectlContext *context,
                      GError         **error)
{
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GError) local_error = NULL;

  /* From here on errors of the daemon arrive as SondeError. */
  g_type_ensure (G_TYPE_DBUS_CONNECTION);
  (void) SONDE_ERROR;

  connection = open_bus (context, &local_error);
  if (connection != NULL && ensure_daemon (connection, &local_error))
    return g_steal_pointer (&connection);

  g_dbus_error_strip_remote_error (local_error);
  if (g_error_matches (local_error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    set_no_daemon_error (context, local_error, error);

  return NULL;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  SondeDBusServer *server_a = sonde_dbus_object_peek_server (*(SondeDBusObject **) a);
  SondeDBusServer *server_b = sonde_dbus_object_peek_server (*(SondeDBusObject **) b);

  return g_strcmp0 (sonde_dbus_server_get_name (server_a),
                    sonde_dbus_server_get_name (server_b));
}

static gboolean
is_complete (SondeDBusObject *object)
{
  return sonde_dbus_object_peek_server (object) != NULL &&
         sonde_dbus_object_peek_statistics (object) != NULL;
}

static GPtrArray *
list_all (GDBusConnection *connection,
          GError         **error)
{
  g_autoptr (GPtrArray) servers = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GDBusObjectManager) manager = NULL;
  g_autolist (GDBusObject) objects = NULL;

  manager = sonde_dbus_object_manager_client_new_sync (connection,
                                                       G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE,
                                                       SONDECTL_BUS_NAME,
                                                       SONDECTL_ROOT_PATH,
                                                       NULL,
                                                       error);
  if (manager == NULL)
    return NULL;

  objects = g_dbus_object_manager_get_objects (manager);
  for (GList *l = objects; l != NULL; l = l->next)
    {
      if (is_complete (l->data))
        g_ptr_array_add (servers, g_object_ref (l->data));
    }
  g_ptr_array_sort (servers, compare_names);

  return g_steal_pointer (&servers);
}

static SondeDBusObject *
find_server (GPtrArray  *servers,
             const char *name,
             GError    **error)
{
  for (guint i = 0; i < servers->len; i++)
    {
      SondeDBusObject *object = servers->pdata[i];

      if (g_str_equal (sonde_dbus_server_get_name (sonde_dbus_object_peek_server (object)),
                       name))
        return object;
    }

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_NO_SUCH_SERVER,
               _ ("there is no server '%s'"),
               name);

  return NULL;
}

/*
 * sondectl_bus_list_servers:
 * @connection: where the daemon is
 * @names: (nullable): which servers, or %NULL or none for all of them
 * @error: why it failed
 *
 * Gets servers with all their properties, in a single round trip.
 *
 * Returns: (transfer full) (element-type SondeDBusObject): the servers, those asked
 *   for in the order of @names, all sorted by name
 */
GPtrArray *
sondectl_bus_list_servers (GDBusConnection   *connection,
                           const char *const *names,
                           GError           **error)
{
  g_autoptr (GPtrArray) servers = list_all (connection, error);
  g_autoptr (GPtrArray) found = NULL;

  if (servers == NULL || names == NULL || names[0] == NULL)
    return g_steal_pointer (&servers);

  found = g_ptr_array_new_with_free_func (g_object_unref);
  for (gsize i = 0; names[i] != NULL; i++)
    {
      SondeDBusObject *object = find_server (servers, names[i], error);

      if (object == NULL)
        return NULL;
      g_ptr_array_add (found, g_object_ref (object));
    }

  return g_steal_pointer (&found);
}

/*
 * sondectl_bus_get_manager:
 * @connection: where the daemon is
 * @error: why it failed
 *
 * Makes a proxy of the root object, with its properties.
 *
 * Returns: (transfer full): a proxy
 */
SondeDBusManager *
sondectl_bus_get_manager (GDBusConnection *connection,
                          GError         **error)
{
  return sonde_dbus_manager_proxy_new_sync (connection,
                                            G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS,
                                            SONDECTL_BUS_NAME,
                                            SONDECTL_ROOT_PATH,
                                            NULL,
                                            error);
}

/*
 * sondectl_bus_get_kernel_limits:
 * @connection: where the daemon is
 * @error: why it failed
 *
 * Makes a proxy of what the kernel allows, with its properties.
 *
 * Returns: (transfer full): a proxy
 */
SondeDBusKernelLimits *
sondectl_bus_get_kernel_limits (GDBusConnection *connection,
                                GError         **error)
{
  return sonde_dbus_kernel_limits_proxy_new_sync (connection,
                                                  G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS,
                                                  SONDECTL_BUS_NAME,
                                                  SONDECTL_ROOT_PATH,
                                                  NULL,
                                                  error);
}

static char *
get_path (GDBusConnection *connection,
          const char      *name,
          GError         **error)
{
  g_autoptr (SondeDBusManager) manager = NULL;
  g_autofree char *path = NULL;

  manager = sonde_dbus_manager_proxy_new_sync (connection,
                                               CALLS_ONLY,
                                               SONDECTL_BUS_NAME,
                                               SONDECTL_ROOT_PATH,
                                               NULL,
                                               error);
  if (manager == NULL)
    return NULL;
  if (!sonde_dbus_manager_call_get_server_sync (manager,
                                                name,
                                                G_DBUS_CALL_FLAGS_NONE,
                                                -1,
                                                &path,
                                                NULL,
                                                error))
    return NULL;

  return g_steal_pointer (&path);
}

/*
 * sondectl_bus_get_server:
 * @connection: where the daemon is
 * @name: the name of a server
 * @error: why it failed
 *
 * Makes a proxy of a server that is there to be called: it has no properties.
 *
 * Returns: (transfer full): a proxy
 */
SondeDBusServer *
sondectl_bus_get_server (GDBusConnection *connection,
                         const char      *name,
                         GError         **error)
{
  g_autofree char *path = get_path (connection, name, error);

  if (path == NULL)
    return NULL;

  return sonde_dbus_server_proxy_new_sync (connection,
                                           CALLS_ONLY,
                                           SONDECTL_BUS_NAME,
                                           path,
                                           NULL,
                                           error);
}

/*
 * sondectl_bus_get_socket_options:
 * @connection: where the daemon is
 * @name: the name of a server
 * @error: why it failed
 *
 * Makes a proxy of the socket options of a server; it has no properties either.
 *
 * Returns: (transfer full): a proxy
 */
SondeDBusSocketOptions *
sondectl_bus_get_socket_options (GDBusConnection *connection,
                                 const char      *name,
                                 GError         **error)
{
  g_autofree char *path = get_path (connection, name, error);

  if (path == NULL)
    return NULL;

  return sonde_dbus_socket_options_proxy_new_sync (connection,
                                                   CALLS_ONLY,
                                                   SONDECTL_BUS_NAME,
                                                   path,
                                                   NULL,
                                                   error);
}

/*
 * sondectl_bus_reload_server:
 * @server: a proxy of a server
 * @error: why it failed
 *
 * Makes another proxy of the server, with the properties that it has at this moment.
 *
 * Returns: (transfer full): a proxy
 */
SondeDBusServer *
sondectl_bus_reload_server (SondeDBusServer *server,
                            GError         **error)
{
  GDBusProxy *proxy = G_DBUS_PROXY (server);

  return sonde_dbus_server_proxy_new_sync (g_dbus_proxy_get_connection (proxy),
                                           G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS,
                                           SONDECTL_BUS_NAME,
                                           g_dbus_proxy_get_object_path (proxy),
                                           NULL,
                                           error);
}
