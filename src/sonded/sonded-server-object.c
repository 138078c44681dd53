/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* A server on the bus: three interfaces of one object. */

#include "config.h"

#include "sonded-server-object.h"

#include <stdlib.h>
#include <systemd/sd-bus.h>

#include "sonde-dbus.h"
#include "sonded-invalid.h"
#include "sonded-refresh.h"
#include "sonded-reply.h"
#include "sonded-skeleton.h"
#include "sonded-stop.h"
#include "sonded-wait.h"

#define SERVER_PATH_PREFIX "/org/sonde/Sonde1/server"

/*
 * sonded_server_object_dup_path:
 * @name: the name of a server
 *
 * Gets the object path of a server. The name is escaped as systemd does it.
 */
char *
sonded_server_object_dup_path (const char *name)
{
  g_autofree char *path = NULL;
  char            *encoded = NULL;

  if (sd_bus_path_encode (SERVER_PATH_PREFIX, name, &encoded) < 0)
    return NULL;
  path = g_strdup (encoded);
  free (encoded);

  return g_steal_pointer (&path);
}

static void
started_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GError) local_error = NULL;

  sonde_server_start_finish (SONDE_SERVER (source), result, &local_error);
  sonded_reply (user_data, NULL, local_error);
}

static gboolean
handle_start (SondeDBusServer       *skeleton,
              GDBusMethodInvocation *invocation,
              SondeServer           *server)
{
  sonde_server_start_async (server, NULL, started_cb, invocation);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_stop (SondeDBusServer       *skeleton,
             GDBusMethodInvocation *invocation,
             SondeServer           *server)
{
  sonde_server_stop (server);
  sonded_stop_reply_when_stopped (server, invocation);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_drain (SondeDBusServer       *skeleton,
              GDBusMethodInvocation *invocation,
              guint64                timeout_usec,
              SondeServer           *server)
{
  sonde_server_drain (server, timeout_usec);
  sonded_stop_reply_when_stopped (server, invocation);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
relistened_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GError) local_error = NULL;

  sonde_server_relisten_finish (SONDE_SERVER (source), result, &local_error);
  sonded_reply (user_data, NULL, local_error);
}

static gboolean
handle_relisten (SondeDBusServer       *skeleton,
                 GDBusMethodInvocation *invocation,
                 SondeServer           *server)
{
  sonde_server_relisten_async (server, NULL, relistened_cb, invocation);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
get_apply (GVariant   *options,
           SondeApply *apply,
           GError    **error)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (SONDE_TYPE_APPLY);
  const GEnumValue *value = NULL;
  const char       *nick = "all";
  GVariantIter      iter;
  const char       *key;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
    if (!g_str_equal (key, "apply"))
      return sonded_set_invalid (error, "option", key, "apply");

  if (g_variant_n_children (options) > 0 && !g_variant_lookup (options, "apply", "&s", &nick))
    nick = "(not a string)";
  value = g_enum_get_value_by_nick (enum_class, nick);
  if (value == NULL)
    return sonded_set_invalid (error, "apply", nick, "new, existing, all");
  *apply = value->value;

  return TRUE;
}

static gboolean
handle_update_settings (SondeDBusServer       *skeleton,
                        GDBusMethodInvocation *invocation,
                        GVariant              *settings,
                        GVariant              *options,
                        SondeServer           *server)
{
  g_autoptr (GError) local_error = NULL;
  SondeApply apply = SONDE_APPLY_ALL;

  if (get_apply (options, &apply, &local_error))
    sonde_server_update (server, settings, apply, &local_error);

  return sonded_reply (invocation, NULL, local_error);
}

static gboolean
handle_list_connections (SondeDBusServer       *skeleton,
                         GDBusMethodInvocation *invocation,
                         guint64                after_id,
                         guint                  limit,
                         SondeServer           *server)
{
  g_autoptr (GVariant) connections = sonde_server_list_connections (server, after_id, limit);

  return sonded_reply (invocation, connections, NULL);
}

static gboolean
handle_get_connection (SondeDBusServer       *skeleton,
                       GDBusMethodInvocation *invocation,
                       guint64                id,
                       SondeServer           *server)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) connection = sonde_server_get_connection (server, id, &local_error);

  return sonded_reply (invocation, connection, local_error);
}

static gboolean
handle_close_connection (SondeDBusServer       *skeleton,
                         GDBusMethodInvocation *invocation,
                         guint64                id,
                         const char            *how,
                         SondeServer           *server)
{
  g_autoptr (GError) local_error = NULL;
  const gboolean reset = g_str_equal (how, "reset");

  if (reset || g_str_equal (how, "fin") ||
      sonded_set_invalid (&local_error, "how", how, "fin, reset"))
    sonde_server_close_connection (server, id, reset, &local_error);

  return sonded_reply (invocation, NULL, local_error);
}

