/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

#include "sonded-authority.h"

G_BEGIN_DECLS

char                *sonded_server_object_dup_path (const char *name);
GDBusObjectSkeleton *sonded_server_object_new (SondeServer     *server,
                                               SondedAuthority *authority);

G_END_DECLS
