/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

void sonded_calls_limit (GDBusConnection *connection);
void sonded_calls_forget (GDBusConnection *connection,
                          const char      *name);

G_END_DECLS
