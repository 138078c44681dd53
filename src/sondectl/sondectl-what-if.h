/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

gboolean sondectl_what_if (SondectlContext   *context,
                           const char *const *assignments,
                           GVariant          *timeout,
                           GVariant          *limits,
                           GError           **error);

G_END_DECLS
