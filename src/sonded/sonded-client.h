/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SONDED_TYPE_CLIENT (sonded_client_get_type ())
G_DECLARE_FINAL_TYPE (SondedClient, sonded_client, SONDED, CLIENT, GObject)

SondedClient *sonded_client_get (GDBusMethodInvocation *invocation);
gboolean      sonded_client_is_gone (SondedClient *self);

G_END_DECLS
