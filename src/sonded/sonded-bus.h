/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonded-log.h"
#include "sonded-provision.h"

G_BEGIN_DECLS

#define SONDED_TYPE_BUS (sonded_bus_get_type ())
G_DECLARE_FINAL_TYPE (SondedBus, sonded_bus, SONDED, BUS, GObject)

SondedBus *sonded_bus_new (SondedDaemon    *daemon,
                           SondedProvision *provision,
                           SondedLog       *log,
                           const char      *address,
                           gboolean         system_bus);
void       sonded_bus_connect_async (SondedBus          *self,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
gboolean   sonded_bus_connect_finish (SondedBus    *self,
                                      GAsyncResult *result,
                                      GError      **error);

G_END_DECLS
