/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Sending and receiving at the same time on one socket.
 *
 * A peer that echoes stops reading when its answer is not read, so whoever
 * sends first and reads then hangs with it as soon as the messages exceed the
 * buffers between them. Here one poll() waits for both, and reading goes first.
 *
 * When the peer resets, send() and recv() race for the error. So a failed send
 * only ends the sending, and what can still be read decides what is reported:
 * a wrong answer first, then whether it was whole, then the reset. */

#include "config.h"

#include "sonde-exchange-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "sonde-answer-private.h"
#include "sonde-error-private.h"
#include "sonde-mode-private.h"
#include "sonde-units-private.h"

#define BUFFER_SIZE (64 * 1024)

/* How long a peer may take to close after us before that is left to it. */
#define LEAVE_TIMEOUT_USEC G_USEC_PER_SEC

/* Often enough for the eye, seldom enough to cost nothing. */
#define PROGRESS_USEC (100 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  const SondeExchangeOptions *options; /* (unowned) */
  SondeExchangeResult        *result;  /* (unowned) */
  int                         fd;      /* (unowned) */
  SondeCursor                 unsent;
  SondeAnswer                 answer;
  guint8                     *buffer; /* (owned) */
  gint64                      first_sent_at;
  gint64                      progress_at; /* when to tell of it */
  gint64                      deadline;
  int                         send_errno;
  gboolean                    eof;
} Exchange;

static void
exchange_clear (Exchange *self)
{
  g_free (self->buffer);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Exchange, exchange_clear)

static gboolean
is_all_sent (Exchange *self)
{
  gsize length;

  return sonde_cursor_peek (&self->unsent, &length) == NULL;
}

/* A peer that echoes to the end has to be given all of it; the others close
 * once they have read enough. */
static gboolean
is_complete (Exchange *self)
{
  if (!sonde_answer_is_whole (&self->answer))
    return FALSE;

  return is_all_sent (self) ||
         sonde_mode_get_end (self->options->mode) != SONDE_MODE_ENDS_AT_EOF;
}

static gboolean
wants_to_send (Exchange *self)
{
  return self->send_errno == 0 && !is_all_sent (self);
}

static void
set_io_error (Exchange   *self,
              int         errsv,
              const char *what,
              GError    **error)
{
  if (errsv != ETIMEDOUT)
    {
      sonde_error_set_errno (error,
                             errsv,
                             "could not %s %s after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                             " bytes of the answer",
                             what,
                             self->options->target,
                             self->result->n_received,
                             self->answer.n_expected);
      return;
    }

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_TIMED_OUT,
               "could not %s %s: %s (ETIMEDOUT)",
               what,
               self->options->target,
               g_strerror (errsv));
}

static void
set_no_progress_error (Exchange *self,
                       GError  **error)
{
  g_autofree char *timeout = sonde_units_format_time (self->options->timeout_usec);

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_TIMED_OUT,
               "%s made no progress within %s: %" G_GUINT64_FORMAT " bytes sent, %" G_GUINT64_FORMAT
               " of %" G_GUINT64_FORMAT " bytes of the answer received",
               self->options->target,
               timeout,
               self->result->n_sent,
               self->result->n_received,
               self->answer.n_expected);
}

static void
note_progress (Exchange *self)
{
  self->deadline = sonde_wait_deadline (self->options->timeout_usec);
}

static void
tell_progress (Exchange *self,
               gint64    now)
{
  if (self->options->progress == NULL || now < self->progress_at)
    return;

  self->progress_at = now + PROGRESS_USEC;
  self->options->progress (self->result->n_received,
                           self->answer.n_expected,
                           self->options->progress_data);
}

static void
note_received (Exchange *self,
               gsize     length)
{
  const gint64 now = g_get_monotonic_time ();
  const gint64 elapsed = now - self->first_sent_at;

  g_debug ("received %" G_GSIZE_FORMAT " bytes from %s", length, self->options->target);
  if (self->result->n_received == 0)
    self->result->first_byte_usec = elapsed;
  self->result->round_trip_usec = elapsed;
  self->result->n_received += length;
  note_progress (self);
  tell_progress (self, now);
}

static gboolean
receive_some (Exchange *self,
              GError  **error)
{
  gssize n_bytes = recv (self->fd, self->buffer, BUFFER_SIZE, MSG_DONTWAIT);

  if (n_bytes < 0 && (errno == EAGAIN || errno == EINTR))
    return TRUE;

  if (n_bytes < 0)
    {
      set_io_error (self, errno, "receive from", error);
      return FALSE;
    }

  if (n_bytes == 0)
    {
      self->eof = TRUE;
      return TRUE;
    }

  note_received (self, n_bytes);

  return sonde_answer_match (&self->answer, self->buffer, n_bytes, error);
}

