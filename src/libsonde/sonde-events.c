/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What happens in the workers, told in the main loop of the owner.
 *
 * One source carries all that has come since the last one was dispatched, so
 * that a burst of connections wakes the owner once. An owner that is slower
 * than its connections loses events, and is told how many: neither the workers
 * nor the memory wait for it. */

#include "config.h"

#include "sonde-events-private.h"

#include "sonde-call-private.h"

struct _SondeEvents
{
  GWeakRef         owner;
  GMainContext    *context; /* (owned) */
  SondeEventFunc   func;
  _Atomic gboolean watched;

  GMutex  lock;    /* of the two below */
  GArray *waiting; /* (owned) (element-type SondeEvent) */
  guint64 n_dropped;
};

/*
 * sonde_events_new:
 * @owner: whom the events are for
 * @context: where they are told
 * @func: what is called for each
 *
 * Makes a queue of events that takes none yet. It may outlive its owner.
 *
 * Returns: (transfer full): the queue
 */
SondeEvents *
sonde_events_new (GObject       *owner,
                  GMainContext  *context,
                  SondeEventFunc func)
{
  SondeEvents *self = g_atomic_rc_box_new0 (SondeEvents);

  g_weak_ref_init (&self->owner, owner);
  g_mutex_init (&self->lock);
  self->context = g_main_context_ref (context);
  self->func = func;
  self->waiting = g_array_new (FALSE, FALSE, sizeof (SondeEvent));

  return self;
}

/*
 * sonde_events_ref:
 * @self: a queue
 *
 * Takes a reference.
 */
SondeEvents *
sonde_events_ref (SondeEvents *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (SondeEvents *self)
{
  g_weak_ref_clear (&self->owner);
  g_mutex_clear (&self->lock);
  g_main_context_unref (self->context);
  g_array_unref (self->waiting);
}

/*
 * sonde_events_unref:
 * @self: (transfer full): a queue
 *
 * Drops a reference.
 */
void
sonde_events_unref (SondeEvents *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify) clear);
}

static GArray *
take_waiting (SondeEvents *self)
{
  GArray *taken = NULL;

  g_mutex_lock (&self->lock);
  taken = self->waiting;
  self->waiting = g_array_new (FALSE, FALSE, sizeof (SondeEvent));
  g_mutex_unlock (&self->lock);

  return taken;
}

static gboolean
tell_cb (gpointer user_data)
{
  SondeEvents *self = user_data;
  g_autoptr (GObject) owner = g_weak_ref_get (&self->owner);
  g_autoptr (GArray) taken = take_waiting (self);

  /* A handler may turn the rest away. */
  for (guint i = 0; owner != NULL && self->watched && i < taken->len; i++)
    self->func (owner, &g_array_index (taken, SondeEvent, i));

  return G_SOURCE_REMOVE;
}

/*
 * sonde_events_push:
 * @self: a queue
 * @event: what has happened
 *
 * Has an event told, from any thread, if anybody wants to know.
 */
void
sonde_events_push (SondeEvents      *self,
                   const SondeEvent *event)
{
  gboolean is_first = FALSE;

  g_mutex_lock (&self->lock);
  if (self->waiting->len < SONDE_EVENTS_MAX)
    {
      is_first = self->waiting->len == 0;
      g_array_append_val (self->waiting, *event);
    }
  else
    self->n_dropped++;
  g_mutex_unlock (&self->lock);

  if (is_first)
    sonde_call_later (self->context,
                      tell_cb,
                      sonde_events_ref (self),
                      (GDestroyNotify) sonde_events_unref);
}

/*
 * sonde_events_set_watched:
 * @self: a queue, in its owner's thread
 * @watched: whether events are told
 *
 * Turns a queue on or off. What waits when it is turned off is not told.
 */
void
sonde_events_set_watched (SondeEvents *self,
                          gboolean     watched)
{
  self->watched = watched;
  if (!watched)
    g_array_unref (take_waiting (self));
}

/*
 * sonde_events_is_watched:
 * @self: (nullable): a queue
 *
 * Checks whether anybody wants to know: whoever pushes asks this first, and
 * saves the work.
 */
gboolean
sonde_events_is_watched (SondeEvents *self)
{
  return self != NULL && atomic_load_explicit (&self->watched, memory_order_relaxed);
}

/*
 * sonde_events_get_n_dropped:
 * @self: a queue
 *
 * Counts the events that found the queue full.
 */
guint64
sonde_events_get_n_dropped (SondeEvents *self)
{
  guint64 n;

  g_mutex_lock (&self->lock);
  n = self->n_dropped;
  g_mutex_unlock (&self->lock);

  return n;
}
