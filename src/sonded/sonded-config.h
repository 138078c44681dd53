/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

G_BEGIN_DECLS

/* What a configuration asks for. */
typedef struct
{
  guint       max_connections; /* of all servers; 0: no limit */
  GHashTable *servers;         /* (owned) (element-type utf8 SondeSettings) */
  GHashTable *sockets;         /* (owned) (element-type utf8 utf8): by server, the name of the
                                  passed sockets on which it listens */
} SondedConfig;

SondedConfig *sonded_config_load (const char *const *paths,
                                  GError           **error);
SondedConfig *sonded_config_parse (const char *path,
                                   const char *text,
                                   GError    **error);
void          sonded_config_free (SondedConfig *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondedConfig, sonded_config_free)

G_END_DECLS
