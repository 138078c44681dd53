/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What stands in for a main file where there is none. */
#define SONDED_CONFIG_BUILT_IN "resource:///org/sonde/sonded/sonded.conf"

char **sonded_config_search_dup_folders (gboolean user);
char **sonded_config_search_list (const char *const *folders,
                                  GError           **error);

G_END_DECLS
