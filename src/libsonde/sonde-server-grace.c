/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The time that replaced listeners have left. */

#include "config.h"

#include "sonde-listener-private.h"
#include "sonde-server-private.h"

/* How long listeners that are replaced live on, so that handshakes that had
 * begun with them can end: longer than most round trips, and shorter than
 * anybody would notice. */
#define GRACE_MS 200

/*
 * sonde_server_retire_old:
 * @self: a server
 *
 * Closes the listeners of all workers that were replaced.
 */
void
sonde_server_retire_old (SondeServer *self)
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

/*
 * sonde_server_end_grace:
 * @self: a server
 *
 * Closes replaced listeners now, if there are any.
 */
void
sonde_server_end_grace (SondeServer *self)
{
  if (self->n_in_grace == 0)
    return;

  stop_grace_timer (self);
  sonde_server_retire_old (self);
  self->n_in_grace = 0;
  for (guint i = 0; i < self->listeners->len; i++)
    sonde_listener_unsteer (self->listeners->pdata[i]);
}

static gboolean
grace_cb (gpointer user_data)
{
  sonde_server_end_grace (user_data);

  return G_SOURCE_REMOVE;
}

/*
 * sonde_server_begin_grace:
 * @self: a server that listens anew
 * @n_addresses: how many addresses it listens on
 * @n_old: how many workers were replaced
 *
 * Keeps replaced listeners, which are the first of their groups, for a moment.
 * From now on nobody new comes to them; and when those who have come are in,
 * they are closed.
 */
void
sonde_server_begin_grace (SondeServer *self,
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
