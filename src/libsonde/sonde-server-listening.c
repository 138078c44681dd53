/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How a server begins to listen, listens anew, and ends. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-listener-private.h"
#include "sonde-server-private.h"

/* Failed stays until the next attempt; all else follows from the shards. */
static void
update_state (SondeServer *self)
{
  if (self->shards->len > 0)
    sonde_server_set_state (self, SONDE_SERVER_STATE_LISTENING);
  else if (self->retired->len > 0)
    sonde_server_set_state (self, SONDE_SERVER_STATE_DRAINING);
  else if (self->state != SONDE_SERVER_STATE_FAILED)
    sonde_server_set_state (self, SONDE_SERVER_STATE_STOPPED);
}

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
  update_state (self);
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

static void
log_listening (SondeServer *self)
{
  for (guint i = 0; i < self->listeners->len; i++)
    {
      g_autoptr (GSocketAddress) address =
        g_socket_get_local_address (self->listeners->pdata[i], NULL);
      g_autofree char *text = address != NULL ? sonde_address_format (address) : NULL;
      guint            depth = 0, limit = 0;

      sonde_listener_get_queue (self->listeners->pdata[i], &depth, &limit);
      g_debug ("server %s listens on %s, accept queue %u of %u", self->name, text, depth, limit);
    }
}

static void
log_options (SondeServer *self)
{
  g_autoptr (GVariant) report = NULL;

  if (!self->rules.debug)
    return;

  report = sonde_server_get_option_report (self);
  for (gsize i = 0; i < g_variant_n_children (report); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (report, i);
      g_autofree char *row_text = g_variant_print (row, FALSE);

      g_debug ("server %s: option %s", self->name, row_text);
    }
}

/* How long listeners that are replaced live on, so that handshakes that had
 * begun with them can end: longer than most round trips, and shorter than
 * anybody would notice. */
#define GRACE_MS 200

/* Shards that may be in it. Who replaces listeners faster does not care. */
#define GRACE_MAX 256

static void
retire_old_shards (SondeServer *self)
{
  for (guint i = 0; i < self->retired->len; i++)
    sonde_shard_retire (self->retired->pdata[i]);
}

static void
stop_grace_timer (SondeServer *self)
{
  if (self->grace == NULL)
    return;

  g_source_destroy (self->grace);
  g_clear_pointer (&self->grace, g_source_unref);
}

static void
end_grace (SondeServer *self)
{
  if (self->n_in_grace == 0)
    return;

  stop_grace_timer (self);
  retire_old_shards (self);
  self->n_in_grace = 0;
  for (guint i = 0; i < self->listeners->len; i++)
    sonde_listener_unsteer (self->listeners->pdata[i]);
}

static gboolean
grace_cb (gpointer user_data)
{
  end_grace (user_data);

  return G_SOURCE_REMOVE;
}

/* From now on nobody new comes to the old listeners, which are the first of
 * their groups; and when those who have come are in, they are closed. */
static void
begin_grace (SondeServer *self,
             guint        n_addresses,
             guint        n_old)
{
  self->n_in_grace += n_old;
  for (guint i = 0; i < n_addresses; i++)
    sonde_listener_steer (self->listeners->pdata[i], self->n_in_grace, self->shards->len);

  stop_grace_timer (self);
  self->grace = g_timeout_source_new (GRACE_MS);
  g_source_set_static_name (self->grace, "[Sonde] grace");
  g_source_set_callback (self->grace, grace_cb, self, NULL);
  g_source_attach (self->grace, self->context);
}

/* Takes what was opened into use. The old shards listen on, beside the new
 * ones, until they are retired. */
