/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include <libsonde/sonde-macros.h>

G_BEGIN_DECLS

/**
 * SondeMode:
 * @SONDE_MODE_ECHO: Send back what comes, until the peer has finished.
 * @SONDE_MODE_ECHO_ONCE: Send back what the first read brings, then close.
 * @SONDE_MODE_UPPER: As @SONDE_MODE_ECHO, in upper case.
 * @SONDE_MODE_UPPER_ONCE: As @SONDE_MODE_ECHO_ONCE, in upper case.
 * @SONDE_MODE_UPPER_LINE: Send back the first line in upper case, then close.
 *
 * What a server does with the bytes that it receives.
 *
 * Upper case touches the ASCII letters a to z only, so UTF-8 passes whole.
 * The nicks (`echo`, `echo-once`, …) are the names used everywhere else.
 *
 * Since: 0.1
 */
typedef enum
{
  SONDE_MODE_ECHO,
  SONDE_MODE_ECHO_ONCE,
  SONDE_MODE_UPPER,
  SONDE_MODE_UPPER_ONCE,
  SONDE_MODE_UPPER_LINE,
} SondeMode;

#define SONDE_TYPE_MODE (sonde_mode_get_type ())
SONDE_API GType sonde_mode_get_type (void);

SONDE_API const char *sonde_mode_to_string (SondeMode mode);
SONDE_API gboolean    sonde_mode_is_upper (SondeMode mode);

G_END_DECLS
