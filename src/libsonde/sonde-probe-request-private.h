/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sonde-exchange-private.h"

G_BEGIN_DECLS

/* What a run works with: a copy, so that it may go on in another thread while
 * the probe is changed. */
typedef struct
{
  char      *host; /* (owned) */
  guint      port;
  guint64    connect_timeout_usec;
  guint64    io_timeout_usec;
  guint64    receive_buffer;
  guint64    send_buffer;
  SondeMode  mode;
  guint      read_size;
  GPtrArray *messages; /* (owned) (element-type GBytes) */
  guint      count;
} SondeProbeRequest;

SondeProbeRequest *sonde_probe_request_copy (const SondeProbeRequest *self);
void               sonde_probe_request_clear (SondeProbeRequest *self);
void               sonde_probe_request_free (SondeProbeRequest *self);

GVariant *sonde_probe_request_run (const SondeProbeRequest *self,
                                   SondeProgressFunc        progress,
                                   gpointer                 progress_data,
                                   GCancellable            *cancellable,
                                   GError                 **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondeProbeRequest, sonde_probe_request_free)

G_END_DECLS
