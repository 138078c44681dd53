/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How a server comes by sockets that somebody else has made. */

#include "config.h"

#include "sonde-server-private.h"

/**
 * sonde_server_set_listen_fds:
 * @self: a server
 * @fds: (array length=n_fds) (nullable): file descriptors of TCP sockets that
 *   listen, such as sd_listen_fds(3) tells; they stay the caller's, who may
 *   close them
 * @n_fds: how many; none lets the server listen on its addresses again
 * @error: where to put an error: %SONDE_ERROR_INVALID_SETTING if one of them
 *   is anything else
 *
 * Lets the server listen on sockets that somebody else has made, instead of
 * on [property@Sonde.Server:listen-addresses], which may stay empty.
 *
 * This takes effect with the next [method@Sonde.Server.start] or
 * [method@Sonde.Server.relisten]. A socket option is set on the sockets where
 * the settings ask for it, and else left as it is found. When the server stops,
 * the sockets stay: who connects then waits for whoever accepts next. With
 * more than one of [property@Sonde.Server:workers], all of them accept from
 * the same sockets.
 *
 * Returns: %TRUE, or %FALSE if one is refused; then nothing changed
 *
 * Since: 0.1
 */
gboolean
sonde_server_set_listen_fds (SondeServer *self,
                             const int   *fds,
                             guint        n_fds,
                             GError     **error)
{
  g_autoptr (SondeGiven) given = NULL;

  g_return_val_if_fail (SONDE_IS_SERVER (self), FALSE);
  g_return_val_if_fail (fds != NULL || n_fds == 0, FALSE);

  if (n_fds > 0)
    {
      given = sonde_given_new (fds, n_fds, error);
      if (given == NULL)
        return FALSE;
    }
  if (sonde_given_is_same (self->given, given))
    return TRUE;

  g_clear_pointer (&self->given, sonde_given_unref);
  if (sonde_given_is_same (self->inherited, given) && self->inherited != NULL)
    self->given = sonde_given_ref (self->inherited);
  else
    self->given = g_steal_pointer (&given);
  sonde_server_notify_addresses (self);

  return TRUE;
}