static gboolean
handle_send_errno (Exchange *self,
                   int       errsv,
                   GError  **error)
{
  if (errsv == EAGAIN || errsv == EINTR)
    return TRUE;

  if (errsv == ECONNRESET || errsv == EPIPE)
    {
      g_debug ("%s takes no more: %s", self->options->target, g_strerror (errsv));
      self->send_errno = errsv;
      return TRUE;
    }

  set_io_error (self, errsv, "send to", error);

  return FALSE;
}

static gboolean
send_some (Exchange *self,
           GError  **error)
{
  gsize         length;
  const guint8 *data = sonde_cursor_peek (&self->unsent, &length);
  gssize        n_bytes;

  if (self->first_sent_at == 0)
    self->first_sent_at = g_get_monotonic_time ();

  n_bytes = send (self->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n_bytes < 0)
    return handle_send_errno (self, errno, error);

  g_debug ("sent %" G_GSSIZE_FORMAT " bytes to %s", n_bytes, self->options->target);
  sonde_cursor_advance (&self->unsent, n_bytes);
  self->result->n_sent += n_bytes;
  note_progress (self);

  /* A line without a newline ends where the stream does. */
  if (self->answer.needs_eof && is_all_sent (self))
    shutdown (self->fd, SHUT_WR);

  return TRUE;
}

static gboolean
judge_eof (Exchange *self,
           GError  **error)
{
  /* send() took the error off the socket, so the reset looks like an orderly
   * end here. EPIPE means that one came before it. */
  if (self->send_errno == ECONNRESET)
    {
      set_io_error (self, self->send_errno, "send to", error);
      return FALSE;
    }

  if (is_complete (self) || sonde_answer_may_end (&self->answer))
    return TRUE;

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_PEER_CLOSED,
               "%s closed the connection after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
               " bytes of the answer",
               self->options->target,
               self->result->n_received,
               self->answer.n_expected);

  return FALSE;
}

static gboolean
exchange_step (Exchange  *self,
               SondeWait *wait,
               GError   **error)
{
  const short events = wants_to_send (self) ? POLLIN | POLLOUT : POLLIN;
  short       ready = 0;

  if (!sonde_wait_for (wait, self->fd, events, self->deadline, &ready, error))
    return FALSE;

  if (ready == 0)
    {
      set_no_progress_error (self, error);
      return FALSE;
    }

  if ((ready & ~POLLOUT) != 0 && !receive_some (self, error))
    return FALSE;
  if (self->eof || (ready & POLLOUT) == 0 || is_complete (self))
    return TRUE;

  return send_some (self, error);
}

/* Closing with unread data resets the connection, and the peer would count an
 * error that is none. So wait for it to finish; that brings to light as well
 * whether it has more to say than it should. */
static gboolean
take_leave (Exchange  *self,
            SondeWait *wait,
            GError   **error)
{
  const gint64 deadline = sonde_wait_deadline (LEAVE_TIMEOUT_USEC);

  shutdown (self->fd, SHUT_WR);

  while (!self->eof)
    {
      g_autoptr (GError) local_error = NULL;
      short ready = 0;

      if (!sonde_wait_for (wait, self->fd, POLLIN, deadline, &ready, error))
        return FALSE;
      if (ready == 0)
        break;
      if (receive_some (self, &local_error))
        continue;

      if (g_error_matches (local_error, SONDE_ERROR, SONDE_ERROR_ECHO_MISMATCH))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
      break;
    }

  g_debug ("%s %s", self->options->target, self->eof ? "closed as well" : "has not closed");

  return TRUE;
}

static void
exchange_init (Exchange                   *self,
               const SondeExchangeOptions *options,
               int                         fd,
               SondeExchangeResult        *result)
{
  *self = (Exchange){
    .options = options,
    .result = result,
    .fd = fd,
    .buffer = g_malloc (BUFFER_SIZE),
    .progress_at = g_get_monotonic_time () + PROGRESS_USEC,
  };
  sonde_cursor_init (&self->unsent, options->messages, options->count);
  sonde_answer_init (&self->answer,
                     options->messages,
                     options->count,
                     options->mode,
                     options->read_size,
                     options->target);
  note_progress (self);
}

/*
 * sonde_exchange_run:
 * @options: what to send, and what to expect
 * @fd: a connected socket
 * @wait: what can cancel it
 * @result: (out caller-allocates): what happened, also when it fails
 * @error: (nullable): where to put the error
 *
 * Sends messages and compares the answer while it comes, until it is whole;
 * then ends the sending and waits briefly for the peer to end too.
 *
 * Returns: %TRUE if the answer is right
 */
gboolean
sonde_exchange_run (const SondeExchangeOptions *options,
                    int                         fd,
                    SondeWait                  *wait,
                    SondeExchangeResult        *result,
                    GError                    **error)
{
  g_auto (Exchange) self = { 0 };

  *result = (SondeExchangeResult){ 0 };
  exchange_init (&self, options, fd, result);

  while (!self.eof && !is_complete (&self))
    {
      if (!exchange_step (&self, wait, error))
        return FALSE;
    }

  if (self.eof)
    return judge_eof (&self, error);

  return take_leave (&self, wait, error);
}
