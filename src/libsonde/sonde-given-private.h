/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-settings-private.h"

G_BEGIN_DECLS

/* Listening sockets that somebody else has made, and what was found on them. */
typedef struct _SondeGiven SondeGiven;

SondeGiven *sonde_given_new (const int *fds,
                             guint      n_fds,
                             GError   **error);
SondeGiven *sonde_given_ref (SondeGiven *self);
void        sonde_given_unref (SondeGiven *self);

gboolean   sonde_given_is_same (SondeGiven *self,
                                SondeGiven *other);
int        sonde_given_get_fd (SondeGiven *self,
                               guint       i);
GPtrArray *sonde_given_open (SondeGiven    *self,
                             SondeSettings *settings,
                             GError       **error);
gboolean   sonde_given_restore (SondeGiven *self,
                                guint       i,
                                int         row,
                                int         fd,
                                GError    **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondeGiven, sonde_given_unref)

G_END_DECLS
