/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <json-glib/json-glib.h>

#include "sondectl-context.h"

G_BEGIN_DECLS

void sondectl_json_copy (JsonObject        *to,
                         JsonObject        *from,
                         const char *const *names);
void sondectl_json_print (SondectlContext *context,
                          GVariant        *value);
void sondectl_json_print_node (SondectlContext *context,
                               JsonNode        *root);

G_END_DECLS
