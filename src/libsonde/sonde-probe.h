/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include <libsonde/sonde-macros.h>

G_BEGIN_DECLS

#define SONDE_TYPE_PROBE (sonde_probe_get_type ())
SONDE_API
G_DECLARE_FINAL_TYPE (SondeProbe, sonde_probe, SONDE, PROBE, GObject)

SONDE_API SondeProbe *sonde_probe_new (const char *host,
                                       guint16     port);

SONDE_API void sonde_probe_add_message (SondeProbe *self,
                                        GBytes     *message);

SONDE_API GVariant *sonde_probe_run (SondeProbe   *self,
                                     GCancellable *cancellable,
                                     GError      **error);
SONDE_API void      sonde_probe_run_async (SondeProbe         *self,
                                           GCancellable       *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer            user_data);
SONDE_API GVariant *sonde_probe_run_finish (SondeProbe   *self,
                                            GAsyncResult *result,
                                            GError      **error);

G_END_DECLS
