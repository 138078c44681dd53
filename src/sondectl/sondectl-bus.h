/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sonde-dbus.h"

#include "sondectl-context.h"

G_BEGIN_DECLS

#define SONDECTL_BUS_NAME "org.sonde.Sonde1"
#define SONDECTL_ROOT_PATH "/org/sonde/Sonde1"

GDBusConnection *sondectl_bus_connect (SondectlContext *context,
                                       GError         **error);

SondeDBusManager      *sondectl_bus_get_manager (GDBusConnection *connection,
                                                 GError         **error);
SondeDBusKernelLimits *sondectl_bus_get_kernel_limits (GDBusConnection *connection,
                                                       GError         **error);
GPtrArray             *sondectl_bus_list_servers (GDBusConnection   *connection,
                                                  const char *const *names,
                                                  GError           **error);

SondeDBusServer        *sondectl_bus_get_server (GDBusConnection *connection,
                                                 const char      *name,
                                                 GError         **error);
SondeDBusServer        *sondectl_bus_reload_server (SondeDBusServer *server,
                                                    GError         **error);
SondeDBusSocketOptions *sondectl_bus_get_socket_options (GDBusConnection *connection,
                                                         const char      *name,
                                                         GError         **error);

G_END_DECLS
