/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>
#include <stdatomic.h>

#include "sonde-address-private.h"

G_BEGIN_DECLS

/* Events that may wait for their owner; what comes on top is dropped. */
#define SONDE_EVENTS_MAX 4096

/* That a connection was opened, or how it has ended. */
typedef struct
{
  guint64   id;
  SondePeer peer;
  gboolean  is_open;
  guint8    outcome; /* a SondeCounter, unless it is open */
  guint64   received;
  guint64   sent;
} SondeEvent;

typedef void (*SondeEventFunc) (GObject          *owner,
                                const SondeEvent *event);

typedef struct _SondeEvents SondeEvents;

SondeEvents *sonde_events_new (GObject       *owner,
                               GMainContext  *context,
                               SondeEventFunc func);
SondeEvents *sonde_events_ref (SondeEvents *self);
void         sonde_events_unref (SondeEvents *self);

void     sonde_events_set_watched (SondeEvents *self,
                                   gboolean     watched);
gboolean sonde_events_is_watched (SondeEvents *self);
void     sonde_events_push (SondeEvents      *self,
                            const SondeEvent *event);
guint64  sonde_events_get_n_dropped (SondeEvents *self);

G_END_DECLS
