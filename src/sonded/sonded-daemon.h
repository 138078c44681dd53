/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

G_BEGIN_DECLS

#define SONDED_TYPE_DAEMON (sonded_daemon_get_type ())
G_DECLARE_FINAL_TYPE (SondedDaemon, sonded_daemon, SONDED, DAEMON, GObject)

SondedDaemon *sonded_daemon_new (void);

void         sonded_daemon_add_server_async (SondedDaemon       *self,
                                             const char         *name,
                                             SondeSettings      *settings,
                                             GArray             *listen_fds,
                                             GAsyncReadyCallback callback,
                                             gpointer            user_data);
SondeServer *sonded_daemon_add_server_finish (SondedDaemon *self,
                                              GAsyncResult *result,
                                              GError      **error);
gboolean     sonded_daemon_remove_server (SondedDaemon *self,
                                          const char   *name,
                                          GError      **error);
SondeServer *sonded_daemon_get_server (SondedDaemon *self,
                                       const char   *name,
                                       GError      **error);
GList       *sonded_daemon_list_servers (SondedDaemon *self);
guint        sonded_daemon_get_n_connections (SondedDaemon *self);
void         sonded_daemon_stop (SondedDaemon *self);
gboolean     sonded_daemon_is_stopped (SondedDaemon *self);

G_END_DECLS
