/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void sonde_tcp_info_read (int           fd,
                          GVariantDict *dict);

G_END_DECLS
