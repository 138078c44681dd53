/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SONDECTL_LINE_CLEAR "\033[K"
#define SONDECTL_LINE_BREAK "\r\n"

/* A line of the screen that is being written. */
typedef struct
{
  GString *text;     /* (unowned) */
  guint    left;     /* columns that are still free */
  gboolean is_plain; /* without colours and the like */
} SondectlLine;

void sondectl_line_add_attribute (SondectlLine *self,
                                  const char   *attribute);
void sondectl_line_add_spaces (SondectlLine *self,
                               guint         n_columns);
void sondectl_line_add_text (SondectlLine *self,
                             const char   *text);
void sondectl_line_add_cell (SondectlLine *self,
                             const char   *text,
                             guint         width,
                             gboolean      is_number);
void sondectl_line_end (SondectlLine *self);

G_END_DECLS
