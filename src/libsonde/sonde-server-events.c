/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The signals about connections. */

#include "config.h"

#include "sonde-server-private.h"

G_DEFINE_ENUM_TYPE (SondeConnectionEnd,
                    sonde_connection_end,
                    G_DEFINE_ENUM_VALUE (SONDE_CONNECTION_END_CLOSED, "closed"),
                    G_DEFINE_ENUM_VALUE (SONDE_CONNECTION_END_RESET, "reset"),
                    G_DEFINE_ENUM_VALUE (SONDE_CONNECTION_END_TIMED_OUT, "timed-out"))

enum
{
  CONNECTION_OPENED,
  CONNECTION_CLOSED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS] = { 0 };

/*
 * sonde_server_install_signals:
 * @type: the class
 *
 * Gives the class its signals.
 */
void
sonde_server_install_signals (GType type)
{
  /**
   * SondeServer::connection-opened:
   * @self: a server
   * @id: what the connection is called by
   * @peer_address: the peer's address
   * @peer_port: the peer's port
   *
   * A connection was accepted and is served, if
   * [property@Sonde.Server:watch-connections] is on. It may have ended since.
   *
   * It is emitted in the main context of the server. What happened since its
   * last turn comes in one batch, in the order in which it happened on each
   * connection. Where the main context is too slow, some are left out and
   * counted by [property@Sonde.Server:n-events-dropped]:
   * [method@Sonde.Server.list_connections] always knows who is there.
   *
   * Since: 0.1
   */
  signals[CONNECTION_OPENED] =
    g_signal_new ("connection-opened", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 3, G_TYPE_UINT64, G_TYPE_STRING, G_TYPE_UINT);
  /**
   * SondeServer::connection-closed:
   * @self: a server
   * @id: what the connection was called by
   * @end: how it ended
   * @bytes_received: how many bytes came from the peer
   * @bytes_sent: how many bytes were sent to it
   *
   * A connection has ended, if [property@Sonde.Server:watch-connections] is on.
   *
   * It is emitted as [signal@Sonde.Server::connection-opened] is. When the state
   * turns to %SONDE_SERVER_STATE_STOPPED, those of all connections were emitted.
   *
   * Since: 0.1
   */
  signals[CONNECTION_CLOSED] =
    g_signal_new ("connection-closed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 4, G_TYPE_UINT64, SONDE_TYPE_CONNECTION_END,
                  G_TYPE_UINT64, G_TYPE_UINT64);
}

static SondeConnectionEnd
get_end (const SondeEvent *event)
{
  if (event->outcome == SONDE_COUNTER_TIMED_OUT)
    return SONDE_CONNECTION_END_TIMED_OUT;

  return event->outcome == SONDE_COUNTER_RESET ? SONDE_CONNECTION_END_RESET
                                               : SONDE_CONNECTION_END_CLOSED;
}

/*
 * sonde_server_emit_event:
 * @owner: a server
 * @event: what happened to one of its connections
 *
 * Emits the signal that stands for an event.
 */
void
sonde_server_emit_event (GObject          *owner,
                         const SondeEvent *event)
{
  g_autofree char *host = NULL;

  if (!event->is_open)
    {
      g_signal_emit (owner, signals[CONNECTION_CLOSED], 0,
                     event->id, get_end (event), event->received, event->sent);
      return;
    }

  host = sonde_peer_dup_host (&event->peer);
  g_signal_emit (owner, signals[CONNECTION_OPENED], 0,
                 event->id, host, (guint) event->peer.port);
}
