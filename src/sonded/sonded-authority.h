/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SONDED_TYPE_AUTHORITY (sonded_authority_get_type ())
G_DECLARE_FINAL_TYPE (SondedAuthority, sonded_authority, SONDED, AUTHORITY, GObject)

SondedAuthority *sonded_authority_new (gboolean system_bus);
gboolean         sonded_authority_is_needed (SondedAuthority *self);
gboolean         sonded_authority_check (SondedAuthority       *self,
                                         GDBusMethodInvocation *invocation);

G_END_DECLS
