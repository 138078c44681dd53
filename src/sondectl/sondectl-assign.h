/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GVariant *sondectl_assign_parse (char      **assignments,
                                 const char *preset,
                                 GError    **error);

G_END_DECLS
