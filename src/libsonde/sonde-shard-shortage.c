/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What becomes of accepting when accept(2) fails. Out of descriptors a shard
 * gives up one that it kept for this, so that it can close the client. Where
 * that does not help it rests, or it would do nothing else any more. */

#include "config.h"

#include "sonde-shard-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long accepting rests. */
#define PAUSE_MS 100

/* How an accept(2) failed: with what was wrong with one connection, which is
 * gone then (accept(2), "Error handling"); for want of descriptors; or otherwise,
 * and then it would fail again at once. */
static gboolean
is_transient (int errsv)
{
  static const int transient[] = {
    ECONNABORTED,
    ECONNRESET,
    EHOSTDOWN,
    EHOSTUNREACH,
    ENETDOWN,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPERM,
    EPROTO,
    ETIMEDOUT,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (transient); i++)
    if (transient[i] == errsv)
      return TRUE;

  return FALSE;
}

static gboolean
is_out_of_files (int errsv)
{
  return errsv == EMFILE || errsv == ENFILE;
}

/* A word for each time that it begins, and not more than one in a second: what
 * begins sooner has its word later, if it still goes on by then. */
static void
complain (SondeShard *self,
          int         errsv,
          const char *remedy)
{
  const gint64 now = g_get_monotonic_time ();

  if (self->in_trouble || (self->complained > 0 && now - self->complained < G_USEC_PER_SEC))
    return;

  self->in_trouble = TRUE;
  self->complained = now;
  g_message ("Cannot take in connections: %s; %s", g_strerror (errsv), remedy);
}

/*
 * sonde_shard_take_reserve:
 * @self: a shard
 *
 * Sets a descriptor aside, so that a client can be accepted and closed when
 * there is no other.
 */
void
sonde_shard_take_reserve (SondeShard *self)
{
  if (self->reserve_fd < 0)
    self->reserve_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * sonde_shard_drop_reserve:
 * @self: a shard
 *
 * Gives the descriptor back that was set aside.
 */
void
sonde_shard_drop_reserve (SondeShard *self)
{
  if (self->reserve_fd >= 0)
    close (self->reserve_fd);
  self->reserve_fd = -1;
}

/* A client that is closed knows where it stands; one in the queue would wait
 * for nobody knows how long. */
static gboolean
shed_waiting (SondeShard *self,
              int         listener)
{
  int fd;

  if (self->reserve_fd < 0)
    return FALSE;

  sonde_shard_drop_reserve (self);
  fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0)
    close (fd);
  sonde_shard_take_reserve (self);

  return fd >= 0;
}

/* GSocketService is not told to stop: it would still accept the next client, for
 * the accept that it cancels, and reset him. It hears of nobody instead. */
static void
set_paused (SondeShard *self,
            gboolean    paused)
{
  self->paused = paused;
  for (guint i = 0; i < self->listeners->len; i++)
    {
      const int fd = g_socket_get_fd (self->listeners->pdata[i]);

      if (paused)
        sonde_epoll_mute (self->epoll, fd);
      else
        sonde_epoll_unmute (self->epoll, fd);
    }
}

/* Tries for itself whether it can go on: GSocketService would only complain. */
static gboolean
resume_cb (gpointer user_data)
{
  SondeShard *self = user_data;

  if (self->retired)
    return G_SOURCE_REMOVE;

  self->shall_rest = FALSE;
  sonde_admission_refresh ();
  sonde_shard_take_reserve (self);
  sonde_shard_drain_batch (self);
  if (self->shall_rest)
    return G_SOURCE_CONTINUE;

  set_paused (self, FALSE);

  return G_SOURCE_REMOVE;
}

/*
 * sonde_shard_rest:
 * @self: a shard, in its own thread
 * @errsv: what accept(2) failed with
 *
 * Accepts nothing for a moment: what fails now would fail again at once, and
 * again.
 */
void
sonde_shard_rest (SondeShard *self,
                  int         errsv)
{
  g_autoptr (GSource) source = NULL;

  self->shall_rest = TRUE;
  complain (self, errsv, "trying again every " G_STRINGIFY (PAUSE_MS) " ms");
  if (self->paused || self->retired)
    return;

  set_paused (self, TRUE);
  sonde_counters_add (self->host.counters, SONDE_COUNTER_ACCEPT_PAUSES, 1);
  source = g_timeout_source_new (PAUSE_MS);
  g_source_set_callback (source, resume_cb, self, NULL);
  g_source_attach (source, sonde_epoll_get_context (self->epoll));
  sonde_epoll_interrupt (self->epoll);
}

/*
 * sonde_shard_note_refused:
 * @self: a shard, in its own thread
 * @errsv: what is missing
 *
 * Counts a client that is closed at once because something is missing.
 */
void
sonde_shard_note_refused (SondeShard *self,
                          int         errsv)
{
  sonde_counters_add_accept_error (self->host.counters, errsv);
  sonde_counters_add (self->host.counters, SONDE_COUNTER_REFUSED, 1);
  complain (self, errsv, "closing them at once");
}

/*
 * sonde_shard_take_accept_error:
 * @self: a shard, in its own thread
 * @listener: where accept(2) failed
 * @errsv: what it failed with
 *
 * Does what can be done about it.
 *
 * Returns: %FALSE if it makes no sense to go on at once
 */
gboolean
sonde_shard_take_accept_error (SondeShard *self,
                               int         listener,
                               int         errsv)
{
  if (is_out_of_files (errsv) && shed_waiting (self, listener))
    {
      sonde_shard_note_refused (self, errsv);
      return TRUE;
    }
  sonde_counters_add_accept_error (self->host.counters, errsv);
  if (is_transient (errsv))
    return TRUE;
  sonde_shard_rest (self, errsv);

  return FALSE;
}
