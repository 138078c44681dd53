/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

GIOStream *sondectl_remote_open (SondectlContext *context,
                                 GError         **error);

G_END_DECLS
