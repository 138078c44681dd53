/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* A shard is a GSocketService with a thread, a main context and a main loop
 * of its own. Its listeners are accepted by GSocketService; that wakes it for
 * the first connection that waits, and it takes the others along. What is
 * accepted becomes a session, which lives in the context's epoll set or, with
 * Concurrency=threads, in a thread.
 *
 * Others may look at a session, or give it an order, under the lock of the
 * roster. Moving bytes needs no lock. */

#include "config.h"

#include "sonde-shard-private.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "sonde-call-private.h"
#include "sonde-trim-private.h"

/* The epoll set, the wake-up of the main context and the reserve. */
#define OWN_FDS 3

/* Of the widest vectors, and of a cache line: a vector that lies across two of
 * them takes half as long again. */
#define BUFFER_ALIGNMENT 64

G_DEFINE_FINAL_TYPE (SondeShard, sonde_shard, G_TYPE_SOCKET_SERVICE)

/* Gives the context its turn, from a thread that serves sessions. */
static void
wake (SondeShard *self)
{
  if (self->concurrency == SONDE_CONCURRENCY_THREADS)
    g_main_context_wakeup (sonde_epoll_get_context (self->epoll));
  else
    sonde_epoll_interrupt (self->epoll);
}

/*
 * sonde_shard_is_over:
 * @self: a shard
 *
 * Checks whether the shard's thread has nothing left to do.
 */
gboolean
sonde_shard_is_over (SondeShard *self)
{
  return self->retired && sonde_roster_get_n_sessions (&self->roster) == 0;
}

/*
 * sonde_shard_quit_if_done:
 * @self: a shard, in any of its threads
 *
 * Ends the loop of a retired shard that has no session left.
 */
void
sonde_shard_quit_if_done (SondeShard *self)
{
  if (!sonde_shard_is_over (self))
    return;

  g_main_loop_quit (self->loop);
  wake (self);
}

static void
tell_closed (SondeShard   *self,
             SondeSession *session)
{
  const SondeEvent event = {
    .id = session->id,
    .outcome = session->outcome,
    .received = session->received,
    .sent = session->sent,
  };

  if (sonde_events_is_watched (self->host.events))
    sonde_events_push (self->host.events, &event);
}

static void
finish_session (SondeShard   *self,
                SondeSession *session,
                SondeDesk    *desk)
{
  const SondePeer peer = session->peer;

  if (sonde_roster_remove (&self->roster, session))
    {
      sonde_trim_later (sonde_epoll_get_context (self->epoll));
      wake (self);
    }
  tell_closed (self, session);
  sonde_session_free (session, desk);
  sonde_admission_leave (self->host.admission, &peer, sonde_shard_get_n_fds (self));
  sonde_shard_quit_if_done (self);
}

static void
session_ready_cb (gpointer item,
                  guint32  events,
                  gint64   now,
                  gpointer user_data)
{
  SondeShard   *self = user_data;
  SondeSession *session = item;
  guint32       interest;

  self->desk.now = now;
  interest = sonde_session_step (session, &self->desk, events);
  if (interest == 0)
    {
      finish_session (self, session, &self->desk);
      return;
    }

  sonde_session_watch (session, interest);
  if (sonde_shard_needs_timer (self, session))
    sonde_shard_watch_timeouts (self);
}

/* Under pressure the peer goes that has taken nothing for longest. */
static SondeRoom
make_room (gpointer user_data)
{
  SondeShard *self = user_data;

  return sonde_crowd_make_room (self->host.crowd,
                                &self->roster,
                                self->desk.serves_all ? &self->desk : NULL);
}

/* Not g_aligned_alloc(): glibc 2.36 does not find such memory again when it is
 * freed, and a process that makes and drops servers grows. */
static gpointer
make_buffer (void)
{
  return g_malloc (SONDE_READ_SIZE_MAX + BUFFER_ALIGNMENT);
}

static guint8 *
align_buffer (gpointer memory)
{
  const guintptr address = (guintptr) memory;

  return (guint8 *) memory + (BUFFER_ALIGNMENT - address % BUFFER_ALIGNMENT);
}

static GPrivate thread_buffer = G_PRIVATE_INIT (g_free);

static guint8 *
get_thread_buffer (void)
{
  gpointer memory = g_private_get (&thread_buffer);

  if (memory == NULL)
    {
      memory = make_buffer ();
      g_private_set (&thread_buffer, memory);
    }

  return align_buffer (memory);
}

static gboolean
watch_timeouts_cb (gpointer user_data)
{
  sonde_shard_watch_timeouts (user_data);

  return G_SOURCE_REMOVE;
}

/* Serves one connection to its end. The thread waits in an epoll set of its
 * own, so that an order reaches it in the same way as any other session. */
static void
serve (SondeShard   *self,
       SondeSession *session)
{
  SondeDesk desk = {
    .rules = self->host.rules,
    .counters = self->host.counters,
    .buffer = get_thread_buffer (),
    .make_room = make_room,
    .worker = self,
  };
  const int          epoll_fd = session->epoll_fd;
  struct epoll_event event;
  guint32            interest = EPOLLIN;
  gboolean           was_watched = FALSE;

  while (interest != 0)
    {
      sonde_session_watch (session, interest);
      if (sonde_shard_needs_timer (self, session) && !was_watched)
        sonde_call_later (sonde_epoll_get_context (self->epoll), watch_timeouts_cb, self, NULL);
      was_watched = sonde_shard_needs_timer (self, session);
      if (epoll_wait (epoll_fd, &event, 1, -1) < 1)
        continue;
      desk.now = g_get_monotonic_time ();
      interest = sonde_session_step (session, &desk, event.events);
    }

  finish_session (self, session, &desk);
  close (epoll_fd);
}

