/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

gint64   sonde_memory_measure_room (const char *root);
gboolean sonde_memory_has_room (gsize bytes);

G_END_DECLS
