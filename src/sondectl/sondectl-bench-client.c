/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Each request is a window into the same random bytes, at a place that depends on the
 * connection and on the number of the request. So comparing every byte costs a memcmp(),
 * and bytes of another connection or of another request do not compare equal. */

#include "config.h"

#include "sondectl-bench-client.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <libsonde/sonde.h>

/* A power of two; small enough to stay in the first-level cache. */
#define N_WINDOWS 4096

#define BUFFER_SIZE (64 * 1024)

/*
 * sondectl_pattern_init:
 * @self: (out caller-allocates): a pattern
 * @size: of a request, in bytes
 * @is_upper: whether the answer is in upper case
 *
 * Makes the bytes of all requests.
 */
void
sondectl_pattern_init (SondectlPattern *self,
                       gsize            size,
                       gboolean         is_upper)
{
  guint64 state = 1;

  self->size = size;
  self->sent = g_malloc (size + N_WINDOWS);
  self->expected = g_malloc (size + N_WINDOWS);
  for (gsize i = 0; i < size + N_WINDOWS; i++)
    {
      state = state * G_GUINT64_CONSTANT (6364136223846793005) + 1;
      self->sent[i] = state >> 56;
      self->expected[i] = is_upper ? (guint8) g_ascii_toupper (self->sent[i]) : self->sent[i];
    }
}

/*
 * sondectl_pattern_clear:
 * @self: a pattern
 *
 * Frees the bytes.
 */
void
sondectl_pattern_clear (SondectlPattern *self)
{
  g_clear_pointer (&self->sent, g_free);
  g_clear_pointer (&self->expected, g_free);
}

/* Odd factors: as many requests in a row as there are windows have one each, and so
 * have the same requests of as many connections. */
static gsize
get_offset (const SondectlClient *self)
{
  return (self->index * 2081 + self->n_requests * 1237) % N_WINDOWS;
}

static SondeError
get_code (int errsv)
{
  switch (errsv)
    {
    case ECONNREFUSED:
      return SONDE_ERROR_CONNECT_REFUSED;
    case ECONNRESET:
    case EPIPE:
      return SONDE_ERROR_PEER_RESET;
    case EHOSTUNREACH:
    case ENETUNREACH:
      return SONDE_ERROR_UNREACHABLE;
    case ETIMEDOUT:
      return SONDE_ERROR_TIMED_OUT;
    default:
      return SONDE_ERROR_FAILED;
    }
}

static gboolean
fail (SondectlClient *self,
      int             errsv,
      GError        **error)
{
  g_set_error (error,
               SONDE_ERROR,
               get_code (errsv),
               _ ("connection %u: %s (%s)"),
               self->index + 1,
               g_strerror (errsv),
               strerrorname_np (errsv));

  return FALSE;
}

/*
 * sondectl_client_connect:
 * @self: a client without a socket
 * @address: where to
 * @error: why it failed
 *
 * Begins to connect.
 */
gboolean
sondectl_client_connect (SondectlClient *self,
                         GSocketAddress *address,
                         GError        **error)
{
  const int               on = 1;
  struct sockaddr_storage native = { 0 };
  const gssize            length = g_socket_address_get_native_size (address);

  self->state = SONDECTL_CLIENT_CONNECTING;
  if (!g_socket_address_to_native (address, &native, sizeof native, error))
    return FALSE;

  self->fd = socket (native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (self->fd < 0)
    return fail (self, errno, error);

  /* Nagle's algorithm would measure the peer's delayed acknowledgements. */
  setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect (self->fd, (struct sockaddr *) &native, (socklen_t) length) < 0 &&
      errno != EINPROGRESS)
    return fail (self, errno, error);

  return TRUE;
}

/*
 * sondectl_client_check_connected:
 * @self: a client whose socket is ready after it began to connect
 * @error: why it failed
 *
 * Checks whether it is connected.
 */
