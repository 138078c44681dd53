/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sonde-wait-private.h"

G_BEGIN_DECLS

GPtrArray *sonde_lookup (const char *host,
                         guint16     port,
                         SondeWait  *wait,
                         gint64      deadline,
                         GError    **error);

G_END_DECLS
