/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SONDE_UNITS_SECOND ((guint64) G_USEC_PER_SEC)

gboolean sonde_units_parse_size (const char *text,
                                 guint64    *size);
gboolean sonde_units_parse_time (const char *text,
                                 guint64     default_unit,
                                 guint64    *usec);
char    *sonde_units_format_time (guint64 usec);

G_END_DECLS
