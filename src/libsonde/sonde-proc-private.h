/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

char     *sonde_proc_read (const char *root,
                           const char *path,
                           gsize       max_size);
GVariant *sonde_proc_read_sysctl (const char *root,
                                  const char *sysctl,
                                  const char *type);

G_END_DECLS
