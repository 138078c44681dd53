/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

#include "sonded-authority.h"

G_BEGIN_DECLS

GDBusInterfaceSkeleton *sonded_limits_object_new (SondeKernelLimits *limits,
                                                  SondedAuthority   *authority);

G_END_DECLS
