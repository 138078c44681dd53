/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-admission-private.h"
#include "sonde-counters-private.h"
#include "sonde-crowd-private.h"
#include "sonde-epoll-private.h"
#include "sonde-events-private.h"
#include "sonde-roster-private.h"
#include "sonde-rules-private.h"

G_BEGIN_DECLS

#define SONDE_TYPE_SHARD (sonde_shard_get_type ())
G_DECLARE_FINAL_TYPE (SondeShard, sonde_shard, SONDE, SHARD, GSocketService)

/* What a shard has from its server; all of it outlives the shard's thread. */
typedef struct
{
  SondeRules      *rules;
  SondeCounters   *counters;
  SondeAdmission  *admission;
  SondeCrowd      *crowd;
  _Atomic guint64 *last_id; /* of a connection, shared by all shards */
  SondeEvents     *events;  /* (nullable): where connections are told */
} SondeShardHost;

struct _SondeShard
{
  GSocketService parent_instance;

  SondeShardHost   host;
  SondeConcurrency concurrency;
  guint            n_own_fds; /* that are no connections */
  gpointer         buffer;    /* (owned), of the desk */
  SondeDesk        desk;
  SondeEpoll      *epoll;     /* (owned) */
  GMainLoop       *loop;      /* (owned) */
  GThread         *thread;    /* (owned) (nullable) */
  GThreadPool     *threads;   /* (owned) (nullable): one thread per connection */
  GAsyncQueue     *waiting;   /* (owned) (nullable) (element-type SondeSession): for a thread */
  GPtrArray       *listeners; /* (owned) (element-type GSocket) */
  GSource         *sweep;     /* (owned) (nullable) */

  SondeRoster roster;

  GMutex   lock; /* of the two below */
  GCond    accepted_all;
  gboolean shall_accept_all;

  gboolean         paused;        /* accepts nothing for a moment */
  gboolean         took_incoming; /* in this turn */
  gboolean         shall_rest;    /* nothing can be accepted at the moment */
  gboolean         in_trouble;    /* since accept(2) failed, nobody came in */
  gint64           complained;    /* when the log was told last */
  int              reserve_fd;    /* given up to close a client when there is no other */
  _Atomic gboolean retired;       /* does not listen any more, and ends with its last session */
  _Atomic gint64   deadline;      /* when those who are left are reset */
  _Atomic gboolean is_asked;      /* for a sign of life */

  GMainContext  *owner_context; /* (owned) */
  GSourceFunc    done;
  gpointer       user_data; /* (owned), freed by destroy */
  GDestroyNotify destroy;
};

SondeShard *sonde_shard_new (const SondeShardHost *host,
                             SondeConcurrency      concurrency,
                             GPtrArray            *listeners,
                             GError              **error);
void        sonde_shard_share_listeners (SondeShard *self);
gboolean    sonde_shard_is_over (SondeShard *self);
void        sonde_shard_quit_if_done (SondeShard *self);

gboolean sonde_shard_start (SondeShard    *self,
                            const char    *name,
                            GMainContext  *owner_context,
                            GSourceFunc    done,
                            gpointer       user_data,
                            GDestroyNotify destroy,
                            GError       **error);
void     sonde_shard_accept_all (SondeShard *self);
void     sonde_shard_retire (SondeShard *self);
void     sonde_shard_rules_changed (SondeShard *self);
void     sonde_shard_finish (SondeShard *self,
                             guint64     timeout_usec);
void     sonde_shard_join (SondeShard *self);
gboolean sonde_shard_is_responsive (SondeShard *self);

guint    sonde_shard_get_n_fds (SondeShard *self);
gboolean sonde_shard_incoming (GSocketService    *service,
                               GSocketConnection *connection,
                               GObject           *source_object);
guint    sonde_shard_drain_batch (SondeShard *self);
void     sonde_shard_drain_queue (SondeShard *self);
void     sonde_shard_watch_timeouts (SondeShard *self);
gboolean sonde_shard_serve_in_thread (SondeShard   *self,
                                      SondeSession *session);

gboolean sonde_shard_take_shortcut (int fd, gpointer user_data);
void     sonde_shard_check_accept (gpointer user_data);

gboolean sonde_shard_needs_timer (SondeShard *self, SondeSession *session);
void     sonde_shard_clear_timeouts (SondeShard *self);

void     sonde_shard_take_reserve (SondeShard *self);
void     sonde_shard_drop_reserve (SondeShard *self);
void     sonde_shard_note_refused (SondeShard *self, int errsv);
gboolean sonde_shard_take_accept_error (SondeShard *self,
                                        int         listener,
                                        int         errsv);
void     sonde_shard_rest (SondeShard *self, int errsv);

SondeRoster *sonde_shard_get_roster (SondeShard *self);

G_END_DECLS
