/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean sonded_reply (GDBusMethodInvocation *invocation,
                       GVariant              *result,
                       const GError          *error);

G_END_DECLS