gboolean
sondectl_client_check_connected (SondectlClient *self,
                                 GError        **error)
{
  int       errsv = 0;
  socklen_t length = sizeof errsv;

  if (getsockopt (self->fd, SOL_SOCKET, SO_ERROR, &errsv, &length) < 0)
    errsv = errno;
  if (errsv != 0)
    return fail (self, errsv, error);

  self->state = SONDECTL_CLIENT_IDLE;

  return TRUE;
}

/*
 * sondectl_client_send:
 * @self: a busy client
 * @pattern: the bytes
 * @error: why it failed
 *
 * Sends as much of the request as the socket takes.
 */
gboolean
sondectl_client_send (SondectlClient        *self,
                      const SondectlPattern *pattern,
                      GError               **error)
{
  const guint8 *data = pattern->sent + get_offset (self) + self->n_sent;
  gssize        n_bytes;

  n_bytes = send (self->fd, data, pattern->size - self->n_sent, MSG_NOSIGNAL);
  if (n_bytes >= 0)
    self->n_sent += n_bytes;
  else if (errno != EAGAIN && errno != EINTR)
    return fail (self, errno, error);

  return TRUE;
}

/*
 * sondectl_client_ask:
 * @self: an idle client
 * @pattern: the bytes
 * @now: the time
 * @due_at: when it should have been asked
 * @error: why it failed
 *
 * Begins a request.
 */
gboolean
sondectl_client_ask (SondectlClient        *self,
                     const SondectlPattern *pattern,
                     gint64                 now,
                     gint64                 due_at,
                     GError               **error)
{
  self->state = SONDECTL_CLIENT_BUSY;
  self->n_requests++;
  self->n_sent = 0;
  self->n_received = 0;
  self->sent_at = now;
  self->due_at = due_at;

  return sondectl_client_send (self, pattern, error);
}

static gboolean
fail_mismatch (SondectlClient *self,
               gsize           offset,
               GError        **error)
{
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_ECHO_MISMATCH,
               _ ("connection %u: the answer to request %" PRIu64
                  " differs at offset %zu"),
               self->index + 1,
               self->n_requests,
               offset);

  return FALSE;
}

static gboolean
verify (SondectlClient        *self,
        const SondectlPattern *pattern,
        const guint8          *data,
        gsize                  length,
        GError               **error)
{
  const gsize   n_owed = self->state == SONDECTL_CLIENT_BUSY ? self->n_sent - self->n_received : 0;
  const guint8 *expected = pattern->expected + get_offset (self) + self->n_received;
  gsize         n_same = 0;

  if (length <= n_owed && memcmp (data, expected, length) == 0)
    {
      self->n_received += length;
      return TRUE;
    }

  while (n_same < MIN (length, n_owed) && data[n_same] == expected[n_same])
    n_same++;

  return fail_mismatch (self, self->n_received + n_same, error);
}

/*
 * sondectl_client_receive:
 * @self: a client
 * @pattern: the bytes
 * @error: why it failed
 *
 * Takes what has come, and compares it with what is owed: nothing to a client that is
 * idle. One that has all of its answer is idle from then on.
 */
gboolean
sondectl_client_receive (SondectlClient        *self,
                         const SondectlPattern *pattern,
                         GError               **error)
{
  guint8       buffer[BUFFER_SIZE];
  const gssize n_bytes = recv (self->fd, buffer, sizeof buffer, 0);

  if (n_bytes < 0)
    return errno == EAGAIN || errno == EINTR || fail (self, errno, error);
  if (n_bytes == 0)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_PEER_CLOSED,
                   _ ("connection %u: the peer closed it after %" PRIu64 " requests"),
                   self->index + 1,
                   self->n_requests);
      return FALSE;
    }
  if (!verify (self, pattern, buffer, n_bytes, error))
    return FALSE;
  if (self->n_received == pattern->size)
    self->state = SONDECTL_CLIENT_IDLE;

  return TRUE;
}

/*
 * sondectl_client_close:
 * @self: a client
 *
 * Closes the connection.
 */
void
sondectl_client_close (SondectlClient *self)
{
  if (self->fd >= 0)
    g_close (self->fd, NULL);
  self->fd = -1;
}
