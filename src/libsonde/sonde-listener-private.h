/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-settings-private.h"

G_BEGIN_DECLS

GPtrArray *sonde_listener_open_all (SondeSettings *settings,
                                    GPtrArray     *resolved,
                                    GPtrArray     *old,
                                    GError       **error);
GPtrArray *sonde_listener_open_beside (SondeSettings *settings,
                                       GPtrArray     *first,
                                       GError       **error);
GSocket   *sonde_listener_wrap (int      fd,
                                GError **error);
int        sonde_listener_open_sample (SondeSettings *settings);
gboolean   sonde_listener_get_queue (GSocket *listener,
                                     guint   *depth,
                                     guint   *limit);

void     sonde_listener_share_port (int      fd,
                                    gboolean on);
gboolean sonde_listener_share_ports (GPtrArray *listeners,
                                     gboolean   on);
void     sonde_listener_steer (GSocket *listener,
                               guint    n_old,
                               guint    n_new);
void     sonde_listener_unsteer (GSocket *listener);

G_END_DECLS
