/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How a connection comes into a shard: accepted, admitted, and watched. */

#include "config.h"

#include "sonde-shard-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sonde-listener-private.h"

/* Connections accepted in one turn, so that those who are in already do not
 * wait for all who come. */
#define ACCEPT_BATCH 64

/*
 * sonde_shard_get_n_fds:
 * @self: a shard
 *
 * Gets how many descriptors a connection takes.
 */
guint
sonde_shard_get_n_fds (SondeShard *self)
{
  return self->concurrency == SONDE_CONCURRENCY_THREADS ? 2 : 1;
}

static gboolean
watch_session (SondeShard   *self,
               SondeSession *session)
{
  struct epoll_event event = { .events = 0, .data.ptr = session };

  if (self->threads == NULL)
    {
      session->epoll_fd = sonde_epoll_get_fd (self->epoll);
      session->interest = EPOLLIN;
      return sonde_epoll_add (self->epoll, session->fd, EPOLLIN, session);
    }

  session->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);

  return session->epoll_fd >= 0 &&
         epoll_ctl (session->epoll_fd, EPOLL_CTL_ADD, session->fd, &event) == 0;
}

static void
log_accepted (SondeSession *session)
{
  g_autofree char *host = sonde_peer_dup_host (&session->peer);

  g_debug ("connection %" G_GUINT64_FORMAT " is open: peer %s port %u",
           session->id,
           host,
           session->peer.port);
}

static void
set_quick_ack (SondeShard *self,
               int         fd)
{
  const int quick_ack = sonde_rules_get (self->host.rules, quick_ack);

  if (quick_ack >= 0)
    setsockopt (fd, IPPROTO_TCP, TCP_QUICKACK, &quick_ack, sizeof quick_ack);
}

static void
refuse (SondeShard *self,
        int         fd)
{
  sonde_counters_add (self->host.counters, SONDE_COUNTER_REFUSED, 1);
  close (fd);
}

static SondeSession *
begin_session (SondeShard                    *self,
               int                            fd,
               const struct sockaddr_storage *address)
{
  const guint64 id = atomic_fetch_add (self->host.last_id, 1) + 1;
  SondeSession *session = sonde_session_new (fd, id, address, g_get_monotonic_time ());

  sonde_counters_add (self->host.counters, SONDE_COUNTER_ACCEPTED, 1);
  set_quick_ack (self, fd);
  if (sonde_rules_get (self->host.rules, debug))
    log_accepted (session);

  return session;
}

/* Nobody would ever hear of this one. */
static void
give_up (SondeShard   *self,
         SondeSession *session)
{
  const SondePeer peer = session->peer;
  const int       epoll_fd = session->epoll_fd;

  session->outcome = SONDE_COUNTER_RESET;
  sonde_session_free (session, &self->desk);
  if (self->threads != NULL && epoll_fd >= 0)
    close (epoll_fd);
  sonde_admission_leave (self->host.admission, &peer, sonde_shard_get_n_fds (self));
}

static void
tell_opened (SondeShard   *self,
             SondeSession *session)
{
  const SondeEvent event = { .id = session->id, .peer = session->peer, .is_open = TRUE };

  if (sonde_events_is_watched (self->host.events))
    sonde_events_push (self->host.events, &event);
}

static void
admit (SondeShard                    *self,
       int                            fd,
       const struct sockaddr_storage *address)
{
  SondeSession *session = NULL;
  SondePeer     peer;

  sonde_peer_init (&peer, address);
  if (!sonde_admission_enter (self->host.admission, &peer, sonde_shard_get_n_fds (self)))
    {
      refuse (self, fd);
      return;
    }

  session = begin_session (self, fd, address);
  if (!watch_session (self, session))
    {
      give_up (self, session);
      return;
    }
  tell_opened (self, session);
  sonde_roster_add (&self->roster, session);
  if (self->threads != NULL && !sonde_shard_serve_in_thread (self, session))
    {
      sonde_shard_rest (self, EAGAIN);
      return;
    }
  if (sonde_rules_get (self->host.rules, idle_timeout_usec) > 0 ||
      sonde_rules_get (self->host.rules, runtime_max_usec) > 0)
    sonde_shard_watch_timeouts (self);
}

