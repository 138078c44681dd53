/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Who is connected to a server. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-server-private.h"
#include "sonde-tcp-info-private.h"

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

static void
list_shards (GPtrArray *shards,
             guint64    after_id,
             Listing   *listing)
{
  for (guint i = 0; i < shards->len; i++)
    {
      listing->n_shard = 0;
      sonde_roster_foreach (sonde_shard_get_roster (shards->pdata[i]),
                            after_id,
                            list_session,
                            listing);
    }
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
  GVariantBuilder builder;

  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  if (limit > 0)
    listing.limit = MIN (limit, SONDE_CONNECTIONS_MAX);
  listing.rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_array_set_clear_func (listing.rows, clear_row);
  list_shards (self->shards, after_id, &listing);
  list_shards (self->retired, after_id, &listing);
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

typedef struct
{
  guint64       id;
  gboolean      reset;
  GVariantDict *dict; /* (unowned) */
} Search;

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
  Search          *search = user_data;
  g_autofree char *host = NULL;

  if (session->id != search->id)
    return TRUE;

  host = sonde_peer_dup_host (&session->peer);
  g_variant_dict_insert (search->dict, "Id", "t", session->id);
  g_variant_dict_insert (search->dict, "PeerAddress", "s", host);
  g_variant_dict_insert (search->dict, "PeerPort", "q", session->peer.port);
  g_variant_dict_insert (search->dict,
                         "AgeUSec",
                         "t",
                         (guint64) (g_get_monotonic_time () - session->opened));
  g_variant_dict_insert (search->dict, "BytesReceived", "t", (guint64) session->received);
  g_variant_dict_insert (search->dict, "BytesSent", "t", (guint64) session->sent);
  g_variant_dict_insert (search->dict, "Stalled", "b", (gboolean) session->stalled);
  describe_options (session, search->dict);
  sonde_tcp_info_read (session->fd, search->dict);

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
  Search       search = { id, FALSE, &dict };

  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  g_variant_dict_init (&dict, NULL);
  if (!sonde_server_foreach (self, describe_session, &search))
    return g_variant_ref_sink (g_variant_dict_end (&dict));

  g_variant_dict_clear (&dict);
  set_no_such_connection (self, id, error);

  return NULL;
}

static gboolean
close_session (SondeSession *session,
               gpointer      user_data)
{
  Search *search = user_data;

  if (session->id != search->id)
    return TRUE;

  sonde_session_give_order (session, search->reset ? SONDE_ORDER_RESET : SONDE_ORDER_FINISH);

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
  Search search = { id, reset, NULL };

  g_return_val_if_fail (SONDE_IS_SERVER (self), FALSE);

  return !sonde_server_foreach (self, close_session, &search) ||
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
  guint n = 0;

  g_return_val_if_fail (SONDE_IS_SERVER (self), 0);

  for (guint i = 0; i < self->shards->len; i++)
    n += sonde_roster_get_n_sessions (sonde_shard_get_roster (self->shards->pdata[i]));
  for (guint i = 0; i < self->retired->len; i++)
    n += sonde_roster_get_n_sessions (sonde_shard_get_roster (self->retired->pdata[i]));

  return n;
}
