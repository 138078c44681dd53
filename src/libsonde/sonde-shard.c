/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* A shard is a GSocketService with a thread, a main context and a main loop
 * of its own. Its listeners are accepted by GSocketService; that wakes it for
 * the first connection that waits, and it takes the others along. What is
 * accepted becomes a session, which lives in the context's epoll set or, with
 * Concurrency=threads, in a thread.
 *
 * The lock guards the list of sessions and their descriptors: others may look
 * at a session, or give it an order, as long as they hold it. Moving bytes
 * needs no lock. */

#include "config.h"

#include "sonde-shard-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sonde-epoll-private.h"

/* Connections accepted in one turn, so that those who are in already do not
 * wait for all who come. */
#define ACCEPT_BATCH 64

/* No sooner and no later does a shard look for timeouts that have passed. */
#define SWEEP_MIN_MS 5
#define SWEEP_MAX_MS 500

/* How long accepting rests when descriptors or memory are out. */
#define PAUSE_MS 100

struct _SondeShard
{
  GSocketService parent_instance;

  SondeShardHost host;
  SondeDesk      desk;
  SondeEpoll    *epoll;     /* (owned) */
  GMainLoop     *loop;      /* (owned) */
  GThread       *thread;    /* (owned) (nullable) */
  GThreadPool   *threads;   /* (owned) (nullable): one thread per connection */
  GPtrArray     *listeners; /* (owned) (element-type GSocket) */
  GSource       *sweep;     /* (owned) (nullable) */

  GMutex        lock;
  SondeSession *first; /* (owned), by id */
  SondeSession *last;  /* (unowned) */
  guint         n_sessions;

  gboolean         paused;   /* accepts nothing for a moment */
  _Atomic gboolean retired;  /* does not listen any more, and ends with its last session */
  gint64           deadline; /* when those who are left are reset */

  GMainContext *owner_context; /* (owned) */
  GSourceFunc   done;
  gpointer      user_data; /* (unowned) */
};

G_DEFINE_FINAL_TYPE (SondeShard, sonde_shard, G_TYPE_SOCKET_SERVICE)

static void schedule_sweep (SondeShard *self);

static void
link_session (SondeShard   *self,
              SondeSession *session)
{
  g_mutex_lock (&self->lock);
  session->previous = self->last;
  if (self->last != NULL)
    self->last->next = session;
  else
    self->first = session;
  self->last = session;
  self->n_sessions++;
  g_mutex_unlock (&self->lock);
}

static void
unlink_session (SondeShard   *self,
                SondeSession *session)
{
  g_mutex_lock (&self->lock);
  if (session->previous != NULL)
    session->previous->next = session->next;
  else
    self->first = session->next;
  if (session->next != NULL)
    session->next->previous = session->previous;
  else
    self->last = session->previous;
  self->n_sessions--;
  g_mutex_unlock (&self->lock);
}

static void
quit_if_done (SondeShard *self)
{
  if (self->retired && sonde_shard_get_n_sessions (self) == 0)
    g_main_loop_quit (self->loop);
}

static guint
n_fds (SondeShard *self)
{
  return self->threads != NULL ? 2 : 1;
}

static void
finish_session (SondeShard   *self,
                SondeSession *session,
                SondeDesk    *desk)
{
  const SondePeer peer = session->peer;

  unlink_session (self, session);
  sonde_session_free (session, desk);
  sonde_admission_leave (self->host.admission, &peer, n_fds (self));
  quit_if_done (self);
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
  if (session->phase == SONDE_PHASE_LEAVING)
    schedule_sweep (self);
}

static GPrivate thread_buffer = G_PRIVATE_INIT (g_free);

static guint8 *
get_thread_buffer (void)
{
  guint8 *buffer = g_private_get (&thread_buffer);

  if (buffer == NULL)
    {
      buffer = g_malloc (SONDE_READ_SIZE_MAX);
      g_private_set (&thread_buffer, buffer);
    }

  return buffer;
}

