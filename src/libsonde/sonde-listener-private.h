/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-settings-private.h"

G_BEGIN_DECLS

/* How listeners are opened. */
typedef struct
{
  SondeSettings *settings;   /* (unowned) */
  gboolean       dual_stack; /* one socket for IPv4 and IPv6 both */
  GPtrArray     *old;        /* (unowned) (nullable) (element-type GSocket): about to be closed */
} SondeOpening;

GSocket *sonde_listener_open (GSocketAddress     *address,
                              const SondeOpening *opening,
                              GError            **error);
GSocket *sonde_listener_wrap (int      fd,
                              GError **error);
int      sonde_listener_open_sample (SondeSettings *settings);
gboolean sonde_listener_get_queue (GSocket *listener,
                                   guint   *depth,
                                   guint   *limit);

GPtrArray *sonde_listener_open_all (SondeSettings *settings,
                                    GPtrArray     *resolved,
                                    GPtrArray     *old,
                                    GError       **error);
GPtrArray *sonde_listener_open_beside (SondeSettings *settings,
                                       GPtrArray     *first,
                                       GError       **error);

void     sonde_listener_share_port (int      fd,
                                    gboolean on);
gboolean sonde_listener_share_ports (GPtrArray *listeners,
                                     gboolean   on);
void     sonde_listener_steer (GSocket *listener,
                               guint    n_old,
                               guint    n_new);
void     sonde_listener_unsteer (GSocket *listener);

G_END_DECLS
