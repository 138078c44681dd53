/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  SONDECTL_STYLE_PLAIN,
  SONDECTL_STYLE_HEADING,
  SONDECTL_STYLE_GOOD,
  SONDECTL_STYLE_WARN,
  SONDECTL_STYLE_BAD,
  SONDECTL_STYLE_FAINT,
} SondectlStyle;

void     sondectl_terminal_occupy_standard_streams (void);
void     sondectl_terminal_init (gboolean pager);
void     sondectl_terminal_open_pager (void);
gboolean sondectl_terminal_flush (void);

const char *sondectl_terminal_begin (SondectlStyle style);
const char *sondectl_terminal_end (SondectlStyle style);

G_END_DECLS
