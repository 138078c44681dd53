/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

gboolean sondectl_presets_explain (SondectlContext   *context,
                                   const char *const *names,
                                   GError           **error);

G_END_DECLS
