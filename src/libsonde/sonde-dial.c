/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-dial-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <glib/gstdio.h>

#include "sonde-address-private.h"
#include "sonde-error-private.h"
#include "sonde-lookup-private.h"
#include "sonde-units-private.h"

/*
 * sonde_dial_result_clear:
 * @self: a result
 *
 * Closes and frees what has not been taken.
 */
void
sonde_dial_result_clear (SondeDialResult *self)
{
  if (self->fd >= 0)
    g_close (self->fd, NULL);
  self->fd = -1;
  g_clear_object (&self->address);
}

/*
 * sonde_dial_format_target:
 * @host: a name or an address
 * @port: a port
 *
 * Writes a host and a port for a message.
 *
 * Returns: (transfer full): such as `localhost:9999` or `[::1]:9999`
 */
char *
sonde_dial_format_target (const char *host,
                          guint16     port)
{
  return g_strdup_printf (strchr (host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}

static gboolean
set_buffer (int         fd,
            int         optname,
            const char *name,
            guint64     size,
            GError    **error)
{
  int value = (int) size;

  if (size == 0)
    return TRUE;

  if (setsockopt (fd, SOL_SOCKET, optname, &value, sizeof value) < 0)
    {
      sonde_error_set_errno (error, errno, "could not set %s to %d", name, value);
      return FALSE;
    }

  return TRUE;
}

/* Without a listener, a connection to an ephemeral port of this machine can
 * meet itself: TCP's simultaneous open. It would then echo splendidly. */
static gboolean
is_connected_to_itself (int fd)
{
  struct sockaddr_storage local = { 0 };
  struct sockaddr_storage peer = { 0 };
  socklen_t               local_length = sizeof local;
  socklen_t               peer_length = sizeof peer;

  if (getsockname (fd, (struct sockaddr *) &local, &local_length) < 0 ||
      getpeername (fd, (struct sockaddr *) &peer, &peer_length) < 0)
    return FALSE;

  return local_length == peer_length && memcmp (&local, &peer, local_length) == 0;
}

static void
set_connect_error (GError    **error,
                   int         errsv,
                   const char *where)
{
  if (errsv != ETIMEDOUT)
    {
      sonde_error_set_errno (error, errsv, "could not connect to %s", where);
      return;
    }

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_CONNECT_TIMED_OUT,
               "could not connect to %s: %s (ETIMEDOUT)",
               where,
               g_strerror (errsv));
}

static void
set_timeout_error (GError    **error,
                   guint64     timeout_usec,
                   const char *where)
{
  g_autofree char *timeout = sonde_units_format_time (timeout_usec);

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_CONNECT_TIMED_OUT,
               "could not connect to %s: no answer within the connect timeout of %s",
               where,
               timeout);
}

static int
take_socket_error (int fd)
{
  int       errsv = 0;
  socklen_t length = sizeof errsv;

  if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &errsv, &length) < 0)
    return errno;
  if (errsv == 0 && is_connected_to_itself (fd))
    return ECONNREFUSED;

  return errsv;
}

