/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

G_BEGIN_DECLS

void     sonded_refresh_attach (GDBusInterfaceSkeleton *skeleton,
                                SondeServer            *server);
gboolean sonded_refresh_set (GDBusMethodInvocation *invocation,
                             guint                  rate_ms,
                             GError               **error);

G_END_DECLS
