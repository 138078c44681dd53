/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Calls are made without proxies: one of those asks the bus who owns the name, starts
 * it, and reads all properties, before it does what it was made for. */

#include "config.h"

#include "sondectl-bus.h"

#include <glib/gi18n.h>
#include <string.h>

#include "sondectl-remote.h"

#include <libsonde/sonde.h>

#define CONNECTION_FLAGS                           \
  (G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | \
   G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION)

#define INTERFACE_PREFIX SONDECTL_BUS_NAME "."
#define DEFAULT_TIMEOUT -1

/* Somebody may have to type a password, and a server may take its time to stop. */
#define NO_TIMEOUT G_MAXINT

static char *
describe_bus (SondectlContext *context)
{
  if (context->host != NULL)
    return g_strdup (context->host);
  if (context->address != NULL)
    return g_strdup (context->address);

  return g_strdup (context->bus_type == G_BUS_TYPE_SYSTEM ? _ ("the system bus")
                                                          : _ ("the session bus"));
}

static void
set_no_daemon_error (SondectlContext *context,
                     const char      *cause,
                     GError         **error)
{
  g_autofree char *bus = describe_bus (context);

  if (cause == NULL)
    g_set_error (error,
                 G_DBUS_ERROR,
                 G_DBUS_ERROR_NO_SERVER,
                 _ ("no daemon answers on %s"),
                 bus);
  else
    g_set_error (error,
                 G_DBUS_ERROR,
                 G_DBUS_ERROR_NO_SERVER,
                 _ ("no daemon answers on %s (%s)"),
                 bus,
                 cause);
}

static gboolean
is_no_daemon (const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return TRUE;
  if (error->domain != G_DBUS_ERROR)
    return FALSE;

  switch (error->code)
    {
    case G_DBUS_ERROR_SERVICE_UNKNOWN:
    case G_DBUS_ERROR_NAME_HAS_NO_OWNER:
    case G_DBUS_ERROR_NO_REPLY:
    case G_DBUS_ERROR_DISCONNECTED:
      return TRUE;
    default:
      return error->code >= G_DBUS_ERROR_SPAWN_EXEC_FAILED &&
             error->code <= G_DBUS_ERROR_SPAWN_NO_MEMORY;
    }
}

/*
 * sondectl_bus_explain_error:
 * @context: which bus was used
 * @error: (inout): why a call failed
 *
 * Replaces the error by %G_DBUS_ERROR_NO_SERVER where it means that no daemon is there.
 */
void
sondectl_bus_explain_error (SondectlContext *context,
                            GError         **error)
{
  g_autoptr (GError) cause = NULL;

  if (error == NULL || *error == NULL || !is_no_daemon (*error))
    return;

  cause = g_steal_pointer (error);
  g_dbus_error_strip_remote_error (cause);
  set_no_daemon_error (context,
                       g_error_matches (cause, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN)
                         ? NULL
                         : cause->message,
                       error);
}

/*
 * sondectl_bus_open:
 * @address: where a bus is
 * @error: why it failed
 *
 * Connects to a bus. The connection is our own: the shared one ends the process with the
 * bus.
 *
 * Returns: (transfer full): the connection
 */
GDBusConnection *
sondectl_bus_open (const char *address,
                   GError    **error)
{
  return g_dbus_connection_new_for_address_sync (address, CONNECTION_FLAGS, NULL, NULL, error);
}

static GDBusConnection *
open_bus (SondectlContext *context,
          GError         **error)
{
  g_autofree char *address = g_strdup (context->address);

  if (context->host != NULL)
    {
      g_autoptr (GIOStream) stream = sondectl_remote_open (context, error);

      if (stream == NULL)
        return NULL;

      return g_dbus_connection_new_sync (stream, NULL, CONNECTION_FLAGS, NULL, NULL, error);
    }

  if (address == NULL)
    address = g_dbus_address_get_for_bus_sync (context->bus_type, NULL, error);

  return address != NULL ? sondectl_bus_open (address, error) : NULL;
}

/*
 * sondectl_bus_connect:
 * @context: which bus to use
 * @error: what is in the way
 *
 * Connects to the bus, once. Whether the daemon is there, or is started, the first call
 * tells. Where the bus cannot be had the error is %G_DBUS_ERROR_NO_SERVER.
 *
 * Returns: (transfer full): the connection
 */
