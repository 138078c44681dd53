/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

#include "sonded-lines.h"

G_BEGIN_DECLS

/* One of the files of which a configuration is made. */
typedef struct
{
  GKeyFile    *keys;  /* (owned) */
  SondedLines *lines; /* (owned) */
} SondedConfigFile;

SondedConfigFile *sonded_config_file_parse (const char *path,
                                            const char *text,
                                            GError    **error);
SondedConfigFile *sonded_config_file_read (const char *path,
                                           GError    **error);
char             *sonded_config_file_dup_text (const char *path,
                                               GError    **error);
void              sonded_config_file_free (SondedConfigFile *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondedConfigFile, sonded_config_file_free)

G_END_DECLS
