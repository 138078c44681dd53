/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib-unix.h>

#include <libsonde/sonde-epoll-private.h>

G_BEGIN_DECLS

/* A descriptor that is ready once it was poked, as an item of the set or as a
 * source of the context. */
typedef struct
{
  int      fd;
  GSource *source; /* (owned) (nullable) */
  guint    n_calls;
  guint32  events;
  gboolean stays_ready;
  gboolean closes;
  gboolean keeps_quiet;
} Thing;

typedef struct
{
  SondeEpoll *epoll;
  gint64      now;
  guint       n_calls;
} EpollFixture;

void epoll_fixture_set_up (EpollFixture *fixture,
                           gconstpointer user_data);
void epoll_fixture_tear_down (EpollFixture *fixture,
                              gconstpointer user_data);
void epoll_fixture_turn (EpollFixture *fixture,
                         gboolean      may_block);
void thing_poke (Thing *thing);
void thing_open (Thing *thing);
void thing_open_item (EpollFixture *fixture,
                      Thing        *thing);
void thing_attach (EpollFixture *fixture,
                   Thing        *thing,
                   GIOCondition  condition);
void thing_open_source (EpollFixture *fixture,
                        Thing        *thing);
void thing_close (Thing *thing);
void epoll_fixture_wait_for (EpollFixture *fixture,
                             Thing        *thing);
void epoll_fixture_add_timeout (EpollFixture *fixture,
                                guint         interval_ms,
                                guint        *n_calls);

G_END_DECLS
