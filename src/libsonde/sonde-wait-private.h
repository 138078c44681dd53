/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A deadline that never comes. */
#define SONDE_WAIT_FOREVER G_MAXINT64

typedef struct
{
  GCancellable *cancellable; /* (unowned) (nullable), outlives us */
  gulong        handler_id;
  int           wake_fd; /* (owned), -1 without a cancellable */
} SondeWait;

#define SONDE_WAIT_INIT \
  {                     \
    NULL, 0, -1         \
  }

gboolean sonde_wait_init (SondeWait    *self,
                          GCancellable *cancellable,
                          GError      **error);
void     sonde_wait_clear (SondeWait *self);

gboolean sonde_wait_for (SondeWait *self,
                         int        fd,
                         short      events,
                         gint64     deadline,
                         short     *ready,
                         GError   **error);

gint64 sonde_wait_deadline (guint64 timeout_usec);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondeWait, sonde_wait_clear)

G_END_DECLS
