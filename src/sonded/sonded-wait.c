/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Answers WaitFor() when counters reach values. The counters belong to the
 * threads that move bytes, and those are not to be slowed down for it: so the
 * waiters of a server share a timer, which looks at the counters once for them
 * all, and runs only while there is one. It looks at the waiters when a value
 * that one of them waits for is reached, and not whenever a counter moves.
 *
 * It looks often while what is waited for moves. The longer that rests, the
 * less often, so that somebody may wait for hours at no cost. */

#include "config.h"

#include "sonded-wait.h"

#include "sonded-client.h"
#include "sonded-condition.h"
#include "sonded-reply.h"

/* Whoever has waited for a while is answered late by no more than this part of it. */
#define LATE_PART 20
#define LOOK_MIN_MS 5
#define LOOK_MAX_MS 50

typedef struct
{
  GDBusMethodInvocation *invocation; /* (owned) */
  SondedCondition        condition;
  gint64                 deadline;
  SondedClient          *client; /* (owned) (nullable): the caller, once it waits */
  gulong                 gone_id;
} Waiter;

/* Those who wait for one server. */
typedef struct
{
  SondeServer *server;                  /* (owned) */
  GPtrArray   *waiters;                 /* (owned) (element-type Waiter) */
  guint64      seen[SONDED_N_COUNTERS]; /* when the waiters were looked at last */
  guint64      next[SONDED_N_COUNTERS]; /* the lowest value that one waits for, or %G_MAXUINT64 */
  gint64       next_deadline;
  guint64      last[SONDED_N_COUNTERS]; /* when somebody looked last */
  gint64       moved_at;                /* the last time that one that is waited for differed */
  gboolean     has_changed;             /* a waiter came or left since the waiters were looked at */
  gboolean     is_removed;              /* the server is; it may still have connections */
  gint64       look_at;
  guint        timer_id;
} Queue;

static void
waiter_free (gpointer data)
{
  Waiter *self = data;

  if (self->client != NULL)
    g_signal_handler_disconnect (self->client, self->gone_id);
  g_clear_object (&self->client);
  if (self->invocation != NULL)
    g_object_unref (self->invocation);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Waiter, waiter_free)

static void
reply_unmet (Waiter      *self,
             SondeServer *server,
             SondeError   code,
             const char  *why)
{
  g_autofree char *text = sonded_condition_to_string (&self->condition);

  g_dbus_method_invocation_return_error (g_steal_pointer (&self->invocation),
                                         SONDE_ERROR,
                                         code,
                                         "Server %s did not reach %s %s",
                                         sonde_server_get_name (server),
                                         text,
                                         why);
}

/* Whether the waiter has nothing to wait for any more. The counters of a server
 * that is @over stay what they are. */
static gboolean
settle (Waiter        *self,
        SondeServer   *server,
        gboolean       over,
        GVariant      *statistics,
        const guint64 *now)
{
  if (self->client != NULL && sonded_client_is_gone (self->client))
    return TRUE;
  if (sonded_condition_is_met (&self->condition, now))
    {
      sonded_reply (g_steal_pointer (&self->invocation), statistics, NULL);
      return TRUE;
    }
  if (!over && g_get_monotonic_time () < self->deadline)
    return FALSE;

  if (over)
    reply_unmet (self, server, SONDE_ERROR_NO_SUCH_SERVER, "before it was removed");
  else
    reply_unmet (self, server, SONDE_ERROR_TIMED_OUT, "in time");

  return TRUE;
}

/* Looks out for what may settle a waiter. */
static void
look_out (Queue        *self,
          const Waiter *waiter)
{
  for (gsize i = 0; i < SONDED_N_COUNTERS; i++)
    if (sonded_condition_asks (&waiter->condition, i, self->seen[i]))
      self->next[i] = MIN (self->next[i], waiter->condition.wanted[i].value);
  self->next_deadline = MIN (self->next_deadline, waiter->deadline);
}

/* The last connections of a server that was removed may still be waited for. */
static gboolean
is_over (const Queue *self)
{
  return self->is_removed &&
         sonde_server_get_state (self->server) == SONDE_SERVER_STATE_STOPPED;
}

static void
settle_all (Queue *self)
{
  const gboolean over = is_over (self);
  g_autoptr (GVariant) statistics = sonded_condition_read_all (self->server, self->seen);

  self->has_changed = FALSE;
  self->next_deadline = G_MAXINT64;
  for (gsize i = 0; i < SONDED_N_COUNTERS; i++)
    self->next[i] = G_MAXUINT64;

  for (guint i = self->waiters->len; i > 0; i--)
    if (settle (self->waiters->pdata[i - 1], self->server, over, statistics, self->seen))
      g_ptr_array_remove_index_fast (self->waiters, i - 1);
    else
      look_out (self, self->waiters->pdata[i - 1]);
}

/* Whether anybody waits for a change such as this. Counters go down when they
 * are reset; then what was reached may be missing again. */
static gboolean
is_awaited (const Queue *self,
            gsize        counter,
            guint64      now)
{
  if (sonded_condition_is_exact (counter))
    return self->next[counter] != G_MAXUINT64 && now != self->seen[counter];

  return now >= self->next[counter] || now < self->seen[counter];
}

