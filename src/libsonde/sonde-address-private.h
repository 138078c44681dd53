/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>
#include <sys/socket.h>

G_BEGIN_DECLS

gboolean sonde_address_split (const char *text,
                              char      **host,
                              guint16    *port,
                              GError    **error);
gboolean sonde_address_check (const char *text,
                              GError    **error);
char    *sonde_address_format (GSocketAddress *address);

gboolean sonde_address_is_any (const char *text);
gboolean sonde_address_is_exposed (const char *text);

/* A peer, in 20 bytes; IPv4 is kept as ::ffff:a.b.c.d. */
typedef struct
{
  guint64 high;
  guint64 low;
  guint16 port;
} SondePeer;

void     sonde_peer_init (SondePeer                     *self,
                          const struct sockaddr_storage *address);
char    *sonde_peer_dup_host (const SondePeer *self);
guint    sonde_peer_hash (gconstpointer peer);
gboolean sonde_peer_same_host (gconstpointer a,
                               gconstpointer b);

G_END_DECLS
