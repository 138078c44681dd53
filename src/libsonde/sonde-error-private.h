/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-error.h"

G_BEGIN_DECLS

char *sonde_error_excerpt_value (GVariant *value);
void  sonde_error_set_errno (GError    **error,
                             int         errsv,
                             const char *format,
                             ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
