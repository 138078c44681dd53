/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SONDED_NAME_ALLOWED "1 to 64 bytes of printable UTF-8"

gboolean sonded_name_is_valid (const char *name);

G_END_DECLS
