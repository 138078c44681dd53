/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>
#include <libsonde/sonde-macros.h>

G_BEGIN_DECLS

#define SONDE_TEST_TYPE_SERVER (sonde_test_server_get_type ())
SONDE_API
G_DECLARE_FINAL_TYPE (SondeTestServer, sonde_test_server, SONDE_TEST, SERVER, GObject)

SONDE_API SondeTestServer *sonde_test_server_new (const char *config,
                                                  GError    **error);

SONDE_API const char      *sonde_test_server_get_bus_address (SondeTestServer *self);
SONDE_API GDBusConnection *sonde_test_server_get_connection (SondeTestServer *self);
SONDE_API guint16          sonde_test_server_get_port (SondeTestServer *self,
                                                       const char      *name,
                                                       GError         **error);
SONDE_API char            *sonde_test_server_dup_log (SondeTestServer *self);

SONDE_API gboolean sonde_test_server_stop (SondeTestServer *self,
                                           GError         **error);

G_END_DECLS
