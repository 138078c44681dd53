/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

G_BEGIN_DECLS

void sonded_stop_reply_when_stopped (SondeServer           *server,
                                     GDBusMethodInvocation *invocation);

G_END_DECLS
