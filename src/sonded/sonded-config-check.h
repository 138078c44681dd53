/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonded-config.h"
#include "sonded-sockets.h"

G_BEGIN_DECLS

gboolean sonded_config_check_settings (SondedConfig *self,
                                       GError      **error);
gboolean sonded_config_check_places (SondedConfig *self,
                                     GError      **error);
gboolean sonded_config_find_sockets (SondedConfig  *self,
                                     SondedSockets *sockets,
                                     const char    *server,
                                     GArray       **fds,
                                     GError       **error);
gboolean sonded_config_check (SondedConfig  *self,
                              SondedSockets *sockets,
                              GError       **error);

G_END_DECLS
