/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The bytes of all requests, and of the answers that are owed to them. */
typedef struct
{
  gsize   size;     /* of one */
  guint8 *sent;     /* (owned) */
  guint8 *expected; /* (owned) */
} SondectlPattern;

void sondectl_pattern_init (SondectlPattern *self,
                            gsize            size,
                            gboolean         is_upper);
void sondectl_pattern_clear (SondectlPattern *self);

typedef enum
{
  SONDECTL_CLIENT_CONNECTING,
  SONDECTL_CLIENT_IDLE,
  SONDECTL_CLIENT_BUSY,
} SondectlClientState;

/* One connection, on which one request at a time is under way. Times are monotonic and
 * in nanoseconds. */
typedef struct
{
  int                 fd; /* (owned), -1: none */
  guint               index;
  SondectlClientState state;
  guint64             n_requests; /* begun so far */
  gsize               n_sent;     /* of the present one */
  gsize               n_received;
  gint64              sent_at;
  gint64              due_at; /* when it should have been sent */
} SondectlClient;

gboolean sondectl_client_connect (SondectlClient *self,
                                  GSocketAddress *address,
                                  GError        **error);
gboolean sondectl_client_check_connected (SondectlClient *self,
                                          GError        **error);
gboolean sondectl_client_ask (SondectlClient        *self,
                              const SondectlPattern *pattern,
                              gint64                 now,
                              gint64                 due_at,
                              GError               **error);
gboolean sondectl_client_send (SondectlClient        *self,
                               const SondectlPattern *pattern,
                               GError               **error);
gboolean sondectl_client_receive (SondectlClient        *self,
                                  const SondectlPattern *pattern,
                                  GError               **error);
void     sondectl_client_close (SondectlClient *self);

G_END_DECLS