/* Serves one connection to its end. The thread waits in an epoll set of its
 * own, so that an order reaches it in the same way as any other session. */
static void
serve_in_thread (gpointer data,
                 gpointer user_data)
{
  SondeSession      *session = data;
  SondeShard        *self = user_data;
  SondeDesk          desk = { self->host.rules, self->host.counters, get_thread_buffer (), 0 };
  const int          epoll_fd = session->epoll_fd;
  struct epoll_event event;
  guint32            interest = EPOLLIN;

  while (interest != 0)
    {
      sonde_session_watch (session, interest);
      if (epoll_wait (epoll_fd, &event, 1, -1) < 1)
        continue;
      desk.now = g_get_monotonic_time ();
      interest = sonde_session_step (session, &desk, event.events);
    }

  finish_session (self, session, &desk);
  close (epoll_fd);
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

static void
admit (SondeShard                    *self,
       int                            fd,
       const struct sockaddr_storage *address)
{
  SondeSession *session = NULL;
  SondePeer     peer;

  sonde_peer_init (&peer, address);
  if (!sonde_admission_enter (self->host.admission, &peer, n_fds (self)))
    {
      refuse (self, fd);
      return;
    }

  session = sonde_session_new (fd,
                               atomic_fetch_add (self->host.last_id, 1) + 1,
                               address,
                               g_get_monotonic_time ());
  sonde_counters_add (self->host.counters, SONDE_COUNTER_ACCEPTED, 1);
  set_quick_ack (self, fd);
  if (sonde_rules_get (self->host.rules, debug))
    log_accepted (session);

  if (!watch_session (self, session))
    {
      session->outcome = SONDE_COUNTER_RESET;
      sonde_session_free (session, &self->desk);
      sonde_admission_leave (self->host.admission, &peer, n_fds (self));
      return;
    }
  link_session (self, session);
  if (self->threads != NULL)
    g_thread_pool_push (self->threads, session, NULL);
  schedule_sweep (self);
}

/* accept(2): the connection is still there, and so is the event for it. */
static gboolean
is_shortage (int errsv)
{
  return errsv == EMFILE || errsv == ENFILE || errsv == ENOBUFS || errsv == ENOMEM;
}

static gboolean
resume_cb (gpointer user_data)
{
  SondeShard *self = user_data;

  if (!self->retired)
    g_socket_service_start (G_SOCKET_SERVICE (self));
  self->paused = FALSE;

  return G_SOURCE_REMOVE;
}

/* Out of descriptors or memory, a GSocketService would try again at once, and
 * again; it gets a rest instead. */
static void
pause_accepting (SondeShard *self,
                 int         errsv)
{
  g_autoptr (GSource) source = NULL;

  if (self->paused)
    return;

  g_message ("Cannot accept connections: %s; trying again every %d ms", g_strerror (errsv), PAUSE_MS);
  self->paused = TRUE;
  g_socket_service_stop (G_SOCKET_SERVICE (self));
  source = g_timeout_source_new (PAUSE_MS);
  g_source_set_callback (source, resume_cb, self, NULL);
  g_source_attach (source, sonde_epoll_get_context (self->epoll));
}

static void
note_accept_error (SondeShard *self,
                   int         errsv)
{
  sonde_counters_add_accept_error (self->host.counters, errsv);
  if (is_shortage (errsv))
    pause_accepting (self, errsv);
}

/* Takes what waits on a listener without asking the main loop for each. */
static guint
drain_listener (SondeShard *self,
                int         listener,
                guint       most)
{
  guint n = 0;

  while (n < most)
    {
      struct sockaddr_storage address = { 0 };
      socklen_t               length = sizeof address;
      const int               fd = accept4 (listener, (struct sockaddr *) &address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

      if (fd < 0 && errno == EINTR)
        continue;
      if (fd < 0)
        {
          if (errno != EAGAIN)
            note_accept_error (self, errno);
          break;
        }
      admit (self, fd, &address);
      n++;
    }

  return n;
}

static guint
drain_listeners (SondeShard *self,
                 guint       most)
{
  guint n = 0;

  for (guint i = 0; i < self->listeners->len; i++)
    n += drain_listener (self, g_socket_get_fd (self->listeners->pdata[i]), most);

  return n;
}

/* The connection that GSocketService brings is unwrapped again: nobody asked
 * for the objects around it, and without them it is a few dozen bytes. */
static gboolean
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

  if (fd < 0)
    {
      note_accept_error (self, errno);
      return TRUE;
    }

  /* A peer that is gone already has no address; family 0 then. GLib 2.80 and
   * later have turned TCP_NODELAY on by now. */
  getpeername (fd, (struct sockaddr *) &address, &length);
  if (glib_check_version (2, 80, 0) == NULL)
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);

  admit (self, fd, &address);
  sonde_counters_note_queue (self->host.counters, 1 + drain_listeners (self, ACCEPT_BATCH));

  return TRUE;
}

