/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SONDE_TEST_BUS_NAME "org.sonde.Sonde1"

GSocket *sonde_test_ready_listen (const char *path,
                                  GError    **error);
gboolean sonde_test_ready_wait (GSocket         *notify,
                                GDBusConnection *connection,
                                GSubprocess     *daemon,
                                GError         **error);

G_END_DECLS
