/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Who is connected to a server. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-server-private.h"
#include "sonde-tcp-info-private.h"

/* All of its shards: those that listen, then those that do so no more. */
static SondeRoster *
get_roster (SondeServer *self,
            guint        i)
{
  if (i < self->shards->len)
    return sonde_shard_get_roster (self->shards->pdata[i]);
  i -= self->shards->len;

  return i < self->retired->len ? sonde_shard_get_roster (self->retired->pdata[i]) : NULL;
}

/*
 * sonde_server_foreach:
 * @self: a server
 * @func: what is called for each open connection
 * @user_data: what it is called with
 *
 * Shows every open connection.
 */
gboolean
sonde_server_foreach (SondeServer     *self,
                      SondeSessionFunc func,
                      gpointer         user_data)
{
  SondeRoster *roster = NULL;

  for (guint i = 0; (roster = get_roster (self, i)) != NULL; i++)
    if (!sonde_roster_foreach (roster, 0, func, user_data))
      return FALSE;

  return TRUE;
}

/*
 * sonde_server_find:
 * @self: a server
 * @id: the id of a connection
 * @func: what is called for it
 * @user_data: what it is called with
 *
 * Shows one open connection.
 *
 * Returns: %FALSE if there is none of that id
 */
gboolean
sonde_server_find (SondeServer     *self,
                   guint64          id,
                   SondeSessionFunc func,
                   gpointer         user_data)
{
  SondeRoster *roster = NULL;

  for (guint i = 0; (roster = get_roster (self, i)) != NULL; i++)
    if (sonde_roster_find (roster, id, func, user_data))
      return TRUE;

  return FALSE;
}

/*
 * sonde_server_get_newest:
 * @self: a server
 *
 * Gets the id of the connection that was opened last.
 *
 * Returns: an id, or 0 if there is none
 */
guint64
sonde_server_get_newest (SondeServer *self)
{
  SondeRoster *roster = NULL;
  guint64      newest = 0;

  for (guint i = 0; (roster = get_roster (self, i)) != NULL; i++)
    newest = MAX (newest, sonde_roster_get_newest (roster));

  return newest;
}

typedef struct
{
  guint64  id;
  char    *host; /* (owned) */
  guint16  port;
  guint64  age;
  guint64  received;
  guint64  sent;
  gboolean stalled;
} Row;

typedef struct
{
  GArray *rows; /* (owned) (element-type Row) */
  guint   limit;
  guint   n_shard; /* rows of the shard that is looked at */
  gint64  now;
} Listing;

static void
clear_row (gpointer row)
{
  g_free (((Row *) row)->host);
}

static gboolean
list_session (SondeSession *session,
              gpointer      user_data)
{
  Listing  *listing = user_data;
  const Row row = {
    session->id,
    sonde_peer_dup_host (&session->peer),
    session->peer.port,
    (guint64) (listing->now - session->opened),
    session->received,
    session->sent,
    session->stalled,
  };

  g_array_append_val (listing->rows, row);

  return ++listing->n_shard < listing->limit;
}

static int
compare_rows (gconstpointer a,
              gconstpointer b)
{
  const Row *first = a;
  const Row *second = b;

  return first->id < second->id ? -1 : first->id > second->id;
}

/**
 * sonde_server_list_connections:
 * @self: a server
 * @after_id: 0, or the last id of the page before
 * @limit: how many rows at most, up to 5000; 0 for as many as that
 *
 * Lists open connections by ascending id, a page at a time.
 *
 * Returns: (transfer full): an `a(tsqtttb)` of id, peer address, peer port,
 *   age in microseconds, bytes received, bytes sent, and whether bytes wait
 *   because the peer does not take them
 *
 * Since: 0.1
 */
GVariant *
sonde_server_list_connections (SondeServer *self,
                               guint64      after_id,
                               guint        limit)
{
  Listing         listing = { NULL, SONDE_CONNECTIONS_MAX, 0, g_get_monotonic_time () };
  SondeRoster    *roster = NULL;
  GVariantBuilder builder;

  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  if (limit > 0)
    listing.limit = MIN (limit, SONDE_CONNECTIONS_MAX);
  listing.rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_array_set_clear_func (listing.rows, clear_row);
  for (guint i = 0; (roster = get_roster (self, i)) != NULL; i++)
    {
      listing.n_shard = 0;
      sonde_roster_foreach (roster, after_id, list_session, &listing);
    }
  g_array_sort (listing.rows, compare_rows);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(tsqtttb)"));
  for (guint i = 0; i < MIN (listing.rows->len, listing.limit); i++)
    {
      const Row *row = &g_array_index (listing.rows, Row, i);

      g_variant_builder_add (&builder, "(tsqtttb)", row->id, row->host, row->port, row->age,
                             row->received, row->sent, row->stalled);
    }
  g_array_unref (listing.rows);

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
describe_options (SondeSession *session,
                  GVariantDict *dict)
{
  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      const SondeOption *option = &sonde_option_get_table ()[row];
      g_autoptr (GVariant) value = NULL;

      if ((option->phases & SONDE_OPTION_ON_CONNECTION) != 0)
        value = sonde_option_read (option, session->fd);
      if (value != NULL)
        g_variant_dict_insert_value (dict, option->key.name, value);
    }
}

