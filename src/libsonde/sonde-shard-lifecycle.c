/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The thread of a shard, from its first listener to its last session. */

#include "config.h"

#include "sonde-shard-private.h"

#include <signal.h>

#include "sonde-call-private.h"
#include "sonde-error.h"

static gboolean
start_listening_cb (gpointer user_data)
{
  SondeShard *self = user_data;

  /* All listeners before the service is active: adding one to a service that
   * accepts resets the client that waits. */
  for (guint i = 0; i < self->listeners->len; i++)
    g_socket_listener_add_socket (G_SOCKET_LISTENER (self), self->listeners->pdata[i], NULL, NULL);
  g_socket_service_start (G_SOCKET_SERVICE (self));

  return G_SOURCE_REMOVE;
}

/* Signals are for the program that we are part of. Those that tell of a fault come
 * to the thread that has it. */
static void
leave_signals_to_others (void)
{
  static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
  sigset_t         signals;

  sigfillset (&signals);
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    sigdelset (&signals, faults[i]);
  pthread_sigmask (SIG_SETMASK, &signals, NULL);
}

static gpointer
run_thread (gpointer user_data)
{
  SondeShard *self = user_data;

  leave_signals_to_others ();
  sonde_epoll_enter (self->epoll);
  g_main_loop_run (self->loop);

  /* GSocketService holds itself until the accept that it cancelled is over. */
  while (g_main_context_iteration (sonde_epoll_get_context (self->epoll), FALSE))
    ;
  sonde_shard_clear_timeouts (self);
  if (self->threads != NULL)
    g_thread_pool_free (g_steal_pointer (&self->threads), TRUE, TRUE);
  sonde_epoll_leave (self->epoll);
  sonde_call_later (self->owner_context, self->done, self->user_data, self->destroy);

  return NULL;
}

/*
 * sonde_shard_start:
 * @self: a new shard
 * @name: of its thread
 * @owner_context: where @done is called
 * @done: what is called once, when the last session of a retired shard is over
 * @user_data: what it is called with
 * @destroy: what frees @user_data
 * @error: where to put an error, %SONDE_ERROR_FAILED
 *
 * Starts the thread; on return the shard accepts.
 *
 * Returns: %FALSE if there can be no thread; then @user_data is the caller's
 */
gboolean
sonde_shard_start (SondeShard    *self,
                   const char    *name,
                   GMainContext  *owner_context,
                   GSourceFunc    done,
                   gpointer       user_data,
                   GDestroyNotify destroy,
                   GError       **error)
{
  g_autoptr (GError) local_error = NULL;

  self->owner_context = g_main_context_ref (owner_context);
  self->done = done;
  self->user_data = user_data;
  self->destroy = destroy;
  self->thread = g_thread_try_new (name, run_thread, self, &local_error);
  if (self->thread == NULL)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_FAILED,
                   "Could not start a worker: %s",
                   local_error->message);
      return FALSE;
    }

  sonde_call_and_wait (sonde_epoll_get_context (self->epoll), start_listening_cb, self);

  return TRUE;
}

/*
 * sonde_shard_accept_all:
 * @self: a running shard that is not retired
 *
 * Has all accepted who wait for it now.
 *
 * This is done between two turns of the loop. In the middle of one
 * GSocketService may be about to accept: it would complain if there were
 * nobody any more, and reset the client if it were told to stop.
 */
void
sonde_shard_accept_all (SondeShard *self)
{
  g_mutex_lock (&self->lock);
  self->shall_accept_all = TRUE;
  g_main_context_wakeup (sonde_epoll_get_context (self->epoll));
  while (self->shall_accept_all)
    g_cond_wait (&self->accepted_all, &self->lock);
  g_mutex_unlock (&self->lock);
}

static gboolean
stop_listening_cb (gpointer user_data)
{
  SondeShard *self = user_data;

  /* Whom the kernel has let in already, we serve. */
  g_socket_service_stop (G_SOCKET_SERVICE (self));
  sonde_shard_drain_queue (self);
  for (guint i = 0; i < self->listeners->len; i++)
    sonde_epoll_remove (self->epoll, g_socket_get_fd (self->listeners->pdata[i]));
  g_socket_listener_close (G_SOCKET_LISTENER (self));
  g_clear_pointer (&self->listeners, g_ptr_array_unref);
  self->retired = TRUE;
  sonde_shard_quit_if_done (self);

  return G_SOURCE_REMOVE;
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
    sonde_call_and_wait (sonde_epoll_get_context (self->epoll), stop_listening_cb, self);
}

static gboolean
order_session (SondeSession *session,
               gpointer      user_data)
{
  sonde_session_give_order (session, *(SondeOrder *) user_data);

  return TRUE;
}

static gboolean
rearm_cb (gpointer user_data)
{
  SondeShard *self = user_data;

  sonde_shard_clear_timeouts (self);
  sonde_shard_watch_timeouts (self);
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
  sonde_call_later (sonde_epoll_get_context (self->epoll), rearm_cb, self, NULL);
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
  SondeOrder   order = timeout_usec > 0 ? SONDE_ORDER_FINISH : SONDE_ORDER_RESET;

  /* One that nobody will see is a deadline still. */
  self->deadline = now + (gint64) MIN (timeout_usec, (guint64) (G_MAXINT64 - 1 - now));
  sonde_roster_foreach (&self->roster, 0, order_session, &order);
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

static gboolean
answer_cb (gpointer user_data)
{
  SondeShard *self = user_data;

  self->is_asked = FALSE;

  return G_SOURCE_REMOVE;
}

/*
 * sonde_shard_is_responsive:
 * @self: a running shard
 *
 * Checks whether the thread has answered since it was last asked, and asks it
 * again. One that is over owes nobody an answer.
 */
gboolean
sonde_shard_is_responsive (SondeShard *self)
{
  if (self->is_asked)
    return sonde_shard_is_over (self);

  self->is_asked = TRUE;
  sonde_call_later (sonde_epoll_get_context (self->epoll), answer_cb, self, NULL);

  return TRUE;
}