GDBusConnection *
sondectl_bus_connect (SondectlContext *context,
                      GError         **error)
{
  g_autoptr (GError) local_error = NULL;

  if (context->connection != NULL)
    return g_object_ref (context->connection);

  /* From here on errors of the daemon arrive as SondeError. */
  (void) SONDE_ERROR;

  context->connection = open_bus (context, &local_error);
  if (context->connection != NULL)
    return g_object_ref (context->connection);

  g_dbus_error_strip_remote_error (local_error);
  if (g_error_matches (local_error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    set_no_daemon_error (context, local_error->message, error);

  return NULL;
}

/* "Server.Stop" is short for "org.sonde.Sonde1.Server.Stop". */
static char *
dup_interface (const char  *method,
               const char **member)
{
  const char      *dot = strrchr (method, '.');
  g_autofree char *interface = g_strndup (method, (gsize) (dot - method));

  *member = dot + 1;
  if (strchr (interface, '.') != NULL)
    return g_steal_pointer (&interface);

  return g_strconcat (INTERFACE_PREFIX, interface, NULL);
}

static GVariant *
call (SondectlContext *context,
      const char      *path,
      const char      *method,
      GVariant        *parameters,
      const char      *reply_type,
      GDBusCallFlags   flags,
      int              timeout,
      GError         **error)
{
  g_autoptr (GVariant) sunk = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  g_autoptr (GDBusConnection) connection = sondectl_bus_connect (context, error);
  const char      *member = NULL;
  g_autofree char *interface = dup_interface (method, &member);
  GVariant        *reply = NULL;

  if (connection == NULL)
    return NULL;

  reply = g_dbus_connection_call_sync (connection,
                                       SONDECTL_BUS_NAME,
                                       path,
                                       interface,
                                       member,
                                       sunk,
                                       G_VARIANT_TYPE (reply_type),
                                       flags,
                                       timeout,
                                       NULL,
                                       error);
  if (reply == NULL)
    sondectl_bus_explain_error (context, error);

  return reply;
}

/*
 * sondectl_bus_read:
 * @context: which bus to use
 * @path: an object of the daemon
 * @method: interface and method, `Server.ListConnections`
 * @parameters: (nullable): a tuple, sunk if it is floating
 * @reply_type: the type of the reply, a tuple
 * @error: why it failed
 *
 * Calls a method that changes nothing.
 *
 * Returns: (transfer full): the reply
 */
GVariant *
sondectl_bus_read (SondectlContext *context,
                   const char      *path,
                   const char      *method,
                   GVariant        *parameters,
                   const char      *reply_type,
                   GError         **error)
{
  return call (context,
               path,
               method,
               parameters,
               reply_type,
               G_DBUS_CALL_FLAGS_NONE,
               DEFAULT_TIMEOUT,
               error);
}

/*
 * sondectl_bus_change:
 * @context: which bus to use, and whether the user may be asked for a password
 * @path: an object of the daemon
 * @method: interface and method, `Server.Stop`
 * @parameters: (nullable): a tuple, sunk if it is floating
 * @reply_type: the type of the reply, a tuple
 * @error: why it failed
 *
 * Calls a method that needs authorisation, or takes its time, or both.
 *
 * Returns: (transfer full): the reply
 */
GVariant *
sondectl_bus_change (SondectlContext *context,
                     const char      *path,
                     const char      *method,
                     GVariant        *parameters,
                     const char      *reply_type,
                     GError         **error)
{
  const GDBusCallFlags flags = context->interactive
                                 ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
                                 : G_DBUS_CALL_FLAGS_NONE;

  return call (context, path, method, parameters, reply_type, flags, NO_TIMEOUT, error);
}

/* Calls that are on their way at the same time. */
typedef struct
{
  GVariantDict values;
  guint        n_pending;
  GError      *error; /* (owned) (nullable): the first one */
} Batch;

static void
get_all_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Batch *batch = user_data;
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariantIter) iter = NULL;
  const char *name;
  GVariant   *value;

  batch->n_pending--;
  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &local_error);
  if (reply == NULL)
    {
      if (batch->error == NULL)
        batch->error = g_steal_pointer (&local_error);
      return;
    }

  g_variant_get (reply, "(a{sv})", &iter);
  while (g_variant_iter_next (iter, "{&sv}", &name, &value))
    {
      g_variant_dict_insert_value (&batch->values, name, value);
      g_variant_unref (value);
    }
}

static void
get_all (GDBusConnection *connection,
         const char      *path,
         const char      *interface,
         Batch           *batch)
{
  g_autofree char *full_name = g_strconcat (INTERFACE_PREFIX, interface, NULL);

  batch->n_pending++;
  g_dbus_connection_call (connection,
                          SONDECTL_BUS_NAME,
                          path,
                          SONDECTL_PROPERTIES,
                          "GetAll",
                          g_variant_new ("(s)", full_name),
                          G_VARIANT_TYPE ("(a{sv})"),
                          G_DBUS_CALL_FLAGS_NONE,
                          DEFAULT_TIMEOUT,
                          NULL,
                          get_all_cb,
                          batch);
}

/*
 * sondectl_bus_get_properties:
 * @context: which bus to use
 * @path: an object of the daemon
 * @interfaces: (array zero-terminated=1): such as `Server`
 * @error: why it failed
 *
 * Reads all properties of several interfaces in the time of one round trip.
 *
 * Returns: (transfer full): an `a{sv}`
 */
GVariant *
sondectl_bus_get_properties (SondectlContext   *context,
                             const char        *path,
                             const char *const *interfaces,
                             GError           **error)
{
  g_autoptr (GDBusConnection) connection = sondectl_bus_connect (context, error);
  g_autoptr (GVariant) values = NULL;
  Batch batch = { .n_pending = 0 };

  if (connection == NULL)
    return NULL;

  g_variant_dict_init (&batch.values, NULL);
  for (gsize i = 0; interfaces[i] != NULL; i++)
    get_all (connection, path, interfaces[i], &batch);
  while (batch.n_pending > 0)
    g_main_context_iteration (NULL, TRUE);

  values = g_variant_ref_sink (g_variant_dict_end (&batch.values));
  if (batch.error == NULL)
    return g_steal_pointer (&values);

  sondectl_bus_explain_error (context, &batch.error);
  g_propagate_error (error, batch.error);

  return NULL;
}
