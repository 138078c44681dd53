/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The root object on the bus: makes, finds and removes servers. */

#include "config.h"

#include "sonded-manager-object.h"

#include "sonde-dbus.h"
#include "sonded-describe.h"
#include "sonded-invalid.h"
#include "sonded-name.h"
#include "sonded-reply.h"
#include "sonded-run-probe.h"
#include "sonded-server-object.h"
#include "sonded-skeleton.h"

static gboolean
reply_with_path (GDBusMethodInvocation *invocation,
                 SondeServer           *server,
                 const GError          *error)
{
  g_autofree char *path = NULL;

  if (server == NULL)
    return sonded_reply (invocation, NULL, error);

  path = sonded_server_object_dup_path (sonde_server_get_name (server));

  return sonded_reply (invocation, g_variant_new_object_path (path), NULL);
}

static void
created_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (SondeServer) server =
    sonded_daemon_add_server_finish (SONDED_DAEMON (source), result, &local_error);

  reply_with_path (user_data, server, local_error);
}

/* What somebody on the bus wants to make a server of. */
static SondeSettings *
check_request (const char *name,
               GVariant   *settings,
               GError    **error)
{
  g_autoptr (SondeSettings) asked = sonde_settings_new ();

  if (!sonded_name_is_valid (name))
    {
      sonded_set_invalid (error, "name", name, SONDED_NAME_ALLOWED);
      return NULL;
    }

  return sonde_settings_update (asked, settings, error) ? g_steal_pointer (&asked) : NULL;
}

static gboolean
handle_create_server (SondeDBusManager      *skeleton,
                      GDBusMethodInvocation *invocation,
                      const char            *name,
                      GVariant              *settings,
                      SondedDaemon          *daemon)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (SondeSettings) asked = check_request (name, settings, &local_error);

  if (asked == NULL)
    return sonded_reply (invocation, NULL, local_error);
  sonded_daemon_add_server_async (daemon, name, asked, NULL, created_cb, invocation);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_remove_server (SondeDBusManager      *skeleton,
                      GDBusMethodInvocation *invocation,
                      const char            *name,
                      SondedDaemon          *daemon)
{
  g_autoptr (GError) local_error = NULL;

  sonded_daemon_remove_server (daemon, name, &local_error);

  return sonded_reply (invocation, NULL, local_error);
}

static gboolean
handle_get_server (SondeDBusManager      *skeleton,
                   GDBusMethodInvocation *invocation,
                   const char            *name,
                   SondedDaemon          *daemon)
{
  g_autoptr (GError) local_error = NULL;
  SondeServer *server = sonded_daemon_get_server (daemon, name, &local_error);

  return reply_with_path (invocation, server, local_error);
}

static gboolean
handle_run_probe (SondeDBusManager      *skeleton,
                  GDBusMethodInvocation *invocation,
                  const char            *host,
                  guint16                port,
                  GVariant              *options,
                  SondedDaemon          *daemon)
{
  sonded_run_probe (G_OBJECT (daemon), invocation, host, port, options);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
reloaded_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GError) local_error = NULL;

  sonded_provision_load_finish (SONDED_PROVISION (source), result, &local_error);
  sonded_reply (user_data, NULL, local_error);
}

static gboolean
handle_reload (SondeDBusManager      *skeleton,
               GDBusMethodInvocation *invocation,
               SondedProvision       *provision)
{
  sonded_provision_load_async (provision, reloaded_cb, invocation);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_describe (SondeDBusManager      *skeleton,
                 GDBusMethodInvocation *invocation,
                 SondedDaemon          *daemon)
{
  return sonded_reply (invocation, g_variant_new_take_string (sonded_describe (daemon)), NULL);
}

/* NConnections is the one property that does not signal its changes. */
static GVariant *
get_n_connections (gpointer    model,
                   const char *property)
{
  return g_variant_ref_sink (g_variant_new_uint32 (sonded_daemon_get_n_connections (model)));
}

/*
 * sonded_manager_object_new:
 * @daemon: the daemon, which outlives the interface
 * @provision: what reads its configuration, and outlives the interface too
 * @authority: who decides about calls
 *
 * Makes org.sonde.Sonde1.Manager.
 */
GDBusInterfaceSkeleton *
sonded_manager_object_new (SondedDaemon    *daemon,
                           SondedProvision *provision,
                           SondedAuthority *authority)
{
  GDBusInterfaceSkeleton *skeleton = sonded_skeleton_new (SONDE_DBUS_TYPE_MANAGER_SKELETON,
                                                          G_OBJECT (daemon),
                                                          get_n_connections,
                                                          NULL,
                                                          authority);

  g_object_connect (skeleton,
                    "object-signal::handle-create-server", handle_create_server, daemon,
                    "object-signal::handle-remove-server", handle_remove_server, daemon,
                    "object-signal::handle-get-server", handle_get_server, daemon,
                    "object-signal::handle-run-probe", handle_run_probe, daemon,
                    "object-signal::handle-reload", handle_reload,
                    provision,
                    "object-signal::handle-describe", handle_describe, daemon,
                    NULL);

  return skeleton;
}
