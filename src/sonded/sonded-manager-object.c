/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The root object on the bus: makes, finds and removes servers. */

#include "config.h"

#include "sonded-manager-object.h"

#include "sonde-dbus.h"
#include "sonded-describe.h"
#include "sonded-run-probe.h"
#include "sonded-server-object.h"
#include "sonded-skeleton.h"

static void
complete_with_path (GDBusMethodInvocation *invocation,
                    SondeServer           *server)
{
  g_autofree char *path = sonded_server_object_dup_path (sonde_server_get_name (server));

  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", path));
}

static gboolean
handle_create_server (SondeDBusManager      *skeleton,
                      GDBusMethodInvocation *invocation,
                      const char            *name,
                      GVariant              *settings,
                      SondedDaemon          *daemon)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (SondeServer) server =
    sonded_daemon_create_server (daemon, name, settings, &local_error);

  if (server != NULL)
    complete_with_path (invocation, server);
  else
    g_dbus_method_invocation_return_gerror (invocation, local_error);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_remove_server (SondeDBusManager      *skeleton,
                      GDBusMethodInvocation *invocation,
                      const char            *name,
                      SondedDaemon          *daemon)
{
  g_autoptr (GError) local_error = NULL;

  if (sonded_daemon_remove_server (daemon, name, &local_error))
    sonde_dbus_manager_complete_remove_server (skeleton, invocation);
  else
    g_dbus_method_invocation_return_gerror (invocation, local_error);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_get_server (SondeDBusManager      *skeleton,
                   GDBusMethodInvocation *invocation,
                   const char            *name,
                   SondedDaemon          *daemon)
{
  g_autoptr (GError) local_error = NULL;
  SondeServer *server = sonded_daemon_get_server (daemon, name, &local_error);

  if (server != NULL)
    complete_with_path (invocation, server);
  else
    g_dbus_method_invocation_return_gerror (invocation, local_error);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
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

static gboolean
handle_reload (SondeDBusManager      *skeleton,
               GDBusMethodInvocation *invocation,
               SondedProvision       *provision)
{
  g_autoptr (GError) local_error = NULL;

  if (sonded_provision_reload (provision, &local_error))
    sonde_dbus_manager_complete_reload (skeleton, invocation);
  else
    g_dbus_method_invocation_return_gerror (invocation, local_error);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_describe (SondeDBusManager      *skeleton,
                 GDBusMethodInvocation *invocation,
                 SondedDaemon          *daemon)
{
  g_autofree char *json = sonded_describe (daemon);

  sonde_dbus_manager_complete_describe (skeleton, invocation, json);

  return G_DBUS_METHOD_INVOCATION_HANDLED;
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
