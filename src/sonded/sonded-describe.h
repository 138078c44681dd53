/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonded-daemon.h"

G_BEGIN_DECLS

char *sonded_describe (SondedDaemon *daemon);

G_END_DECLS
