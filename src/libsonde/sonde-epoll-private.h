/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _SondeEpoll SondeEpoll;

/*
 * SondeEpollFunc:
 * @item: what was given to sonde_epoll_add()
 * @events: the epoll(7) events that came
 * @now: the monotonic time when they came
 * @user_data: what was given to sonde_epoll_new()
 */
typedef void (*SondeEpollFunc) (gpointer item,
                                guint32  events,
                                gint64   now,
                                gpointer user_data);

/*
 * SondeEpollTurnFunc:
 * @user_data: what was given to sonde_epoll_new()
 */
typedef void (*SondeEpollTurnFunc) (gpointer user_data);

/*
 * SondeEpollOwnFunc:
 * @fd: a descriptor of the context's own, which is ready
 * @user_data: what was given to sonde_epoll_new()
 *
 * Returns: %TRUE if the context need not hear of it
 */
typedef gboolean (*SondeEpollOwnFunc) (int      fd,
                                       gpointer user_data);

SondeEpoll   *sonde_epoll_new (SondeEpollFunc func,
                               gpointer       user_data,
                               GError       **error);
void          sonde_epoll_free (SondeEpoll *self);
GMainContext *sonde_epoll_get_context (SondeEpoll *self);
int           sonde_epoll_get_fd (SondeEpoll *self);
gboolean      sonde_epoll_add (SondeEpoll *self,
                               int         fd,
                               guint32     events,
                               gpointer    item);
void          sonde_epoll_remove (SondeEpoll *self,
                                  int         fd);
void          sonde_epoll_mute (SondeEpoll *self,
                                int         fd);
void          sonde_epoll_unmute (SondeEpoll *self,
                                  int         fd);
void          sonde_epoll_share (SondeEpoll *self);
void          sonde_epoll_interrupt (SondeEpoll *self);
void          sonde_epoll_enter (SondeEpoll *self);
void          sonde_epoll_leave (SondeEpoll *self);

void sonde_epoll_set_own_func (SondeEpoll *self, SondeEpollOwnFunc func);
void sonde_epoll_set_turn_func (SondeEpoll *self, SondeEpollTurnFunc func);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondeEpoll, sonde_epoll_free)

G_END_DECLS
