/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What a server counts. */

#include "config.h"

#include "sonde-listener-private.h"
#include "sonde-server-private.h"

static guint64
sum_counter (SondeServer *self,
             SondeCounter counter)
{
  guint64 sum = 0;

  for (guint i = 0; i < SONDE_WORKERS_MAX; i++)
    if (self->counters[i] != NULL)
      sum += sonde_counters_get (self->counters[i], counter);

  return sum;
}

/* From the last to the first: ends are read before beginnings, so that no
 * connection is seen to end that was not seen to begin. */
static void
sum_counters (SondeServer *self,
              guint64     *sums)
{
  for (guint i = SONDE_COUNTER_LAST; i > 0; i--)
    sums[i - 1] = sum_counter (self, i - 1);
}

/*
 * sonde_server_get_counter:
 * @self: a server
 * @counter: which one
 *
 * Counts since the server was made, or its statistics were reset.
 */
guint64
sonde_server_get_counter (SondeServer *self,
                          SondeCounter counter)
{
  return sum_counter (self, counter) - self->baseline[counter];
}

/*
 * sonde_server_get_accept_queue:
 * @self: a server
 * @depth: (out): connections that wait now, at all listeners
 * @limit: (out): how many may wait
 * @peak: (out): the most that were seen
 *
 * Reads the accept queues.
 */
void
sonde_server_get_accept_queue (SondeServer *self,
                               guint       *depth,
                               guint       *limit,
                               guint       *peak)
{
  /* Workers that accept from sockets that the server was given share a queue. */
  const guint n_queues =
    self->listeners->len / (self->inherited != NULL ? MAX (self->shards->len, 1) : 1);

  *depth = *limit = *peak = 0;

  for (guint i = 0; i < n_queues; i++)
    {
      guint one_depth = 0, one_limit = 0;

      if (sonde_listener_get_queue (self->listeners->pdata[i], &one_depth, &one_limit))
        {
          *depth += one_depth;
          *limit += one_limit;
        }
    }
  for (guint i = 0; i < SONDE_WORKERS_MAX; i++)
    if (self->counters[i] != NULL)
      *peak = MAX (*peak, self->counters[i]->accept_queue_peak);
  *peak = MAX (*peak, *depth);
}

static guint64
sum_accept_errors (SondeServer *self,
                   int          errsv)
{
  guint64 sum = 0;

  for (guint i = 0; i < SONDE_WORKERS_MAX; i++)
    if (self->counters[i] != NULL)
      sum += self->counters[i]->accept_errors[errsv];

  return sum;
}

/*
 * sonde_server_get_accept_errors:
 * @self: a server
 *
 * Counts the failed accept(2) calls by errno.
 *
 * Returns: (transfer full): an `a{st}`
 */
GVariant *
sonde_server_get_accept_errors (SondeServer *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{st}"));
  for (int i = 1; i <= SONDE_ERRNO_MAX; i++)
    {
      const guint64 n = sum_accept_errors (self, i) - self->errors_baseline[i];

      if (n > 0 && strerrorname_np (i) != NULL)
        g_variant_builder_add (&builder, "{st}", strerrorname_np (i), n);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/**
 * sonde_server_get_statistics:
 * @self: a server
 *
 * Reads all counters at one time.
 *
 * They fit together: `NConnections` is what was accepted less what has ended.
 * The names and types are those of the properties of the D-Bus interface
 * `org.sonde.Sonde1.Statistics`.
 *
 * Returns: (transfer full): an `a{sv}`
 *
 * Since: 0.1
 */
GVariant *
sonde_server_get_statistics (SondeServer *self)
{
  g_autoptr (GVariant) errors = NULL;
  guint64      sums[SONDE_COUNTER_LAST];
  guint        depth, limit, peak;
  GVariantDict dict;

  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  sum_counters (self, sums);
  g_variant_dict_init (&dict, NULL);
  for (guint i = 0; i < SONDE_COUNTER_LAST; i++)
    g_variant_dict_insert (&dict, sonde_counter_get_name (i), "t", sums[i] - self->baseline[i]);
  g_variant_dict_insert (&dict,
                         "NConnections",
                         "u",
                         (guint) (sums[SONDE_COUNTER_ACCEPTED] - sums[SONDE_COUNTER_CLOSED]));

  sonde_server_get_accept_queue (self, &depth, &limit, &peak);
  g_variant_dict_insert (&dict, "AcceptQueueDepth", "u", depth);
  g_variant_dict_insert (&dict, "AcceptQueueLimit", "u", limit);
  g_variant_dict_insert (&dict, "AcceptQueuePeak", "u", peak);
  errors = sonde_server_get_accept_errors (self);
  g_variant_dict_insert_value (&dict, "AcceptErrors", errors);

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static gboolean
are_responsive (GPtrArray *shards)
{
  gboolean all = TRUE;

  for (guint i = 0; i < shards->len; i++)
    all = sonde_shard_is_responsive (shards->pdata[i]) && all;

  return all;
}

/**
 * sonde_server_is_responsive:
 * @self: a server
 *
 * Checks whether every thread that accepts and serves has shown a sign of
 * life since this was last called, and asks each for the next one.
 *
 * This is for watchdogs: it costs a turn of each thread's loop, and does not
 * wait. The first call only asks.
 *
 * Returns: %TRUE if all have answered
 *
 * Since: 0.1
 */
gboolean
sonde_server_is_responsive (SondeServer *self)
{
  gboolean current;

  g_return_val_if_fail (SONDE_IS_SERVER (self), FALSE);

  current = are_responsive (self->shards);

  return are_responsive (self->retired) && current;
}

/**
 * sonde_server_reset_statistics:
 * @self: a server
 *
 * Makes all counters but that of the open connections start at 0 again.
 *
 * Since: 0.1
 */
void
sonde_server_reset_statistics (SondeServer *self)
{
  g_return_if_fail (SONDE_IS_SERVER (self));

  sum_counters (self, self->baseline);
  for (int i = 1; i <= SONDE_ERRNO_MAX; i++)
    self->errors_baseline[i] = sum_accept_errors (self, i);
  for (guint i = 0; i < SONDE_WORKERS_MAX; i++)
    if (self->counters[i] != NULL)
      self->counters[i]->accept_queue_peak = 0;
}
