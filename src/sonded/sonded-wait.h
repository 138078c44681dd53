/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

G_BEGIN_DECLS

void sonded_wait_start (SondeServer           *server,
                        GDBusMethodInvocation *invocation,
                        GVariant              *condition,
                        guint64                timeout_usec);
void sonded_wait_end (SondeServer *server);

G_END_DECLS
