/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonded-daemon.h"
#include "sonded-sockets.h"

G_BEGIN_DECLS

#define SONDED_TYPE_PROVISION (sonded_provision_get_type ())
G_DECLARE_FINAL_TYPE (SondedProvision, sonded_provision, SONDED, PROVISION, GObject)

SondedProvision *sonded_provision_new (SondedDaemon  *daemon,
                                       const char    *config_path,
                                       char         **config_folders,
                                       SondedSockets *sockets);
void             sonded_provision_load_async (SondedProvision    *self,
                                              GAsyncReadyCallback callback,
                                              gpointer            user_data);
gboolean         sonded_provision_load_finish (SondedProvision *self,
                                               GAsyncResult    *result,
                                               GError         **error);

G_END_DECLS
