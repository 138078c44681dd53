/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

char *sondectl_program_find (void);
char *sondectl_program_ask (SondectlContext *context,
                            const char      *what,
                            const char      *config,
                            GError         **error);

G_END_DECLS