/* Takes what waits on a listener without asking the main loop for each. */
static guint
drain_listener (SondeShard *self,
                int         listener,
                guint       most)
{
  guint n = 0, n_failed = 0;

  while (n + n_failed < most)
    {
      struct sockaddr_storage address = { 0 };
      socklen_t               length = sizeof address;
      const int               fd =
        accept4 (listener, (struct sockaddr *) &address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

      if (fd < 0 && errno == EINTR)
        continue;
      if (fd < 0 && (errno == EAGAIN || !sonde_shard_take_accept_error (self, listener, errno)))
        return n;
      if (fd < 0)
        {
          n_failed++;
          continue;
        }
      self->in_trouble = FALSE;
      admit (self, fd, &address);
      n++;
    }
  if (n == 0 && n_failed > 0)
    sonde_shard_rest (self, ECONNABORTED);

  return n;
}

/*
 * sonde_shard_drain_batch:
 * @self: a shard, in its own thread
 *
 * Takes in some of those who wait to be accepted.
 *
 * Returns: how many there were
 */
guint
sonde_shard_drain_batch (SondeShard *self)
{
  guint n = 0;

  for (guint i = 0; i < self->listeners->len; i++)
    n += drain_listener (self, g_socket_get_fd (self->listeners->pdata[i]), ACCEPT_BATCH);

  return n;
}

/*
 * sonde_shard_take_shortcut:
 * @fd: a descriptor of the main context
 * @user_data: a shard, in its own thread
 *
 * Takes in those who wait at a listener without a turn through
 * GSocketService, which is about seventeen system calls.
 *
 * Returns: %FALSE if it is none of the listeners
 */
gboolean
sonde_shard_take_shortcut (int      fd,
                           gpointer user_data)
{
  SondeShard *self = user_data;

  if (self->retired || self->paused)
    return FALSE;

  for (guint i = 0; i < self->listeners->len; i++)
    if (g_socket_get_fd (self->listeners->pdata[i]) == fd)
      {
        sonde_admission_refresh ();
        sonde_counters_note_queue (self->host.counters, drain_listener (self, fd, ACCEPT_BATCH));
        return TRUE;
      }

  return FALSE;
}

/*
 * sonde_shard_drain_queue:
 * @self: a shard, in its own thread
 *
 * Takes in all who wait to be accepted now. Those who come meanwhile are not
 * waited for: there may always be one more.
 */
void
sonde_shard_drain_queue (SondeShard *self)
{
  for (guint i = 0; i < self->listeners->len; i++)
    {
      guint depth = 0, limit = 0;

      if (sonde_listener_get_queue (self->listeners->pdata[i], &depth, &limit))
        drain_listener (self, g_socket_get_fd (self->listeners->pdata[i]), depth);
    }
}

/*
 * sonde_shard_incoming:
 * @service: a shard
 * @connection: the first connection that waited
 * @source_object: (nullable): nothing
 *
 * Takes in the connection that GSocketService brings, and those behind it. It
 * is unwrapped again: nobody asked for the objects around it, and without them
 * it is a few dozen bytes.
 */
gboolean
sonde_shard_incoming (GSocketService    *service,
                      GSocketConnection *connection,
                      GObject           *source_object)
{
  SondeShard             *self = SONDE_SHARD (service);
  const int               wrapped = g_socket_get_fd (g_socket_connection_get_socket (connection));
  const int               fd = fcntl (wrapped, F_DUPFD_CLOEXEC, 0);
  const int               no_delay = sonde_rules_get (self->host.rules, no_delay) == TRUE;
  struct sockaddr_storage address = { 0 };
  socklen_t               length = sizeof address;

  self->took_incoming = TRUE;
  sonde_admission_refresh ();
  if (fd < 0)
    {
      /* This one closes with its GSocketConnection. */
      sonde_shard_note_refused (self, errno);
      return TRUE;
    }

  /* A peer that is gone already has no address; family 0 then. GLib 2.80 and
   * later have turned TCP_NODELAY on by now. */
  getpeername (fd, (struct sockaddr *) &address, &length);
  if (glib_check_version (2, 80, 0) == NULL)
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);

  admit (self, fd, &address);
  sonde_counters_note_queue (self->host.counters, 1 + sonde_shard_drain_batch (self));

  return TRUE;
}

static void
accept_all_if_asked (SondeShard *self)
{
  g_mutex_lock (&self->lock);
  if (self->shall_accept_all)
    {
      sonde_shard_drain_queue (self);
      self->shall_accept_all = FALSE;
      g_cond_signal (&self->accepted_all);
    }
  g_mutex_unlock (&self->lock);
}

/*
 * sonde_shard_check_accept:
 * @user_data: a shard, in its own thread
 *
 * Looks after a turn in which a listener may have been ready. Where
 * GSocketService could not accept, it tells nobody but the log, and would try
 * again at once; an accept(2) of our own finds out why.
 */
void
sonde_shard_check_accept (gpointer user_data)
{
  SondeShard *self = user_data;

  if (self->retired)
    return;
  if (!self->took_incoming && !self->paused)
    sonde_shard_drain_batch (self);
  self->took_incoming = FALSE;
  accept_all_if_asked (self);
}
