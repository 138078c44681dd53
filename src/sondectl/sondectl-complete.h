/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

SondectlExit sondectl_complete (SondectlContext    *context,
                                const SondectlVerb *verbs,
                                guint               n_verbs);

G_END_DECLS
