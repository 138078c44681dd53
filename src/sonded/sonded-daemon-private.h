/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonded-daemon.h"

G_BEGIN_DECLS

struct _SondedDaemon
{
  GObject parent_instance;

  GHashTable *servers;  /* (owned) (element-type utf8 SondeServer) */
  GHashTable *starting; /* (owned) (element-type utf8 SondeServer): they look up names */
  guint       n_starts; /* that are not answered yet */
  gboolean    stopping;
  GPtrArray  *leaving; /* (owned) (element-type SondeServer): removed, but not stopped yet */
};

void sonded_daemon_take_server (SondedDaemon *self,
                                SondeServer  *server);
void sonded_daemon_tell_if_stopped (SondedDaemon *self);

G_END_DECLS
