/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* On which line of a key file what stands. */
typedef struct _SondedLines SondedLines;

SondedLines *sonded_lines_index (const char *path,
                                 const char *text,
                                 GError    **error);
void         sonded_lines_free (SondedLines *self);
gboolean     sonded_lines_set_error (const SondedLines *self,
                                     const char        *group,
                                     const char        *key,
                                     const char        *message,
                                     GError           **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondedLines, sonded_lines_free)

G_END_DECLS