/* Reads what is waited for; notes when it moves. */
static gboolean
has_reached (Queue *self)
{
  gboolean reached = FALSE;

  for (gsize i = 0; i < SONDED_N_COUNTERS; i++)
    {
      guint64 now;

      if (self->next[i] == G_MAXUINT64)
        continue;
      now = sonded_condition_read (self->server, i);
      reached = reached || is_awaited (self, i, now);
      if (now != self->last[i])
        self->moved_at = g_get_monotonic_time ();
      self->last[i] = now;
    }

  return reached;
}

static gboolean
may_settle (Queue *self)
{
  const gboolean reached = has_reached (self);

  return reached || self->has_changed || is_over (self) ||
         g_get_monotonic_time () >= self->next_deadline;
}

static GQuark
queue_quark (void)
{
  return g_quark_from_static_string ("sonded-wait-queue");
}

static void
queue_free (Queue *self)
{
  g_object_set_qdata (G_OBJECT (self->server), queue_quark (), NULL);
  g_ptr_array_unref (self->waiters);
  g_object_unref (self->server);
  g_free (self);
}

static guint
get_interval_ms (const Queue *self)
{
  const gint64 now = g_get_monotonic_time ();
  const gint64 rested_ms = (now - self->moved_at) / 1000;
  const gint64 left_ms = MAX ((self->next_deadline - now) / 1000 + 1, 1);

  return (guint) MIN (CLAMP (rested_ms / LATE_PART, LOOK_MIN_MS, LOOK_MAX_MS), left_ms);
}

static gboolean look_cb (gpointer user_data);

static void
look_in (Queue *self,
         guint  interval_ms)
{
  g_clear_handle_id (&self->timer_id, g_source_remove);
  self->look_at = g_get_monotonic_time () + interval_ms * (gint64) 1000;
  self->timer_id = g_timeout_add (interval_ms, look_cb, self);
}

static gboolean
look_cb (gpointer user_data)
{
  Queue *self = user_data;

  self->timer_id = 0;
  if (may_settle (self))
    settle_all (self);

  if (self->waiters->len == 0)
    queue_free (self);
  else
    look_in (self, get_interval_ms (self));

  return G_SOURCE_REMOVE;
}

/* What is due soon is not put off by one who comes after the other. */
static void
look_soon (Queue *self)
{
  self->has_changed = TRUE;
  self->moved_at = g_get_monotonic_time ();
  if (self->timer_id == 0 || self->look_at > self->moved_at + LOOK_MIN_MS * 1000)
    look_in (self, LOOK_MIN_MS);
}

static Queue *
find_queue (SondeServer *server)
{
  return g_object_get_qdata (G_OBJECT (server), queue_quark ());
}

static Queue *
get_queue (SondeServer *server)
{
  Queue *self = find_queue (server);

  if (self != NULL)
    return self;

  self = g_new0 (Queue, 1);
  self->server = g_object_ref (server);
  self->waiters = g_ptr_array_new_with_free_func (waiter_free);
  g_object_set_qdata (G_OBJECT (server), queue_quark (), self);

  return self;
}

static void
client_gone_cb (SondedClient *client,
                Queue        *queue)
{
  look_soon (queue);
}

static void
enqueue (Queue  *self,
         Waiter *waiter)
{
  waiter->client = sonded_client_get (waiter->invocation);
  waiter->gone_id =
    g_signal_connect (waiter->client, "gone", G_CALLBACK (client_gone_cb), self);
  g_ptr_array_add (self->waiters, waiter);

  /* What the others have seen is too old to tell what this one has missed. */
  look_soon (self);
}

/*
 * sonded_wait_start:
 * @server: a server
 * @invocation: (transfer full): the call to answer
 * @condition: an `a{sv}` of counters and values
 * @timeout_usec: how long to wait
 *
 * Answers a call when all conditions are met, or it is too late. One whose
 * caller leaves the bus is forgotten.
 */
void
sonded_wait_start (SondeServer           *server,
                   GDBusMethodInvocation *invocation,
                   GVariant              *condition,
                   guint64                timeout_usec)
{
  const gint64 start = g_get_monotonic_time ();
  guint64      now[SONDED_N_COUNTERS];
  g_autoptr (GVariant) statistics = NULL;
  g_autoptr (GError) local_error = NULL;
  g_autoptr (Waiter) waiter = g_new0 (Waiter, 1);

  waiter->invocation = invocation;
  if (!sonded_condition_parse (&waiter->condition, condition, &local_error))
    {
      sonded_reply (g_steal_pointer (&waiter->invocation), NULL, local_error);
      return;
    }

  waiter->deadline =
    timeout_usec < (guint64) (G_MAXINT64 - start) ? start + (gint64) timeout_usec : G_MAXINT64;
  statistics = sonded_condition_read_all (server, now);
  if (!settle (waiter, server, FALSE, statistics, now))
    enqueue (get_queue (server), g_steal_pointer (&waiter));
}

/*
 * sonded_wait_end:
 * @server: a server that was removed
 *
 * Answers those who wait for it when its last connection is gone, if not before.
 */
void
sonded_wait_end (SondeServer *server)
{
  Queue *queue = find_queue (server);

  if (queue == NULL)
    return;

  queue->is_removed = TRUE;
  look_soon (queue);
}
