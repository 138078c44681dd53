/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-address-private.h"
#include "sonde-counters-private.h"
#include "sonde-rules-private.h"

G_BEGIN_DECLS

typedef struct _SondeSession SondeSession;

/* When there is room for bytes, because another connection has to go. */
typedef enum
{
  SONDE_ROOM_NEVER, /* none has deserved it more */
  SONDE_ROOM_SOON,  /* at its next step */
  SONDE_ROOM_NOW,
} SondeRoom;

/* What a worker lends to the sessions that it serves, one at a time. */
typedef struct
{
  SondeRules    *rules;    /* (unowned), outlives us */
  SondeCounters *counters; /* (unowned), outlives us */
  guint8        *buffer;   /* (unowned), outlives us: SONDE_READ_SIZE_MAX bytes */
  gint64         now;      /* monotonic, at the begin of this turn */

  /* (nullable): makes another one give back the bytes that it holds */
  SondeRoom (*make_room) (gpointer worker);
  gboolean serves_all; /* and all that its worker has, so that what they hold is free at once */
  gpointer worker;     /* (unowned) */
} SondeDesk;

/* What somebody else wants of a session; carried out at its next step. */
typedef enum
{
  SONDE_ORDER_NONE,
  SONDE_ORDER_FINISH, /* answer what has come, then close */
  SONDE_ORDER_RESET,
  SONDE_ORDER_EXPIRE, /* as a reset, but counted as a timeout */
} SondeOrder;

typedef enum
{
  SONDE_PHASE_OPEN,     /* reads and answers */
  SONDE_PHASE_FLUSHING, /* reads no more; closes when all is sent */
  SONDE_PHASE_LEAVING,  /* has sent its FIN and waits for the peer's */
} SondePhase;

/* One accepted connection. It belongs to the worker that accepted it; other
 * threads look at it under the worker's lock, and touch nothing but order. */
struct _SondeSession
{
  SondeSession *previous; /* (unowned), in the worker's list */
  SondeSession *next;     /* (unowned) */

  guint64   id;
  SondePeer peer;
  int       fd;
  int       epoll_fd; /* (unowned), the one that watches fd */
  guint32   interest; /* events that epoll_fd was asked for */

  _Atomic guint8     phase;
  guint8             outcome; /* a SondeCounter, once it is over */
  gboolean           peer_finished;
  _Atomic SondeOrder order;

  guint8         *held; /* (owned) (nullable): a line that grows, or what could not be sent yet */
  guint32         held_start;
  _Atomic guint32 held_length;
  _Atomic gint32  stalled;
  gint64          opened;
  _Atomic gint64  active; /* when it last moved a byte */
  _Atomic guint64 received;
  _Atomic guint64 sent;
};

SondeSession *sonde_session_new (int                            fd,
                                 guint64                        id,
                                 const struct sockaddr_storage *peer,
                                 gint64                         now);
void          sonde_session_free (SondeSession *self,
                                  SondeDesk    *desk);

void    sonde_session_drop_held (SondeSession *self,
                                 SondeDesk    *desk);
guint32 sonde_session_step (SondeSession *self,
                            SondeDesk    *desk,
                            guint32       events);
void    sonde_session_watch (SondeSession *self,
                             guint32       events);
void    sonde_session_give_order (SondeSession *self,
                                  SondeOrder    order);

G_END_DECLS
