/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

G_BEGIN_DECLS

void sonded_run_probe (GObject               *owner,
                       GDBusMethodInvocation *invocation,
                       const char            *host,
                       guint16                port,
                       GVariant              *options);

G_END_DECLS
