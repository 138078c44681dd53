/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include <libsonde/sonde.h>

#include "sondectl-context.h"

G_BEGIN_DECLS

/* Something to probe. */
typedef struct
{
  char     *server; /* (owned) (nullable): not a server of the daemon */
  char     *host;   /* (owned) (nullable): the server does not listen */
  guint16   port;
  SondeMode mode;
  guint     read_size; /* 0: not known */
} SondectlTarget;

void sondectl_target_free (SondectlTarget *self);

GPtrArray *sondectl_target_list (SondectlContext *context,
                                 int              n_words,
                                 char           **words,
                                 SondeMode        mode,
                                 GError         **error);
char      *sondectl_target_format_address (SondectlTarget *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondectlTarget, sondectl_target_free)

G_END_DECLS
