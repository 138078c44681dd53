/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-session-private.h"

G_BEGIN_DECLS

/* The open sessions of a shard, by ascending id, and the lock that keeps them
 * open while somebody looks. */
typedef struct
{
  GMutex        lock;
  SondeSession *first; /* (owned) */
  SondeSession *last;  /* (unowned) */
  guint         n_sessions;
  guint         n_most;   /* that there were, since many have gone */
  gboolean      had_many; /* and the last of them are still there */
} SondeRoster;

/*
 * SondeSessionFunc:
 * @session: an open connection, locked in place
 * @user_data: what the caller gave
 *
 * Returns: %FALSE to stop
 */
typedef gboolean (*SondeSessionFunc) (SondeSession *session,
                                      gpointer      user_data);

void     sonde_roster_init (SondeRoster *self);
void     sonde_roster_clear (SondeRoster *self);
void     sonde_roster_add (SondeRoster  *self,
                           SondeSession *session);
gboolean sonde_roster_remove (SondeRoster  *self,
                              SondeSession *session);
guint    sonde_roster_get_n_sessions (SondeRoster *self);
gboolean sonde_roster_foreach (SondeRoster     *self,
                               guint64          after_id,
                               SondeSessionFunc func,
                               gpointer         user_data);
gboolean sonde_roster_find (SondeRoster     *self,
                            guint64          id,
                            SondeSessionFunc func,
                            gpointer         user_data);
guint64  sonde_roster_get_newest (SondeRoster *self);
gint64   sonde_roster_get_longest_holding (SondeRoster *self);
gboolean sonde_roster_reset_longest_holding (SondeRoster *self,
                                             SondeDesk   *desk);

G_END_DECLS