static gboolean
describe_session (SondeSession *session,
                  gpointer      user_data)
{
  GVariantDict    *dict = user_data;
  g_autofree char *host = sonde_peer_dup_host (&session->peer);

  g_variant_dict_insert (dict, "Id", "t", session->id);
  g_variant_dict_insert (dict, "PeerAddress", "s", host);
  g_variant_dict_insert (dict, "PeerPort", "q", session->peer.port);
  g_variant_dict_insert (dict,
                         "AgeUSec",
                         "t",
                         (guint64) (g_get_monotonic_time () - session->opened));
  g_variant_dict_insert (dict, "BytesReceived", "t", (guint64) session->received);
  g_variant_dict_insert (dict, "BytesSent", "t", (guint64) session->sent);
  g_variant_dict_insert (dict, "Stalled", "b", (gboolean) session->stalled);
  describe_options (session, dict);
  sonde_tcp_info_read (session->fd, dict);

  return FALSE;
}

static gboolean
set_no_such_connection (SondeServer *self,
                        guint64      id,
                        GError     **error)
{
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_NO_SUCH_CONNECTION,
               "Server %s has no connection %" G_GUINT64_FORMAT,
               self->name,
               id);

  return FALSE;
}

/**
 * sonde_server_get_connection:
 * @self: a server
 * @id: the id of an open connection
 * @error: where to put an error, %SONDE_ERROR_NO_SUCH_CONNECTION
 *
 * Describes a connection: its peer, its counters, its socket options as
 * getsockopt(2) tells them, and what this kernel delivers of TCP_INFO.
 *
 * Returns: (transfer full): an `a{sv}`
 *
 * Since: 0.1
 */
GVariant *
sonde_server_get_connection (SondeServer *self,
                             guint64      id,
                             GError     **error)
{
  GVariantDict dict;

  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  g_variant_dict_init (&dict, NULL);
  if (sonde_server_find (self, id, describe_session, &dict))
    return g_variant_ref_sink (g_variant_dict_end (&dict));

  g_variant_dict_clear (&dict);
  set_no_such_connection (self, id, error);

  return NULL;
}

static gboolean
close_session (SondeSession *session,
               gpointer      user_data)
{
  const gboolean *reset = user_data;

  sonde_session_give_order (session, *reset ? SONDE_ORDER_RESET : SONDE_ORDER_FINISH);

  return FALSE;
}

/**
 * sonde_server_close_connection:
 * @self: a server
 * @id: the id of an open connection
 * @reset: %TRUE to reset it, %FALSE to answer what has come and send a FIN
 * @error: where to put an error, %SONDE_ERROR_NO_SUCH_CONNECTION
 *
 * Closes a connection. It is told to close; it may be open a moment longer.
 *
 * Returns: %TRUE, or %FALSE if there is no such connection
 *
 * Since: 0.1
 */
gboolean
sonde_server_close_connection (SondeServer *self,
                               guint64      id,
                               gboolean     reset,
                               GError     **error)
{
  g_return_val_if_fail (SONDE_IS_SERVER (self), FALSE);

  return sonde_server_find (self, id, close_session, &reset) ||
         set_no_such_connection (self, id, error);
}

/**
 * sonde_server_get_n_connections:
 * @self: a server
 *
 * Counts the open connections.
 *
 * Returns: how many there are
 *
 * Since: 0.1
 */
guint
sonde_server_get_n_connections (SondeServer *self)
{
  SondeRoster *roster = NULL;
  guint        n = 0;

  g_return_val_if_fail (SONDE_IS_SERVER (self), 0);

  for (guint i = 0; (roster = get_roster (self, i)) != NULL; i++)
    n += sonde_roster_get_n_sessions (roster);

  return n;
}
