/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonded-daemon.h"

G_BEGIN_DECLS

void sonded_notify_ready (SondedDaemon *daemon);
void sonded_notify_reloading (void);
void sonded_notify_reloaded (SondedDaemon *daemon,
                             const GError *error);
void sonded_notify_stopping (SondedDaemon *daemon);

G_END_DECLS
