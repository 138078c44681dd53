/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean sonded_set_invalid (GError    **error,
                             const char *key,
                             const char *value,
                             const char *allowed);

G_END_DECLS