static gboolean
handle_wait_for (SondeDBusServer       *skeleton,
                 GDBusMethodInvocation *invocation,
                 GVariant              *condition,
                 guint64                timeout_usec,
                 SondeServer           *server)
{
  sonded_wait_start (server, invocation, condition, timeout_usec);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_get_option_report (SondeDBusSocketOptions *skeleton,
                          GDBusMethodInvocation  *invocation,
                          SondeServer            *server)
{
  g_autoptr (GVariant) report = sonde_server_get_option_report (server);

  return sonded_reply (invocation, report, NULL);
}

static gboolean
handle_get_snapshot (SondeDBusStatistics   *skeleton,
                     GDBusMethodInvocation *invocation,
                     SondeServer           *server)
{
  g_autoptr (GVariant) snapshot = sonde_server_get_statistics (server);

  return sonded_reply (invocation, snapshot, NULL);
}

static gboolean
handle_reset (SondeDBusStatistics   *skeleton,
              GDBusMethodInvocation *invocation,
              SondeServer           *server)
{
  sonde_server_reset_statistics (server);

  return sonded_reply (invocation, NULL, NULL);
}

static GVariant *
get_statistic (gpointer    model,
               const char *property)
{
  g_autoptr (GVariant) statistics = sonde_server_get_statistics (model);

  return g_variant_lookup_value (statistics, property, NULL);
}

static gboolean
set_setting (gpointer               model,
             const char            *property,
             GVariant              *value,
             GDBusMethodInvocation *invocation,
             GError               **error)
{
  g_autoptr (GVariant) changes = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, property, value);
  changes = g_variant_ref_sink (g_variant_dict_end (&dict));

  return sonde_server_update (model, changes, SONDE_APPLY_ALL, error);
}

/* RefreshRateMs is the one property of Statistics that can be set. */
static gboolean
set_refresh_rate (gpointer               model,
                  const char            *property,
                  GVariant              *value,
                  GDBusMethodInvocation *invocation,
                  GError               **error)
{
  return sonded_refresh_set (invocation, g_variant_get_uint32 (value), error);
}

static const struct
{
  GType (*get_type) (void);
  const char *signal;
  GCallback   handler;
} handlers[] = {
  { sonde_dbus_server_skeleton_get_type, "handle-start", G_CALLBACK (handle_start) },
  { sonde_dbus_server_skeleton_get_type, "handle-stop", G_CALLBACK (handle_stop) },
  { sonde_dbus_server_skeleton_get_type, "handle-drain", G_CALLBACK (handle_drain) },
  { sonde_dbus_server_skeleton_get_type, "handle-relisten", G_CALLBACK (handle_relisten) },
  { sonde_dbus_server_skeleton_get_type,
    "handle-update-settings",
    G_CALLBACK (handle_update_settings) },
  { sonde_dbus_server_skeleton_get_type,
    "handle-list-connections",
    G_CALLBACK (handle_list_connections) },
  { sonde_dbus_server_skeleton_get_type,
    "handle-get-connection",
    G_CALLBACK (handle_get_connection) },
  { sonde_dbus_server_skeleton_get_type,
    "handle-close-connection",
    G_CALLBACK (handle_close_connection) },
  { sonde_dbus_server_skeleton_get_type, "handle-wait-for", G_CALLBACK (handle_wait_for) },
  { sonde_dbus_socket_options_skeleton_get_type, "handle-get-option-report",
    G_CALLBACK (handle_get_option_report) },
  { sonde_dbus_statistics_skeleton_get_type,
    "handle-get-snapshot",
    G_CALLBACK (handle_get_snapshot) },
  { sonde_dbus_statistics_skeleton_get_type, "handle-reset", G_CALLBACK (handle_reset) },
};

static GDBusInterfaceSkeleton *
add_interface (GDBusObjectSkeleton *object,
               GType                type,
               SondeServer         *server,
               SondedSetFunc        set,
               SondedAuthority     *authority)
{
  g_autoptr (GDBusInterfaceSkeleton) skeleton =
    sonded_skeleton_new (type, G_OBJECT (server), get_statistic, set, authority);

  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    if (handlers[i].get_type () == type)
      g_signal_connect_object (skeleton,
                               handlers[i].signal,
                               handlers[i].handler,
                               server,
                               G_CONNECT_DEFAULT);
  g_dbus_object_skeleton_add_interface (object, skeleton);

  return skeleton;
}

/*
 * sonded_server_object_new:
 * @server: a server, which the interfaces keep
 * @authority: who decides about calls
 *
 * Makes the object that shows a server on the bus.
 *
 * Returns: (transfer full): the object, not exported yet
 */
GDBusObjectSkeleton *
sonded_server_object_new (SondeServer     *server,
                          SondedAuthority *authority)
{
  g_autofree char        *path = sonded_server_object_dup_path (sonde_server_get_name (server));
  GDBusObjectSkeleton    *object = g_dbus_object_skeleton_new (path);
  GDBusInterfaceSkeleton *statistics = NULL;

  add_interface (object, SONDE_DBUS_TYPE_SERVER_SKELETON, server, set_setting, authority);
  add_interface (object, SONDE_DBUS_TYPE_SOCKET_OPTIONS_SKELETON, server, set_setting, authority);
  statistics = add_interface (object,
                              SONDE_DBUS_TYPE_STATISTICS_SKELETON,
                              server,
                              set_refresh_rate,
                              authority);
  sonded_refresh_attach (statistics, server);

  return object;
}
