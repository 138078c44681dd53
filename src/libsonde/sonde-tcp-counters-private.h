/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

GHashTable *sonde_tcp_counters_read (const char *root);
GVariant   *sonde_tcp_counters_diff (GHashTable *before,
                                     GHashTable *after);

G_END_DECLS
