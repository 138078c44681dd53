/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde.h>

G_BEGIN_DECLS

/* The sockets that the service manager has passed. */
typedef struct _SondedSockets SondedSockets;

SondedSockets *sonded_sockets_take (GError **error);
void           sonded_sockets_free (SondedSockets *self);
gboolean       sonded_sockets_parse (const char *value,
                                     const char *server,
                                     char      **name,
                                     GError    **error);
GArray        *sonded_sockets_find (SondedSockets *self,
                                    const char    *name,
                                    GError       **error);
gboolean       sonded_sockets_give (GArray      *fds,
                                    SondeServer *server,
                                    GError     **error);
void           sonded_sockets_close_unused (SondedSockets *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondedSockets, sonded_sockets_free)

G_END_DECLS