static void
serve_next (gpointer data,
            gpointer user_data)
{
  SondeShard   *self = user_data;
  SondeSession *session = g_async_queue_try_pop (self->waiting);

  if (session != NULL)
    serve (self, session);
}

/*
 * sonde_shard_serve_in_thread:
 * @self: a shard, in its own thread
 * @session: (transfer full): one of its sessions
 *
 * Has a session served by a thread, as soon as there is one.
 *
 * GThreadPool keeps what it has no thread for, and nothing gets it out again
 * but a thread. So it is given a number only, and a session for which there may
 * never be a thread ends here.
 *
 * Returns: %FALSE if there is no thread at all
 */
gboolean
sonde_shard_serve_in_thread (SondeShard   *self,
                             SondeSession *session)
{
  int epoll_fd;

  g_async_queue_push (self->waiting, session);
  if (g_thread_pool_push (self->threads, GUINT_TO_POINTER (1), NULL) ||
      g_thread_pool_get_num_threads (self->threads) > 0)
    return TRUE;

  session = g_async_queue_try_pop (self->waiting);
  if (session == NULL)
    return TRUE;

  epoll_fd = session->epoll_fd;
  session->outcome = SONDE_COUNTER_RESET;
  finish_session (self, session, &self->desk);
  close (epoll_fd);

  return FALSE;
}

static void
sonde_shard_finalize (GObject *object)
{
  SondeShard *self = SONDE_SHARD (object);

  g_assert (self->thread == NULL);

  sonde_crowd_remove (self->host.crowd, &self->roster);
  sonde_admission_count_fds (-(int) self->n_own_fds);

  if (self->threads != NULL)
    g_thread_pool_free (self->threads, TRUE, TRUE);
  g_clear_pointer (&self->waiting, g_async_queue_unref);
  g_clear_pointer (&self->loop, g_main_loop_unref);
  g_clear_pointer (&self->epoll, sonde_epoll_free);
  sonde_shard_drop_reserve (self);
  g_clear_pointer (&self->listeners, g_ptr_array_unref);
  g_clear_pointer (&self->owner_context, g_main_context_unref);
  g_free (self->buffer);
  sonde_roster_clear (&self->roster);
  g_cond_clear (&self->accepted_all);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (sonde_shard_parent_class)->finalize (object);
}

static void
sonde_shard_class_init (SondeShardClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = sonde_shard_finalize;
  G_SOCKET_SERVICE_CLASS (klass)->incoming = sonde_shard_incoming;
}

static void
sonde_shard_init (SondeShard *self)
{
  sonde_roster_init (&self->roster);
  g_mutex_init (&self->lock);
  g_cond_init (&self->accepted_all);
  self->deadline = G_MAXINT64;
  self->reserve_fd = -1;
}

/*
 * sonde_shard_new:
 * @host: what the server lends
 * @concurrency: whether connections are served in the loop or in threads
 * @listeners: (element-type GSocket): listeners, which do not block; the
 *   array is the shard's from now on
 * @error: where to put an error
 *
 * Makes a shard that does nothing yet.
 */
SondeShard *
sonde_shard_new (const SondeShardHost *host,
                 SondeConcurrency      concurrency,
                 GPtrArray            *listeners,
                 GError              **error)
{
  g_autoptr (SondeShard) self = g_object_new (SONDE_TYPE_SHARD, "active", FALSE, NULL);

  self->host = *host;
  sonde_crowd_add (host->crowd, &self->roster);
  self->desk.rules = host->rules;
  self->desk.counters = host->counters;
  self->desk.make_room = make_room;
  self->desk.serves_all = concurrency == SONDE_CONCURRENCY_LOOP;
  self->desk.worker = self;
  self->buffer = make_buffer ();
  self->desk.buffer = align_buffer (self->buffer);
  self->listeners = g_ptr_array_ref (listeners);

  self->n_own_fds = OWN_FDS + listeners->len;
  sonde_admission_count_fds ((int) self->n_own_fds);
  self->epoll = sonde_epoll_new (session_ready_cb, self, error);
  if (self->epoll == NULL)
    return NULL;
  sonde_epoll_set_turn_func (self->epoll, sonde_shard_check_accept);
  sonde_epoll_set_own_func (self->epoll, sonde_shard_take_shortcut);
  self->loop = g_main_loop_new (sonde_epoll_get_context (self->epoll), FALSE);
  sonde_shard_take_reserve (self);

  self->concurrency = concurrency;
  if (concurrency == SONDE_CONCURRENCY_LOOP)
    return g_steal_pointer (&self);

  self->waiting = g_async_queue_new ();
  self->threads = g_thread_pool_new (serve_next,
                                     self,
                                     (int) sonde_rules_get (host->rules, max_threads),
                                     FALSE,
                                     NULL);

  return g_steal_pointer (&self);
}

/*
 * sonde_shard_share_listeners:
 * @self: a new shard
 *
 * Expects others to accept from the same sockets. GSocketService would
 * complain about each connection that somebody else was faster to take.
 */
void
sonde_shard_share_listeners (SondeShard *self)
{
  sonde_epoll_share (self->epoll);
}

/*
 * sonde_shard_get_roster:
 * @self: a shard
 *
 * Gets the open connections.
 */
SondeRoster *
sonde_shard_get_roster (SondeShard *self)
{
  return &self->roster;
}
