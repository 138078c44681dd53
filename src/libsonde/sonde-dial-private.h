/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sonde-wait-private.h"

G_BEGIN_DECLS

typedef struct
{
  const char *host;   /* (unowned) */
  const char *target; /* (unowned), host and port for messages */
  guint16     port;
  guint64     timeout_usec; /* 0: the kernel's own */
  guint64     receive_buffer;
  guint64     send_buffer; /* 0: left to the kernel */
} SondeDialOptions;

typedef struct
{
  int             fd;      /* (owned), -1 before */
  GSocketAddress *address; /* (owned) (nullable) */
  guint64         connect_usec;
} SondeDialResult;

#define SONDE_DIAL_RESULT_INIT \
  {                            \
    -1, NULL, 0                \
  }

void sonde_dial_result_clear (SondeDialResult *self);

char *sonde_dial_format_target (const char *host,
                                guint16     port);

gboolean sonde_dial (const SondeDialOptions *options,
                     SondeWait              *wait,
                     SondeDialResult        *result,
                     GError                **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondeDialResult, sonde_dial_result_clear)

G_END_DECLS
