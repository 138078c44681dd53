/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <signal.h>
#include <sys/epoll.h>

#include "sondectl-bench-client.h"

G_BEGIN_DECLS

#define SONDECTL_NSEC_PER_SEC G_GINT64_CONSTANT (1000000000)
#define SONDECTL_NSEC_PER_USEC 1000
#define SONDECTL_EVENTS_MAX 256

/* All the clients of a load, and what they wait for. */
typedef struct
{
  SondectlClient    *clients; /* (owned) */
  guint              n_clients;
  guint              n_started; /* those that have begun to connect */
  guint              n_connected;
  int                epoll_fd; /* (owned) */
  struct epoll_event events[SONDECTL_EVENTS_MAX];
} SondectlCrowd;

gboolean sondectl_crowd_init (SondectlCrowd *self,
                              guint          n_clients,
                              GError       **error);
void     sondectl_crowd_clear (SondectlCrowd *self);

gboolean sondectl_crowd_watch (SondectlCrowd  *self,
                               SondectlClient *client,
                               guint32         events,
                               GError        **error);
int      sondectl_crowd_wait (SondectlCrowd *self,
                              gint64         until);
gboolean sondectl_crowd_connect (SondectlCrowd               *self,
                                 GSocketAddress              *address,
                                 guint64                      timeout_usec,
                                 const volatile sig_atomic_t *is_interrupted,
                                 GError                     **error);

gint64 sondectl_crowd_get_time (void);
gint64 sondectl_crowd_add_timeout (gint64  now,
                                   guint64 timeout_usec);

G_END_DECLS
