/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SONDED_TYPE_LOG (sonded_log_get_type ())
G_DECLARE_FINAL_TYPE (SondedLog, sonded_log, SONDED, LOG, GObject)

SondedLog  *sonded_log_new (void);
const char *sonded_log_get_level (SondedLog *self);
gboolean    sonded_log_set_level (SondedLog  *self,
                                  const char *name,
                                  GError    **error);
const char *sonded_log_get_target (SondedLog *self);
gboolean    sonded_log_set_target (SondedLog  *self,
                                   const char *name,
                                   GError    **error);

G_END_DECLS
