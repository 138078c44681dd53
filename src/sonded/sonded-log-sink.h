/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _SondedLogSink SondedLogSink;

SondedLogSink *sonded_log_sink_new (void);
void           sonded_log_sink_write (SondedLogSink *self,
                                      const char    *line);
gboolean       sonded_log_sink_send (SondedLogSink   *self,
                                     const GLogField *fields,
                                     gsize            n_fields);

G_END_DECLS
