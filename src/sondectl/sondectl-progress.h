/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

G_BEGIN_DECLS

/* The line on a terminal that tells how far something long has come. */
typedef struct
{
  gint64   started_at;
  gboolean is_shown;
} SondectlProgress;

void sondectl_progress_begin (SondectlProgress *self);
void sondectl_progress_show (SondectlProgress *self,
                             const char       *text);
void sondectl_progress_watch (SondectlProgress *self,
                              SondeProbe       *probe);
void sondectl_progress_end (SondectlProgress *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondectlProgress, sondectl_progress_end)

G_END_DECLS
