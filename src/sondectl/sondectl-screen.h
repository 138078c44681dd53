/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>
#include <termios.h>

G_BEGIN_DECLS

/* The terminal, as long as a screen is drawn on it. */
typedef struct
{
  gboolean       is_open;
  struct termios saved;
} SondectlScreen;

gboolean sondectl_screen_open (SondectlScreen *self,
                               GError        **error);
void     sondectl_screen_close (SondectlScreen *self);
void     sondectl_screen_suspend (SondectlScreen *self);
void     sondectl_screen_get_size (guint *columns,
                                   guint *lines);
void     sondectl_screen_write (const char *text);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondectlScreen, sondectl_screen_close)

G_END_DECLS
