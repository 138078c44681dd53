/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What somebody must be allowed to do before a call of theirs is carried out. */
typedef struct
{
  const char *action;  /* (nullable): what polkit calls it; %NULL: nobody is asked */
  const char *message; /* (nullable): what polkit tells who is to decide about one server */
} SondedRight;

const SondedRight *sonded_rights_find (GDBusMethodInvocation *invocation);
const char        *sonded_rights_get_interface (GDBusMethodInvocation *invocation);
const char        *sonded_rights_get_property (GDBusMethodInvocation *invocation);
const char        *sonded_rights_get_server (GDBusMethodInvocation *invocation);

G_END_DECLS
