/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-given-private.h"
#include "sonde-server.h"
#include "sonde-shard-private.h"

G_BEGIN_DECLS

/* Rows of a page of connections, so that an answer stays small. */
#define SONDE_CONNECTIONS_MAX 5000

#define SONDE_SERVER_DEFAULT_NAME "server"

struct _SondeServer
{
  GObject parent_instance;

  char            *name;      /* (owned) */
  SondeSettings   *settings;  /* (owned): what is asked for */
  SondeSettings   *listening; /* (owned) (nullable): what the listeners were made with */
  SondeGiven      *given;     /* (owned) (nullable): sockets to listen on instead of addresses */
  SondeGiven      *inherited; /* (owned) (nullable): the same, of the current listeners */
  SondeServerState state;
  GMainContext    *context; /* (owned): where signals are emitted */

  SondeRules      rules;
  SondeAdmission *admission;                    /* (owned) */
  SondeCrowd     *crowd;                        /* (owned) */
  SondeCounters  *counters[SONDE_WORKERS_MAX];  /* (owned) (nullable): one for each worker */
  guint64         baseline[SONDE_COUNTER_LAST]; /* what Reset() takes off */
  guint64         errors_baseline[SONDE_ERRNO_MAX + 1];
  _Atomic guint64 last_id;
  SondeEvents    *events; /* (owned) */

  GPtrArray *listeners;  /* (owned) (element-type GSocket): of all current shards */
  GPtrArray *shards;     /* (owned) (element-type SondeShard): those that listen */
  GPtrArray *retired;    /* (owned) (element-type SondeShard): those with connections left */
  GSource   *grace;      /* (owned) (nullable): ends the time that replaced listeners have left */
  guint      n_in_grace; /* shards that listen still, though they are replaced */
  GPtrArray *drains;     /* (owned) (element-type GTask): those who wait for the last connection */
  GPtrArray *starts;     /* (owned) (element-type GTask) (unowned elements): they look up names */
};

gboolean  sonde_server_foreach (SondeServer     *self,
                                SondeSessionFunc func,
                                gpointer         user_data);
gboolean  sonde_server_find (SondeServer     *self,
                             guint64          id,
                             SondeSessionFunc func,
                             gpointer         user_data);
guint64   sonde_server_get_newest (SondeServer *self);
guint64   sonde_server_get_counter (SondeServer *self,
                                    SondeCounter counter);
void      sonde_server_get_accept_queue (SondeServer *self,
                                         guint       *depth,
                                         guint       *limit,
                                         guint       *peak);
GVariant *sonde_server_get_accept_errors (SondeServer *self);
gboolean  sonde_server_check_options (SondeSettings *settings,
                                      GError       **error);
void      sonde_server_adopt (SondeServer *self);

gboolean sonde_server_needs_addresses (SondeServer *self,
                                       gboolean     anew);
gboolean sonde_server_listen (SondeServer *self,
                              gboolean     anew,
                              GPtrArray   *resolved,
                              GError     **error);
void     sonde_server_notify_listening (SondeServer *self);
void     sonde_server_update_state (SondeServer *self);
void     sonde_server_abandon_starts (SondeServer *self);
void     sonde_server_end_drains (SondeServer *self);

GPtrArray *sonde_server_start_workers (SondeServer *self,
                                       GPtrArray   *first,
                                       GPtrArray   *listeners,
                                       GError     **error);
void       sonde_server_retire_old (SondeServer *self);
void       sonde_server_begin_grace (SondeServer *self,
                                     guint        n_addresses,
                                     guint        n_old);
void       sonde_server_end_grace (SondeServer *self);

void sonde_server_install_signals (GType type);
void sonde_server_emit_event (GObject          *owner,
                              const SondeEvent *event);

void sonde_server_install_properties (GObjectClass *object_class);
void sonde_server_set_state (SondeServer     *self,
                             SondeServerState state);
void sonde_server_notify_addresses (SondeServer *self);
void sonde_server_notify_setting (SondeServer *self,
                                  guint        setting);

G_END_DECLS
