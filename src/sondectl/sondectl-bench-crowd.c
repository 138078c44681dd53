/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* One thread, one epoll set, and a socket for each client: what is measured is the
 * server, so there is as little as possible around it. */

#include "config.h"

#include "sondectl-bench-crowd.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <sys/resource.h>

#include <libsonde/sonde.h>

/* So many connect at a time, or the accept queue of the server would overflow. */
#define CONNECTING_MAX 64

/* Files that the process needs beside the connections. */
#define FILES_RESERVED 32

/*
 * sondectl_crowd_get_time:
 *
 * Gets the monotonic time, in nanoseconds.
 */
gint64
sondectl_crowd_get_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);

  return now.tv_sec * SONDECTL_NSEC_PER_SEC + now.tv_nsec;
}

/*
 * sondectl_crowd_add_timeout:
 * @now: a time
 * @timeout_usec: microseconds, or 0 for any time
 *
 * Gets the time at which something has taken too long.
 */
gint64
sondectl_crowd_add_timeout (gint64  now,
                            guint64 timeout_usec)
{
  const guint64 usec_max = G_MAXINT32 * (guint64) G_USEC_PER_SEC;
  const guint64 usec = timeout_usec > 0 ? MIN (timeout_usec, usec_max) : usec_max;

  return now + (gint64) usec * SONDECTL_NSEC_PER_USEC;
}

static gboolean
raise_file_limit (guint    n_connections,
                  GError **error)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
    {
      limit.rlim_cur = limit.rlim_max;
      setrlimit (RLIMIT_NOFILE, &limit);
      if (n_connections + FILES_RESERVED <= limit.rlim_max)
        return TRUE;
    }

  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               _ ("%u connections are more than the %lu files that this process may open"),
               n_connections,
               (gulong) limit.rlim_max);

  return FALSE;
}

/*
 * sondectl_crowd_init:
 * @self: (out caller-allocates): a crowd
 * @n_clients: how many clients
 * @error: why it failed
 *
 * Makes clients that are not connected yet.
 */
gboolean
sondectl_crowd_init (SondectlCrowd *self,
                     guint          n_clients,
                     GError       **error)
{
  self->n_clients = n_clients;
  self->clients = g_new0 (SondectlClient, n_clients);
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);

  return raise_file_limit (n_clients, error);
}

/*
 * sondectl_crowd_clear:
 * @self: a crowd
 *
 * Closes all connections.
 */
void
sondectl_crowd_clear (SondectlCrowd *self)
{
  for (guint i = 0; i < self->n_started; i++)
    sondectl_client_close (&self->clients[i]);
  g_clear_pointer (&self->clients, g_free);
  if (self->epoll_fd >= 0)
    g_close (self->epoll_fd, NULL);
  self->epoll_fd = -1;
}

static gboolean
control (SondectlCrowd  *self,
         SondectlClient *client,
         int             operation,
         guint32         events,
         GError        **error)
{
  struct epoll_event event = { .events = events, .data.ptr = client };

  if (epoll_ctl (self->epoll_fd, operation, client->fd, &event) == 0)
    return TRUE;

  g_set_error (error,
               G_IO_ERROR,
               g_io_error_from_errno (errno),
               _ ("could not watch a connection: %s"),
               g_strerror (errno));

  return FALSE;
}

/*
 * sondectl_crowd_watch:
 * @self: a crowd
 * @client: one of its clients
 * @events: the epoll(7) events to wait for
 * @error: why it failed
 *
 * Waits for other events of a client from now on.
 */
gboolean
sondectl_crowd_watch (SondectlCrowd  *self,
                      SondectlClient *client,
                      guint32         events,
                      GError        **error)
{
  return control (self, client, EPOLL_CTL_MOD, events, error);
}

/*
 * sondectl_crowd_wait:
 * @self: a crowd
 * @until: a time
 *
 * Waits until something is ready, or until then.
 *
 * Returns: how many events there are; without any it is just later
 */
int
sondectl_crowd_wait (SondectlCrowd *self,
                     gint64         until)
{
  const gint64    left = MAX (until - sondectl_crowd_get_time (), 0);
  struct timespec timeout = { left / SONDECTL_NSEC_PER_SEC, left % SONDECTL_NSEC_PER_SEC };

  return epoll_pwait2 (self->epoll_fd, self->events, SONDECTL_EVENTS_MAX, &timeout, NULL);
}

static gboolean
start_connecting (SondectlCrowd  *self,
                  GSocketAddress *address,
                  GError        **error)
{
  const guint n_wanted = MIN (self->n_clients, self->n_connected + CONNECTING_MAX);

  for (; self->n_started < n_wanted; self->n_started++)
    {
      SondectlClient *client = &self->clients[self->n_started];

      client->index = self->n_started;
      client->fd = -1;
      if (!sondectl_client_connect (client, address, error) ||
          !control (self, client, EPOLL_CTL_ADD, EPOLLOUT, error))
        {
          sondectl_client_close (client);
          return FALSE;
        }
    }

  return TRUE;
}

static gboolean
finish_connecting (SondectlCrowd *self,
                   int            n_events,
                   GError       **error)
{
  for (int i = 0; i < n_events; i++)
    {
      SondectlClient *client = self->events[i].data.ptr;

      if (client->state != SONDECTL_CLIENT_CONNECTING)
        continue;
      if (!sondectl_client_check_connected (client, error) ||
          !control (self, client, EPOLL_CTL_MOD, EPOLLIN, error))
        return FALSE;
      self->n_connected++;
    }

  return TRUE;
}

/*
 * sondectl_crowd_connect:
 * @self: a crowd
 * @address: where to
 * @timeout_usec: how long it may take; 0 for any time
 * @is_interrupted: becomes something else than 0 when it is to end
 * @error: why it failed
 *
 * Connects all clients.
 */
gboolean
sondectl_crowd_connect (SondectlCrowd               *self,
                        GSocketAddress              *address,
                        guint64                      timeout_usec,
                        const volatile sig_atomic_t *is_interrupted,
                        GError                     **error)
{
  const gint64 deadline = sondectl_crowd_add_timeout (sondectl_crowd_get_time (), timeout_usec);

  while (self->n_connected < self->n_clients)
    {
      if (!start_connecting (self, address, error) ||
          !finish_connecting (self, sondectl_crowd_wait (self, deadline), error))
        return FALSE;
      if (*is_interrupted)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("interrupted"));
          return FALSE;
        }
      if (self->n_connected == self->n_clients || sondectl_crowd_get_time () < deadline)
        continue;

      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_CONNECT_TIMED_OUT,
                   _ ("%u of %u connections stood within the connect timeout"),
                   self->n_connected,
                   self->n_clients);
      return FALSE;
    }

  return TRUE;
}
