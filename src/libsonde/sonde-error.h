/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include <libsonde/sonde-macros.h>

G_BEGIN_DECLS

/**
 * SondeError:
 * @SONDE_ERROR_FAILED: The kernel refused for a reason without a code of its
 *   own; the message names the errno.
 * @SONDE_ERROR_INVALID_SETTING: A key is unknown, or a value has the wrong
 *   type or is out of range.
 * @SONDE_ERROR_NO_SUCH_SERVER: No server has that name.
 * @SONDE_ERROR_NO_SUCH_CONNECTION: No open connection has that id.
 * @SONDE_ERROR_NAME_IN_USE: Another server already has that name.
 * @SONDE_ERROR_ADDRESS_IN_USE: Another socket listens there.
 * @SONDE_ERROR_ADDRESS_NOT_AVAILABLE: The address cannot be bound on this
 *   machine, or does not resolve.
 * @SONDE_ERROR_PERMISSION_DENIED: The kernel does not permit it.
 * @SONDE_ERROR_NOT_AUTHORIZED: The caller may not do that.
 * @SONDE_ERROR_TIMED_OUT: It did not happen within the time given.
 * @SONDE_ERROR_CONNECT_TIMED_OUT: The peer did not answer the connection
 *   attempt in time.
 * @SONDE_ERROR_CONNECT_REFUSED: Nobody listens at the peer's address.
 * @SONDE_ERROR_UNREACHABLE: No route leads to the peer.
 * @SONDE_ERROR_PEER_CLOSED: The peer closed before the whole answer came.
 * @SONDE_ERROR_PEER_RESET: The peer reset the connection.
 * @SONDE_ERROR_ECHO_MISMATCH: The answer differs from what was expected.
 *
 * What can go wrong in Sonde.
 *
 * The same codes travel over D-Bus as `org.sonde.Sonde1.Error.*`.
 *
 * Since: 0.1
 */
typedef enum
{
  SONDE_ERROR_FAILED,
  SONDE_ERROR_INVALID_SETTING,
  SONDE_ERROR_NO_SUCH_SERVER,
  SONDE_ERROR_NO_SUCH_CONNECTION,
  SONDE_ERROR_NAME_IN_USE,
  SONDE_ERROR_ADDRESS_IN_USE,
  SONDE_ERROR_ADDRESS_NOT_AVAILABLE,
  SONDE_ERROR_PERMISSION_DENIED,
  SONDE_ERROR_NOT_AUTHORIZED,
  SONDE_ERROR_TIMED_OUT,
  SONDE_ERROR_CONNECT_TIMED_OUT,
  SONDE_ERROR_CONNECT_REFUSED,
  SONDE_ERROR_UNREACHABLE,
  SONDE_ERROR_PEER_CLOSED,
  SONDE_ERROR_PEER_RESET,
  SONDE_ERROR_ECHO_MISMATCH,
} SondeError;

/**
 * SONDE_ERROR:
 *
 * The error domain of Sonde; its codes are [error@Sonde.Error].
 *
 * Since: 0.1
 */
#define SONDE_ERROR (sonde_error_quark ())

SONDE_API GQuark sonde_error_quark (void);
SONDE_API char  *sonde_error_excerpt (const char *text);

SONDE_API const char *sonde_error_find_nearest (const char        *name,
                                                const char *const *candidates);

G_END_DECLS
