/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* When a connection has to go: silent for too long, its peer taking nothing for
 * too long, open for too long, or closing for too long. One timer of the shard
 * looks after all of them. */

#include "config.h"

#include "sonde-shard-private.h"

/* No sooner and no later does a shard look for timeouts that have passed. */
#define SWEEP_MIN_MS 5
#define SWEEP_MAX_MS 500

/* One that has nothing left to do but to get rid of its bytes, or to see its
 * peer's FIN. */
static gboolean
is_closing (SondeSession *session)
{
  return session->phase != SONDE_PHASE_OPEN || session->order == SONDE_ORDER_FINISH;
}

/*
 * sonde_shard_needs_timer:
 * @self: a shard, in the thread that serves @session
 * @session: one of its sessions
 *
 * Checks whether nobody but the timer may ever end a session.
 */
gboolean
sonde_shard_needs_timer (SondeShard   *self,
                         SondeSession *session)
{
  return is_closing (session) ||
         (session->stalled && sonde_rules_get (self->host.rules, stall_timeout_usec) > 0);
}

static gint64
add_timeout (gint64  since,
             guint64 timeout_usec)
{
  return timeout_usec > 0 ? since + (gint64) timeout_usec : G_MAXINT64;
}

/* When a session is told to go, or G_MAXINT64. */
static gint64
get_expiry (SondeShard   *self,
            SondeSession *session)
{
  SondeRules   *rules = self->host.rules;
  const guint64 idle = sonde_rules_get (rules, idle_timeout_usec);
  const guint64 stall = session->stalled ? sonde_rules_get (rules, stall_timeout_usec) : 0;
  const guint64 runtime = sonde_rules_get (rules, runtime_max_usec);
  const guint64 closing = sonde_rules_get (rules, close_timeout_usec);
  const gint64  active = atomic_load_explicit (&session->active, memory_order_relaxed);
  const gint64  latest = add_timeout (session->opened, runtime);

  /* One that is drained has until the deadline to get rid of its bytes. */
  if (session->phase == SONDE_PHASE_LEAVING ||
      (is_closing (session) && self->deadline == G_MAXINT64))
    return MIN (active + (gint64) closing, latest);

  return MIN (MIN (add_timeout (active, idle), add_timeout (active, stall)), latest);
}

typedef struct
{
  SondeShard *shard;
  gint64      now;
  gint64      next; /* when something is due again, or G_MAXINT64 */
} Sweep;

static gboolean
expire_session (SondeSession *session,
                gpointer      user_data)
{
  Sweep       *sweep = user_data;
  const gint64 deadline = sweep->shard->deadline;
  const gint64 expiry = get_expiry (sweep->shard, session);

  if (sweep->now >= deadline)
    sonde_session_give_order (session, SONDE_ORDER_RESET);
  else if (sweep->now >= expiry)
    sonde_session_give_order (session, SONDE_ORDER_EXPIRE);
  sweep->next = MIN (sweep->next, expiry);

  return TRUE;
}

/*
 * sonde_shard_clear_timeouts:
 * @self: a shard, in its own thread
 *
 * Looks at timeouts no more until sonde_shard_watch_timeouts().
 */
void
sonde_shard_clear_timeouts (SondeShard *self)
{
  if (self->sweep == NULL)
    return;

  g_source_destroy (self->sweep);
  g_clear_pointer (&self->sweep, g_source_unref);
}

static gboolean
sweep_cb (gpointer user_data)
{
  SondeShard *self = user_data;
  Sweep       sweep = { self, g_get_monotonic_time (), self->deadline };

  sonde_roster_foreach (&self->roster, 0, expire_session, &sweep);
  sonde_shard_clear_timeouts (self);
  if (sweep.next != G_MAXINT64)
    sonde_shard_watch_timeouts (self);

  return G_SOURCE_REMOVE;
}

static guint64
get_shortest_timeout (SondeRules *rules)
{
  const guint64 others[] = {
    sonde_rules_get (rules, idle_timeout_usec),
    sonde_rules_get (rules, stall_timeout_usec),
    sonde_rules_get (rules, runtime_max_usec),
  };
  guint64 shortest = sonde_rules_get (rules, close_timeout_usec);

  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    if (others[i] > 0)
      shortest = MIN (shortest, others[i]);

  return shortest;
}

/*
 * sonde_shard_watch_timeouts:
 * @self: a shard, in its own thread
 *
 * Makes sure that timeouts are looked at. One timer watches over them all, and
 * runs only while there can be one; it comes often enough that nothing is more
 * than an eighth late.
 */
void
sonde_shard_watch_timeouts (SondeShard *self)
{
  const guint64 shortest = get_shortest_timeout (self->host.rules);
  const guint   interval_ms = (guint) CLAMP (shortest / 8000, SWEEP_MIN_MS, SWEEP_MAX_MS);

  if (self->sweep != NULL)
    return;

  self->sweep = g_timeout_source_new (interval_ms);
  g_source_set_static_name (self->sweep, "[Sonde] timeouts");
  g_source_set_callback (self->sweep, sweep_cb, self, NULL);
  g_source_attach (self->sweep, sonde_epoll_get_context (self->epoll));
  sonde_epoll_interrupt (self->epoll);
}
