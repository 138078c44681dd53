/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* libevent with bufferevents, as its own echo server has them. */

#include "peer.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

static void
read_cb (struct bufferevent *connection,
         void               *user_data)
{
  bufferevent_write_buffer (connection, bufferevent_get_input (connection));
}

static void
event_cb (struct bufferevent *connection,
          short               events,
          void               *user_data)
{
  if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
    bufferevent_free (connection);
}

static void
accept_cb (struct evconnlistener *listener,
           evutil_socket_t        fd,
           struct sockaddr       *address,
           int                    length,
           void                  *user_data)
{
  struct event_base  *base = user_data;
  struct bufferevent *connection = bufferevent_socket_new (base, fd, BEV_OPT_CLOSE_ON_FREE);

  if (connection == NULL)
    peer_fail ("bufferevent_socket_new");
  bufferevent_set_max_single_read (connection, PEER_READ_SIZE);
  bufferevent_set_max_single_write (connection, PEER_READ_SIZE);
  bufferevent_setcb (connection, read_cb, NULL, event_cb, NULL);
  bufferevent_enable (connection, EV_READ | EV_WRITE);
}

int
main (void)
{
  struct event_base     *base = event_base_new ();
  struct evconnlistener *listener =
    evconnlistener_new (base, accept_cb, base, LEV_OPT_CLOSE_ON_FREE, 0, peer_listen ());

  if (listener == NULL)
    peer_fail ("evconnlistener_new");

  return event_base_dispatch (base);
}
