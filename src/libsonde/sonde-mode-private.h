/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-mode.h"

G_BEGIN_DECLS

/* When a session stops reading and takes its leave. */
typedef enum
{
  SONDE_MODE_ENDS_AT_EOF,
  SONDE_MODE_ENDS_AFTER_READ,
  SONDE_MODE_ENDS_AFTER_LINE,
} SondeModeEnd;

SondeModeEnd sonde_mode_get_end (SondeMode mode);

void sonde_mode_transform (SondeMode mode,
                           guint8   *data,
                           gsize     length);

G_END_DECLS
