/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GPtrArray *sonde_resolve (const char *const *entries,
                          GError           **error);
void       sonde_resolve_async (const char *const  *entries,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data);
GPtrArray *sonde_resolve_finish (GAsyncResult *result,
                                 GError      **error);

G_END_DECLS
