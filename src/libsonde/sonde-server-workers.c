/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The workers of a server: shards with a thread each, from their listeners to
 * the day when the last connection is gone. */

#include "config.h"

#include "sonde-listener-private.h"
#include "sonde-server-private.h"

static gboolean
shard_done_cb (gpointer user_data)
{
  g_autoptr (SondeServer) self = g_weak_ref_get (user_data);

  if (self == NULL)
    return G_SOURCE_REMOVE;

  for (guint i = self->retired->len; i > 0; i--)
    if (sonde_shard_is_over (self->retired->pdata[i - 1]))
      {
        sonde_shard_join (self->retired->pdata[i - 1]);
        g_ptr_array_remove_index_fast (self->retired, i - 1);
      }
  sonde_server_update_state (self);
  if (self->retired->len == 0)
    sonde_server_end_drains (self);

  return G_SOURCE_REMOVE;
}

static void
free_weak_ref (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static SondeCounters *
get_counters (SondeServer *self,
              guint        worker)
{
  if (self->counters[worker] == NULL)
    self->counters[worker] = g_new0 (SondeCounters, 1);

  return self->counters[worker];
}

static SondeShard *
make_shard (SondeServer *self,
            guint        worker,
            GPtrArray   *listeners,
            GError     **error)
{
  const SondeShardHost host = {
    &self->rules,
    get_counters (self, worker),
    self->admission,
    self->crowd,
    &self->last_id,
    self->events,
  };
  const int concurrency =
    sonde_settings_get_enum (self->settings, SONDE_SETTING_CONCURRENCY);

  return sonde_shard_new (&host, concurrency, listeners, error);
}

static GPtrArray *
open_beside (SondeServer *self,
             GPtrArray   *first,
             GError     **error)
{
  if (self->given != NULL)
    return sonde_given_open (self->given, self->settings, error);

  return sonde_listener_open_beside (self->settings, first, error);
}

/* Opens the listeners of all workers, or none. */
static gboolean
make_shards (SondeServer *self,
             GPtrArray   *first,
             GPtrArray   *shards,
             GPtrArray   *listeners,
             GError     **error)
{
  const guint workers = (guint) sonde_settings_get_number (self->settings, SONDE_SETTING_WORKERS);

  for (guint i = 0; i < workers; i++)
    {
      g_autoptr (GPtrArray) own = NULL;
      SondeShard *shard = NULL;

      own = i == 0 ? g_ptr_array_ref (first) : open_beside (self, first, error);
      if (own == NULL)
        return FALSE;
      shard = make_shard (self, i, own, error);
      if (shard == NULL)
        return FALSE;
      g_ptr_array_add (shards, shard);
      if (self->given != NULL)
        sonde_shard_share_listeners (shard);
      for (guint j = 0; j < own->len; j++)
        g_ptr_array_add (listeners, g_object_ref (own->pdata[j]));
    }

  return TRUE;
}

static gboolean
start_shard (SondeServer *self,
             SondeShard  *shard,
             guint        worker,
             GError     **error)
{
  g_autofree char *name = g_strdup_printf ("sonde-%u", worker);
  GWeakRef        *weak = g_new0 (GWeakRef, 1);

  g_weak_ref_init (weak, self);
  if (sonde_shard_start (shard, name, self->context, shard_done_cb, weak, free_weak_ref, error))
    return TRUE;

  free_weak_ref (weak);

  return FALSE;
}

/* Starts all shards, or none. */
static gboolean
start_shards (SondeServer *self,
              GPtrArray   *shards,
              GError     **error)
{
  guint n_started = 0;

  while (n_started < shards->len && start_shard (self, shards->pdata[n_started], n_started, error))
    n_started++;
  if (n_started == shards->len)
    return TRUE;

  for (guint i = 0; i < n_started; i++)
    {
      sonde_shard_retire (shards->pdata[i]);
      sonde_shard_finish (shards->pdata[i], 0);
      sonde_shard_join (shards->pdata[i]);
    }

  return FALSE;
}

/*
 * sonde_server_start_workers:
 * @self: a server
 * @first: (element-type GSocket): the listeners of the first worker
 * @listeners: (element-type GSocket): gets the listeners of all workers, those
 *   of the first one in front
 * @error: where to put an error
 *
 * Starts as many workers as the settings ask for, which share the ports, or
 * none.
 *
 * Returns: (transfer full) (element-type SondeShard): the workers
 */
GPtrArray *
sonde_server_start_workers (SondeServer *self,
                            GPtrArray   *first,
                            GPtrArray   *listeners,
                            GError     **error)
{
  g_autoptr (GPtrArray) shards = g_ptr_array_new_with_free_func (g_object_unref);

  if (!make_shards (self, first, shards, listeners, error) || !start_shards (self, shards, error))
    return NULL;

  return g_steal_pointer (&shards);
}
