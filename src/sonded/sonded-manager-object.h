/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonded-authority.h"
#include "sonded-provision.h"

G_BEGIN_DECLS

GDBusInterfaceSkeleton *sonded_manager_object_new (SondedDaemon    *daemon,
                                                   SondedProvision *provision,
                                                   SondedAuthority *authority);

G_END_DECLS