static int
open_socket (const SondeDialOptions *options,
             GSocketAddress         *address,
             GError                **error)
{
  int family = g_socket_address_get_family (address);
  int fd = socket (family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    {
      sonde_error_set_errno (error, errno, "could not make a socket for %s", options->target);
      return -1;
    }

  /* Before connect(), or the window scale is already settled. */
  if (!set_buffer (fd, SO_RCVBUF, "receive-buffer", options->receive_buffer, error) ||
      !set_buffer (fd, SO_SNDBUF, "send-buffer", options->send_buffer, error))
    {
      g_close (fd, NULL);
      return -1;
    }

  return fd;
}

static int
start_connect (int             fd,
               GSocketAddress *address)
{
  struct sockaddr_storage native = { 0 };
  gssize                  length = g_socket_address_get_native_size (address);

  if (!g_socket_address_to_native (address, &native, sizeof native, NULL))
    return EAFNOSUPPORT;
  if (connect (fd, (struct sockaddr *) &native, length) < 0 && errno != EINPROGRESS)
    return errno;

  return 0;
}

static char *
format_where (const SondeDialOptions *options,
              GSocketAddress         *address)
{
  g_autofree char *text = sonde_address_format (address);

  if (g_str_equal (options->target, text))
    return g_steal_pointer (&text);

  return g_strdup_printf ("%s (%s)", options->target, text);
}

static gboolean
connect_socket (const SondeDialOptions *options,
                SondeWait              *wait,
                gint64                  deadline,
                SondeDialResult        *result,
                GError                **error)
{
  g_autofree char *where = format_where (options, result->address);
  gint64           started = g_get_monotonic_time ();
  int              errsv = start_connect (result->fd, result->address);
  short            ready = 0;

  g_debug ("connecting to %s", where);
  if (errsv == 0)
    {
      if (!sonde_wait_for (wait, result->fd, POLLOUT, deadline, &ready, error))
        return FALSE;

      if (ready == 0)
        {
          set_timeout_error (error, options->timeout_usec, where);
          return FALSE;
        }

      errsv = take_socket_error (result->fd);
    }

  if (errsv != 0)
    {
      set_connect_error (error, errsv, where);
      return FALSE;
    }

  result->connect_usec = g_get_monotonic_time () - started;
  g_debug ("connected to %s after %" G_GUINT64_FORMAT " us", where, result->connect_usec);

  return TRUE;
}

static gboolean
dial_address (const SondeDialOptions *options,
              SondeWait              *wait,
              gint64                  deadline,
              SondeDialResult        *result,
              GError                **error)
{
  result->fd = open_socket (options, result->address, error);
  if (result->fd < 0)
    return FALSE;

  return connect_socket (options, wait, deadline, result, error);
}

/* Every address gets an equal share of the time that is left, or the first one
 * that swallows packets would leave nothing to the others. */
static gint64
share_of_time (gint64 deadline,
               guint  n_left)
{
  gint64 now = g_get_monotonic_time ();

  if (deadline == SONDE_WAIT_FOREVER)
    return deadline;

  return now + MAX (deadline - now, 0) / n_left;
}

/* Of several failures, the one of the address that was nearest to a connection
 * says most: localhost refused, not that there is no IPv6 here. */
static void
keep_telling_error (GError **kept,
                    GError  *latest)
{
  if (*kept != NULL &&
      (g_error_matches (latest, SONDE_ERROR, SONDE_ERROR_UNREACHABLE) ||
       g_error_matches (latest, SONDE_ERROR, SONDE_ERROR_ADDRESS_NOT_AVAILABLE)))
    {
      g_error_free (latest);
      return;
    }

  g_clear_error (kept);
  *kept = latest;
}

/*
 * sonde_dial:
 * @options: where to, and how
 * @wait: what can cancel it
 * @result: (out caller-allocates): a cleared result
 * @error: (nullable): where to put the error
 *
 * Connects to the first address of a host that takes the connection.
 *
 * Looking up the name and all attempts together end within the timeout.
 *
 * Returns: %TRUE with a connected, non-blocking socket in @result
 */
gboolean
sonde_dial (const SondeDialOptions *options,
            SondeWait              *wait,
            SondeDialResult        *result,
            GError                **error)
{
  gint64 deadline = sonde_wait_deadline (options->timeout_usec);
  g_autoptr (GError) kept_error = NULL;
  g_autoptr (GPtrArray) addresses = NULL;

  addresses = sonde_lookup (options->host, options->port, wait, deadline, error);
  if (addresses == NULL)
    return FALSE;

  for (guint i = 0; i < addresses->len; i++)
    {
      gint64  share = share_of_time (deadline, addresses->len - i);
      GError *local_error = NULL;

      result->address = g_object_ref (g_ptr_array_index (addresses, i));
      if (dial_address (options, wait, share, result, &local_error))
        return TRUE;

      g_debug ("%s", local_error->message);
      sonde_dial_result_clear (result);
      if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_propagate_error (error, local_error);
          return FALSE;
        }
      keep_telling_error (&kept_error, local_error);
    }

  g_propagate_error (error, g_steal_pointer (&kept_error));

  return FALSE;
}
