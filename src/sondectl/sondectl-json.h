/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

void sondectl_json_add_properties (GVariantBuilder   *builder,
                                   gpointer           proxy,
                                   const char *const *names);
void sondectl_json_print (SondectlContext *context,
                          GVariant        *value);

G_END_DECLS
