/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

#define SONDECTL_BUS_NAME "org.sonde.Sonde1"
#define SONDECTL_ROOT_PATH "/org/sonde/Sonde1"

/* Interfaces, where they are needed in full. */
#define SONDECTL_MANAGER SONDECTL_BUS_NAME ".Manager"
#define SONDECTL_SERVER SONDECTL_BUS_NAME ".Server"
#define SONDECTL_STATISTICS SONDECTL_BUS_NAME ".Statistics"
#define SONDECTL_PROPERTIES "org.freedesktop.DBus.Properties"

GDBusConnection *sondectl_bus_open (const char *address,
                                    GError    **error);
GDBusConnection *sondectl_bus_connect (SondectlContext *context,
                                       GError         **error);

GVariant *sondectl_bus_read (SondectlContext *context,
                             const char      *path,
                             const char      *method,
                             GVariant        *parameters,
                             const char      *reply_type,
                             GError         **error);
GVariant *sondectl_bus_change (SondectlContext *context,
                               const char      *path,
                               const char      *method,
                               GVariant        *parameters,
                               const char      *reply_type,
                               GError         **error);
GVariant *sondectl_bus_get_properties (SondectlContext   *context,
                                       const char        *path,
                                       const char *const *interfaces,
                                       GError           **error);
void      sondectl_bus_explain_error (SondectlContext *context,
                                      GError         **error);

G_END_DECLS
