/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sondectl-history.h"

G_BEGIN_DECLS

typedef struct
{
  char   *path;    /* (owned) */
  char   *name;    /* (owned) */
  char   *state;   /* (owned) */
  gint64  read_at; /* 0: never */
  guint   n_connections;
  guint   queue_depth;
  guint   queue_limit;
  guint64 n_refused;
  guint64 n_accepted;
  guint64 bytes_received;
  guint64 bytes_sent;
  double  accept_rate; /* these three per second */
  double  receive_rate;
  double  send_rate;

  SondectlHistory traffic; /* bytes per second, both ways */
} SondectlTopServer;

typedef enum
{
  SONDECTL_TOP_BY_NAME,
  SONDECTL_TOP_BY_CONNECTIONS,
  SONDECTL_TOP_BY_TRAFFIC,
  SONDECTL_TOP_N_ORDERS
} SondectlTopOrder;

typedef void (*SondectlTopFunc) (gpointer user_data);

/* What the daemon says of its servers, and what it said before. */
typedef struct
{
  GDBusObjectManager *manager;     /* (owned) */
  GCancellable       *cancellable; /* (owned) */
  GPtrArray          *servers;     /* (owned) (element-type SondectlTopServer), in order */
  SondectlTopOrder    order;
  guint               n_pending;
  guint               n_rounds;      /* in which all answered */
  guint               n_connections; /* of all servers */
  SondectlHistory     traffic;
  SondectlHistory     connections;

  SondectlTopFunc changed;
  SondectlTopFunc gone;
  gpointer        user_data; /* (unowned) */
} SondectlTopModel;

gboolean sondectl_top_model_init (SondectlTopModel *self,
                                  GDBusConnection  *connection,
                                  GError          **error);
void     sondectl_top_model_clear (SondectlTopModel *self);
void     sondectl_top_model_poll (SondectlTopModel *self,
                                  guint             first,
                                  guint             count);
void     sondectl_top_model_sort (SondectlTopModel *self,
                                  SondectlTopOrder  order);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondectlTopModel, sondectl_top_model_clear)

G_END_DECLS