/* When a session that has not moved a byte is told to go, or G_MAXINT64. */
static gint64
get_expiry (SondeShard   *self,
            SondeSession *session)
{
  const guint64 idle = sonde_rules_get (self->host.rules, idle_timeout_usec);
  const gint64  active = atomic_load_explicit (&session->active, memory_order_relaxed);

  if (session->phase == SONDE_PHASE_LEAVING)
    return active + (gint64) sonde_rules_get (self->host.rules, close_timeout_usec);

  return idle > 0 ? active + (gint64) idle : G_MAXINT64;
}

static gint64
expire_sessions (SondeShard *self,
                 gint64      now)
{
  gint64 next;

  g_mutex_lock (&self->lock);
  next = self->deadline;
  for (SondeSession *session = self->first; session != NULL; session = session->next)
    {
      const gint64 expiry = get_expiry (self, session);

      if (now >= self->deadline)
        sonde_session_give_order (session, SONDE_ORDER_RESET);
      else if (now >= expiry)
        sonde_session_give_order (session, SONDE_ORDER_EXPIRE);
      next = MIN (next, expiry);
    }
  g_mutex_unlock (&self->lock);

  return next;
}

static void
clear_sweep (SondeShard *self)
{
  if (self->sweep == NULL)
    return;

  g_source_destroy (self->sweep);
  g_clear_pointer (&self->sweep, g_source_unref);
}

static gboolean
sweep_cb (gpointer user_data)
{
  SondeShard  *self = user_data;
  const gint64 next = expire_sessions (self, g_get_monotonic_time ());

  clear_sweep (self);
  if (next != G_MAXINT64)
    schedule_sweep (self);

  return G_SOURCE_REMOVE;
}

/* One timer watches over all timeouts, and runs only while there can be one.
 * It comes often enough that nothing is more than an eighth late. */
static void
schedule_sweep (SondeShard *self)
{
  const guint64 idle = sonde_rules_get (self->host.rules, idle_timeout_usec);
  const guint64 closing = sonde_rules_get (self->host.rules, close_timeout_usec);
  const guint64 shortest = idle > 0 ? MIN (idle, closing) : closing;
  const guint   interval_ms = (guint) CLAMP (shortest / 8000, SWEEP_MIN_MS, SWEEP_MAX_MS);

  if (self->sweep != NULL)
    return;

  self->sweep = g_timeout_source_new (interval_ms);
  g_source_set_static_name (self->sweep, "[Sonde] timeouts");
  g_source_set_callback (self->sweep, sweep_cb, self, NULL);
  g_source_attach (self->sweep, sonde_epoll_get_context (self->epoll));
}

typedef struct
{
  SondeShard *shard;
  void (*func) (SondeShard *self);
  GMutex   lock;
  GCond    cond;
  gboolean done;
} Call;

static gboolean
call_cb (gpointer user_data)
{
  Call *call = user_data;

  call->func (call->shard);
  g_mutex_lock (&call->lock);
  call->done = TRUE;
  g_cond_signal (&call->cond);
  g_mutex_unlock (&call->lock);

  return G_SOURCE_REMOVE;
}

