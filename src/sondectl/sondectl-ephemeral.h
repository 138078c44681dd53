/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

/* A daemon on a bus of its own, for us alone. */
typedef struct _SondectlEphemeral SondectlEphemeral;

SondectlEphemeral *sondectl_ephemeral_new (const char *config,
                                           gboolean    verbose,
                                           GError    **error);
const char        *sondectl_ephemeral_get_address (SondectlEphemeral *self);
void               sondectl_ephemeral_free (SondectlEphemeral *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondectlEphemeral, sondectl_ephemeral_free)

G_END_DECLS
