/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _SondeLimit SondeLimit;

const char *const *sonde_limit_list_names (void);

const SondeLimit *sonde_limit_find (const char *name);
const SondeLimit *sonde_limit_find_sysctl (const char *sysctl);

GVariant *sonde_limit_read (const SondeLimit *self,
                            const char       *root);
GVariant *sonde_limit_read_sysctl (const SondeLimit *self,
                                   const char       *root);
GVariant *sonde_limit_read_all (const char *root);

G_END_DECLS