static void
attach_idle (GMainContext  *context,
             GSourceFunc    func,
             gpointer       data,
             GDestroyNotify destroy)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, data, destroy);
  g_source_attach (source, context);
}

/* Runs a function in the shard's thread and waits for it: as long as one turn
 * of its loop. */
static void
call_and_wait (SondeShard *self,
               void (*func) (SondeShard *self))
{
  Call call = { .shard = self, .func = func };

  g_mutex_init (&call.lock);
  g_cond_init (&call.cond);
  attach_idle (sonde_epoll_get_context (self->epoll), call_cb, &call, NULL);
  g_mutex_lock (&call.lock);
  while (!call.done)
    g_cond_wait (&call.cond, &call.lock);
  g_mutex_unlock (&call.lock);
  g_cond_clear (&call.cond);
  g_mutex_clear (&call.lock);
}

static void
start_listening (SondeShard *self)
{
  /* All listeners before the service is active: adding one to a service that
   * accepts resets the client that waits. */
  for (guint i = 0; i < self->listeners->len; i++)
    g_socket_listener_add_socket (G_SOCKET_LISTENER (self), self->listeners->pdata[i], NULL, NULL);
  g_socket_service_start (G_SOCKET_SERVICE (self));
}

static void
stop_listening (SondeShard *self)
{
  if (self->retired)
    return;

  /* Whom the kernel has let in already, we serve. */
  g_socket_service_stop (G_SOCKET_SERVICE (self));
  drain_listeners (self, G_MAXUINT);
  g_socket_listener_close (G_SOCKET_LISTENER (self));
  g_clear_pointer (&self->listeners, g_ptr_array_unref);
  self->retired = TRUE;
  quit_if_done (self);
}

static gpointer
run_thread (gpointer user_data)
{
  SondeShard *self = user_data;

  sonde_epoll_enter (self->epoll);
  g_main_loop_run (self->loop);
  clear_sweep (self);
  if (self->threads != NULL)
    g_thread_pool_free (g_steal_pointer (&self->threads), FALSE, TRUE);
  sonde_epoll_leave (self->epoll);
  attach_idle (self->owner_context, self->done, self->user_data, NULL);

  return NULL;
}

static void
sonde_shard_finalize (GObject *object)
{
  SondeShard *self = SONDE_SHARD (object);

  g_assert (self->thread == NULL);

  if (self->threads != NULL)
    g_thread_pool_free (self->threads, TRUE, TRUE);
  g_clear_pointer (&self->loop, g_main_loop_unref);
  g_clear_pointer (&self->epoll, sonde_epoll_free);
  g_clear_pointer (&self->listeners, g_ptr_array_unref);
  g_clear_pointer (&self->owner_context, g_main_context_unref);
  g_free (self->desk.buffer);
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
  g_mutex_init (&self->lock);
  self->deadline = G_MAXINT64;
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
  self->desk.rules = host->rules;
  self->desk.counters = host->counters;
  self->desk.buffer = g_malloc (SONDE_READ_SIZE_MAX);
  self->listeners = g_ptr_array_ref (listeners);

  self->epoll = sonde_epoll_new (session_ready_cb, self, error);
  if (self->epoll == NULL)
    return NULL;
  self->loop = g_main_loop_new (sonde_epoll_get_context (self->epoll), FALSE);

  if (concurrency == SONDE_CONCURRENCY_THREADS)
    self->threads = g_thread_pool_new (serve_in_thread,
                                       self,
                                       (int) sonde_rules_get (host->rules, max_threads),
                                       FALSE,
                                       NULL);

  return g_steal_pointer (&self);
}

/*
 * sonde_shard_start:
 * @self: a new shard
 * @name: of its thread
 * @owner_context: where @done is called
 * @done: what is called once, when the last session of a retired shard is over
 * @user_data: what it is called with
 *
 * Starts the thread; on return the shard accepts.
 */