static gboolean
listen_anew (SondeServer *self,
             GPtrArray   *first,
             gboolean     same_ports,
             GError     **error)
{
  g_autoptr (GPtrArray) shards = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GPtrArray) listeners = g_ptr_array_new_with_free_func (g_object_unref);
  const guint n_old = self->shards->len;

  if (!make_shards (self, first, shards, listeners, error) || !start_shards (self, shards, error))
    return FALSE;

  g_ptr_array_extend_and_steal (self->retired, self->shards);
  g_ptr_array_unref (self->listeners);
  self->shards = g_steal_pointer (&shards);
  self->listeners = g_steal_pointer (&listeners);
  g_clear_pointer (&self->listening, sonde_settings_unref);
  self->listening = sonde_settings_copy (self->settings);
  g_clear_pointer (&self->inherited, sonde_given_unref);
  if (self->given != NULL)
    self->inherited = sonde_given_ref (self->given);

  if (same_ports)
    begin_grace (self, first->len, n_old);
  else
    retire_old_shards (self);

  return TRUE;
}

static void
notify_listening (SondeServer *self)
{
  g_object_freeze_notify (G_OBJECT (self));
  update_state (self);
  sonde_server_notify_addresses (self);
  g_object_thaw_notify (G_OBJECT (self));
}

static gboolean
has_addresses (SondeServer *self,
               GError     **error)
{
  if (self->given != NULL || sonde_settings_has (self->settings, SONDE_SETTING_LISTEN_ADDRESSES))
    return TRUE;

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "ListenAddresses= of server %s is empty; allowed: at least one HOST:PORT",
               self->name);

  return FALSE;
}

static GPtrArray *
open_all (SondeServer *self,
          GPtrArray   *resolved,
          GPtrArray   *old,
          GError     **error)
{
  if (self->given != NULL)
    return sonde_given_open (self->given, self->settings, error);

  return sonde_listener_open_all (self->settings, resolved, old, error);
}

/* Listens on every address, or on the sockets that were given, or, where that
 * fails, on none. */
static gboolean
begin_to_listen (SondeServer *self,
                 GPtrArray   *resolved,
                 GError     **error)
{
  g_autoptr (GPtrArray) first = NULL;

  if (has_addresses (self, error))
    first = open_all (self, resolved, NULL, error);
  if (first == NULL || !listen_anew (self, first, FALSE, error))
    {
      sonde_server_set_state (self, SONDE_SERVER_STATE_FAILED);
      return FALSE;
    }

  notify_listening (self);
  log_listening (self);
  log_options (self);

  return TRUE;
}

static gboolean
same_addresses (SondeServer *self)
{
  g_autoptr (GVariant) asked = sonde_settings_peek (self->settings, SONDE_SETTING_LISTEN_ADDRESSES);
  g_autoptr (GVariant) got = sonde_settings_peek (self->listening, SONDE_SETTING_LISTEN_ADDRESSES);

  return g_variant_equal (asked, got);
}

/* The listeners of the first worker stand for those of all. */
static GPtrArray *
open_again (SondeServer *self,
            GError     **error)
{
  g_autoptr (GPtrArray) first = g_ptr_array_new ();

  for (guint i = 0; i < self->listeners->len / self->shards->len; i++)
    g_ptr_array_add (first, self->listeners->pdata[i]);

  return sonde_listener_open_beside (self->settings, first, error);
}

static gboolean
share_port (SondeSession *session,
            gpointer      user_data)
{
  const int on = TRUE;

  setsockopt (session->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);

  return TRUE;
}

/* bind(2) looks at every socket of a port: at those that were accepted, and at
 * those that wait to be, which nobody can reach. So these are accepted first. */
static gboolean
share_ports (SondeServer *self)
{
  const gboolean was_shared = sonde_listener_share_ports (self->listeners, TRUE);

  for (guint i = 0; i < self->shards->len; i++)
    sonde_shard_accept_all (self->shards->pdata[i]);
  sonde_server_foreach (self, share_port, NULL);

  return was_shared;
}

/* Sockets that were given are not bound by us, and so nothing of theirs can be
 * shared nor taken over; but one after the other may accept from them. */
static gboolean
replace_given (SondeServer *self,
               GPtrArray   *resolved,
               GError     **error)
{
  g_autoptr (GPtrArray) first = NULL;

  end_grace (self);
  first = open_all (self, resolved, NULL, error);

  return first != NULL && listen_anew (self, first, FALSE, error);
}

