/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-admission-private.h"
#include "sonde-counters-private.h"
#include "sonde-rules-private.h"
#include "sonde-session-private.h"

G_BEGIN_DECLS

#define SONDE_TYPE_SHARD (sonde_shard_get_type ())
G_DECLARE_FINAL_TYPE (SondeShard, sonde_shard, SONDE, SHARD, GSocketService)

/* What a shard has from its server; all of it outlives the shard's thread. */
typedef struct
{
  SondeRules      *rules;
  SondeCounters   *counters;
  SondeAdmission  *admission;
  _Atomic guint64 *last_id; /* of a connection, shared by all shards */
} SondeShardHost;

/*
 * SondeSessionFunc:
 * @session: an open connection, locked in place
 * @user_data: what the caller gave
 *
 * Returns: %FALSE to stop
 */
typedef gboolean (*SondeSessionFunc) (SondeSession *session,
                                      gpointer      user_data);

SondeShard *sonde_shard_new (const SondeShardHost *host,
                             SondeConcurrency      concurrency,
                             GPtrArray            *listeners,
                             GError              **error);
void        sonde_shard_start (SondeShard   *self,
                               const char   *name,
                               GMainContext *owner_context,
                               GSourceFunc   done,
                               gpointer      user_data);
void        sonde_shard_join (SondeShard *self);

void     sonde_shard_retire (SondeShard *self);
void     sonde_shard_finish (SondeShard *self,
                             guint64     timeout_usec);
void     sonde_shard_rules_changed (SondeShard *self);
gboolean sonde_shard_is_over (SondeShard *self);

guint    sonde_shard_get_n_sessions (SondeShard *self);
gboolean sonde_shard_foreach (SondeShard      *self,
                              guint64          after_id,
                              SondeSessionFunc func,
                              gpointer         user_data);

G_END_DECLS