void
sonde_shard_start (SondeShard   *self,
                   const char   *name,
                   GMainContext *owner_context,
                   GSourceFunc   done,
                   gpointer      user_data)
{
  self->owner_context = g_main_context_ref (owner_context);
  self->done = done;
  self->user_data = user_data;
  self->thread = g_thread_new (name, run_thread, self);
  call_and_wait (self, start_listening);
}

/*
 * sonde_shard_retire:
 * @self: a running shard
 *
 * Stops listening; on return the port is free. Connections that wait to be
 * accepted are accepted first, and all live on.
 */
void
sonde_shard_retire (SondeShard *self)
{
  if (!self->retired)
    call_and_wait (self, stop_listening);
}

static void
order_all (SondeShard *self,
           SondeOrder  order)
{
  g_mutex_lock (&self->lock);
  for (SondeSession *session = self->first; session != NULL; session = session->next)
    sonde_session_give_order (session, order);
  g_mutex_unlock (&self->lock);
}

static gboolean
rearm_cb (gpointer user_data)
{
  SondeShard *self = user_data;

  clear_sweep (self);
  schedule_sweep (self);
  if (self->threads != NULL)
    g_thread_pool_set_max_threads (self->threads,
                                   (int) sonde_rules_get (self->host.rules, max_threads),
                                   NULL);

  return G_SOURCE_REMOVE;
}

/*
 * sonde_shard_rules_changed:
 * @self: a shard
 *
 * Makes the shard look at those rules that it does not read at each event.
 */
void
sonde_shard_rules_changed (SondeShard *self)
{
  attach_idle (sonde_epoll_get_context (self->epoll), rearm_cb, self, NULL);
}

/*
 * sonde_shard_finish:
 * @self: a retired shard
 * @timeout_usec: how long its sessions may take
 *
 * Tells all sessions to answer what has come and then to close. Who is not
 * done in time is reset.
 */
void
sonde_shard_finish (SondeShard *self,
                    guint64     timeout_usec)
{
  const gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  self->deadline = timeout_usec < (guint64) (G_MAXINT64 - now) ? now + (gint64) timeout_usec : G_MAXINT64;
  g_mutex_unlock (&self->lock);

  order_all (self, timeout_usec > 0 ? SONDE_ORDER_FINISH : SONDE_ORDER_RESET);
  sonde_shard_rules_changed (self);
}

/*
 * sonde_shard_join:
 * @self: a shard that was told to finish, or whose done function was called
 *
 * Waits for the thread to end.
 */
void
sonde_shard_join (SondeShard *self)
{
  if (self->thread != NULL)
    g_thread_join (g_steal_pointer (&self->thread));
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
  return self->retired && sonde_shard_get_n_sessions (self) == 0;
}

/*
 * sonde_shard_get_n_sessions:
 * @self: a shard
 *
 * Counts the open connections.
 */
guint
sonde_shard_get_n_sessions (SondeShard *self)
{
  guint n;

  g_mutex_lock (&self->lock);
  n = self->n_sessions;
  g_mutex_unlock (&self->lock);

  return n;
}

/*
 * sonde_shard_foreach:
 * @self: a shard
 * @after_id: an id; sessions up to it are passed over
 * @func: what is called for each session
 * @user_data: what it is called with
 *
 * Shows the open connections, by ascending id, under the lock that keeps them
 * open.
 *
 * Returns: %FALSE if @func stopped it
 */
gboolean
sonde_shard_foreach (SondeShard      *self,
                     guint64          after_id,
                     SondeSessionFunc func,
                     gpointer         user_data)
{
  gboolean go_on = TRUE;

  g_mutex_lock (&self->lock);
  for (SondeSession *session = self->first; go_on && session != NULL; session = session->next)
    if (session->id > after_id)
      go_on = func (session, user_data);
  g_mutex_unlock (&self->lock);

  return go_on;
}