static gboolean
replace_listeners (SondeServer *self,
                   GPtrArray   *resolved,
                   GError     **error)
{
  const gboolean same_ports = same_addresses (self);
  g_autoptr (GPtrArray) first = NULL;
  gboolean was_shared;

  if (self->given != NULL || self->inherited != NULL)
    return replace_given (self, resolved, error);

  if (!same_ports || self->n_in_grace > GRACE_MAX)
    end_grace (self);
  was_shared = share_ports (self);
  if (same_ports)
    first = open_again (self, error);
  else
    first = sonde_listener_open_all (self->settings, resolved, self->listeners, error);
  if (first != NULL && listen_anew (self, first, same_ports, error))
    return TRUE;

  sonde_listener_share_ports (self->listeners, was_shared);

  return FALSE;
}

/*
 * sonde_server_needs_addresses:
 * @self: a server
 * @anew: whether a server that listens shall listen anew
 *
 * Checks whether sonde_server_listen() would open addresses of the settings.
 */
gboolean
sonde_server_needs_addresses (SondeServer *self,
                              gboolean     anew)
{
  if (self->given != NULL)
    return FALSE;

  return self->shards->len == 0 ||
         (anew && (self->inherited != NULL || !same_addresses (self)));
}

/*
 * sonde_server_listen:
 * @self: a server
 * @anew: whether a server that listens shall listen anew
 * @resolved: (nullable) (element-type GPtrArray): what stands behind the
 *   addresses of the settings; may be %NULL if they are not needed
 * @error: where to put an error
 *
 * Listens, without waiting for anything.
 *
 * Returns: %TRUE if the server listens, and, if it shall, anew
 */
gboolean
sonde_server_listen (SondeServer *self,
                     gboolean     anew,
                     GPtrArray   *resolved,
                     GError     **error)
{
  if (self->shards->len == 0)
    return begin_to_listen (self, resolved, error);
  if (!anew)
    return TRUE;
  if (!has_addresses (self, error) || !replace_listeners (self, resolved, error))
    return FALSE;
  notify_listening (self);

  return TRUE;
}

/**
 * sonde_server_drain:
 * @self: a server
 * @timeout_usec: how many microseconds the connections may take; 0 resets
 *   them at once
 *
 * Stops listening and lets the open connections finish.
 *
 * On return nothing is listened on. Connections that waited to be accepted
 * are accepted first; then each answers what it has received, and is closed.
 * Those that are not done in time are reset. When the last one is gone, the
 * state turns to %SONDE_SERVER_STATE_STOPPED. A start that is under way is
 * given up, and fails with %SONDE_ERROR_FAILED.
 *
 * Since: 0.1
 */
void
sonde_server_drain (SondeServer *self,
                    guint64      timeout_usec)
{
  g_return_if_fail (SONDE_IS_SERVER (self));

  sonde_server_abandon_starts (self);
  if (self->state == SONDE_SERVER_STATE_FAILED)
    sonde_server_set_state (self, SONDE_SERVER_STATE_STOPPED);

  end_grace (self);
  g_ptr_array_extend_and_steal (self->retired, self->shards);
  self->shards = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_set_size (self->listeners, 0);
  g_clear_pointer (&self->listening, sonde_settings_unref);
  g_clear_pointer (&self->inherited, sonde_given_unref);

  for (guint i = 0; i < self->retired->len; i++)
    {
      sonde_shard_retire (self->retired->pdata[i]);
      sonde_shard_finish (self->retired->pdata[i], timeout_usec);
    }
  notify_listening (self);
}

/**
 * sonde_server_stop:
 * @self: a server
 *
 * Stops listening and lets the open connections finish within
 * [property@Sonde.Server:close-timeout-usec], as
 * [method@Sonde.Server.drain] does.
 *
 * Since: 0.1
 */
void
sonde_server_stop (SondeServer *self)
{
  g_return_if_fail (SONDE_IS_SERVER (self));

  sonde_server_drain (self,
                      sonde_settings_get_number (self->settings, SONDE_SETTING_CLOSE_TIMEOUT));
}
