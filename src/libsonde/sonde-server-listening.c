/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How a server begins to listen, and listens anew. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-listener-private.h"
#include "sonde-server-private.h"

/* Shards that listen still, though they are replaced. Who replaces listeners
 * faster than these are closed does not care about handshakes. */
#define GRACE_MAX 256

/*
 * sonde_server_update_state:
 * @self: a server
 *
 * Tells what the server does. Failed stays until the next attempt; all else
 * follows from the workers.
 */
void
sonde_server_update_state (SondeServer *self)
{
  if (self->shards->len > 0)
    sonde_server_set_state (self, SONDE_SERVER_STATE_LISTENING);
  else if (self->retired->len > 0)
    sonde_server_set_state (self, SONDE_SERVER_STATE_DRAINING);
  else if (self->state != SONDE_SERVER_STATE_FAILED)
    sonde_server_set_state (self, SONDE_SERVER_STATE_STOPPED);
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
log_option (SondeServer *self,
            GVariant    *row)
{
  const char *option, *reason;
  g_autoptr (GVariant) asked = NULL;
  g_autoptr (GVariant) effective = NULL;
  g_autofree char *asked_text = NULL;
  g_autofree char *effective_text = NULL;

  g_variant_get (row, "(&s&svvv&s)", &option, NULL, &asked, &effective, NULL, &reason);
  asked_text = g_variant_print (asked, FALSE);
  effective_text = g_variant_print (effective, FALSE);
  g_debug ("server %s: %s: asked %s, effective %s, %s",
           self->name,
           option,
           asked_text,
           effective_text,
           reason);
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

      log_option (self, row);
    }
}

/* Takes what was opened into use. The old shards listen on, beside the new
 * ones, until they are retired. */
static gboolean
listen_anew (SondeServer *self,
             GPtrArray   *first,
             gboolean     same_ports,
             GError     **error)
{
  g_autoptr (GPtrArray) shards = NULL;
  g_autoptr (GPtrArray) listeners = g_ptr_array_new_with_free_func (g_object_unref);
  const guint n_old = self->shards->len;

  shards = sonde_server_start_workers (self, first, listeners, error);
  if (shards == NULL)
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
    sonde_server_begin_grace (self, first->len, n_old);
  else
    sonde_server_retire_old (self);

  return TRUE;
}

/*
 * sonde_server_notify_listening:
 * @self: a server
 *
 * Tells that the server listens elsewhere, or not at all any more.
 */
void
sonde_server_notify_listening (SondeServer *self)
{
  g_object_freeze_notify (G_OBJECT (self));
  sonde_server_update_state (self);
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

  sonde_server_notify_listening (self);
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
  sonde_listener_share_port (session->fd, TRUE);

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

  sonde_server_end_grace (self);
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
    sonde_server_end_grace (self);
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
  sonde_server_notify_listening (self);

  return TRUE;
}
