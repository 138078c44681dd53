/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <json-glib/json-glib.h>

#include "sondectl-context.h"

G_BEGIN_DECLS

JsonNode  *sondectl_servers_describe (SondectlContext *context,
                                      GError         **error);
GPtrArray *sondectl_servers_select (JsonNode          *description,
                                    const char *const *names,
                                    GError           **error);
GPtrArray *sondectl_servers_list (SondectlContext   *context,
                                  const char *const *names,
                                  GError           **error);
GVariant  *sondectl_servers_dup_addresses (JsonObject *server);

char *sondectl_servers_find (SondectlContext *context,
                             const char      *name,
                             GError         **error);

G_END_DECLS
