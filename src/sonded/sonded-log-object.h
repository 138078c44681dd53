/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonded-authority.h"
#include "sonded-daemon.h"
#include "sonded-log.h"

G_BEGIN_DECLS

GDBusInterfaceSkeleton *sonded_log_object_new (SondedLog       *log,
                                               SondedDaemon    *daemon,
                                               SondedAuthority *authority);

G_END_DECLS
