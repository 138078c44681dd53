/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SONDED_TYPE_AUTHORITY (sonded_authority_get_type ())
G_DECLARE_FINAL_TYPE (SondedAuthority, sonded_authority, SONDED, AUTHORITY, GObject)

/*
 * SondedAllowedFunc:
 * @invocation: (transfer full): a call that may be carried out now
 * @target: what the call is for
 */
typedef void (*SondedAllowedFunc) (GDBusMethodInvocation *invocation,
                                   gpointer               target);

SondedAuthority *sonded_authority_new (gboolean system_bus);
void             sonded_authority_check (SondedAuthority       *self,
                                         GDBusMethodInvocation *invocation,
                                         const char            *server,
                                         SondedAllowedFunc      allowed,
                                         gpointer               target);

G_END_DECLS
