/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Waiting for one file descriptor, a deadline and a GCancellable at once,
 * without a main loop.
 *
 * g_cancellable_get_fd() would do, but it aborts the process when there are no
 * file descriptors left, and a server that is full must survive a probe. So a
 * wait has an eventfd of its own, and its making can fail with an error. */

#include "config.h"

#include "sonde-wait-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <glib/gstdio.h>

#include "sonde-error-private.h"

static void
cancelled_cb (GCancellable *cancellable,
              gpointer      user_data)
{
  SondeWait *self = user_data;

  eventfd_write (self->wake_fd, 1);
}

/*
 * sonde_wait_init:
 * @self: a wait set to %SONDE_WAIT_INIT; must not move until it is cleared
 * @cancellable: (nullable): what ends every wait
 * @error: (nullable): where to put the error
 *
 * Prepares to wait.
 *
 * Returns: %FALSE if there was no file descriptor left
 */
gboolean
sonde_wait_init (SondeWait    *self,
                 GCancellable *cancellable,
                 GError      **error)
{
  if (cancellable == NULL)
    return TRUE;

  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->wake_fd < 0)
    {
      sonde_error_set_errno (error, errno, "could not watch for cancellation");
      return FALSE;
    }

  self->cancellable = cancellable;
  self->handler_id = g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb), self, NULL);

  return TRUE;
}

/*
 * sonde_wait_clear:
 * @self: a wait
 *
 * Frees what the wait holds; it may be initialised again.
 */
void
sonde_wait_clear (SondeWait *self)
{
  if (self->wake_fd < 0)
    return;

  g_cancellable_disconnect (self->cancellable, self->handler_id);
  g_close (self->wake_fd, NULL);
  *self = (SondeWait) SONDE_WAIT_INIT;
}

static const struct timespec *
remaining_time (gint64           deadline,
                struct timespec *remaining)
{
  gint64 usec;

  if (deadline == SONDE_WAIT_FOREVER)
    return NULL;

  usec = MAX (deadline - g_get_monotonic_time (), 0);
  remaining->tv_sec = usec / G_USEC_PER_SEC;
  remaining->tv_nsec = (usec % G_USEC_PER_SEC) * 1000;

  return remaining;
}

/*
 * sonde_wait_for:
 * @self: a wait
 * @fd: what to wait for
 * @events: the poll(2) events that count; errors and hang-ups always do
 * @deadline: until when, on the monotonic clock, or %SONDE_WAIT_FOREVER
 * @ready: (out): the events that came; 0 when the deadline came first
 * @error: (nullable): where to put the error
 *
 * Waits until a file descriptor is ready.
 *
 * A descriptor that is ready is reported even after the deadline. Cancellation
 * goes before both.
 *
 * Returns: %FALSE if cancelled, or if the kernel could not wait
 */
gboolean
sonde_wait_for (SondeWait *self,
                int        fd,
                short      events,
                gint64     deadline,
                short     *ready,
                GError   **error)
{
  struct pollfd fds[] = { { fd, events, 0 }, { self->wake_fd, POLLIN, 0 } };
  int           n_ready;

  do
    {
      struct timespec remaining;

      n_ready = ppoll (fds, G_N_ELEMENTS (fds), remaining_time (deadline, &remaining), NULL);
    }
  while (n_ready < 0 && errno == EINTR);

  if (n_ready < 0)
    {
      sonde_error_set_errno (error, errno, "could not wait");
      return FALSE;
    }

  if (fds[1].revents != 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled");
      return FALSE;
    }

  *ready = fds[0].revents;

  return TRUE;
}

/*
 * sonde_wait_deadline:
 * @timeout_usec: a time span, 0 for one without an end
 *
 * Gets the moment at which a time span that begins now is over.
 */
gint64
sonde_wait_deadline (guint64 timeout_usec)
{
  gint64 now = g_get_monotonic_time ();

  if (timeout_usec == 0 || timeout_usec > (guint64) (G_MAXINT64 - now))
    return SONDE_WAIT_FOREVER;

  return now + (gint64) timeout_usec;
}
