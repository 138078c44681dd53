/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void sonde_call_later (GMainContext  *context,
                       GSourceFunc    func,
                       gpointer       user_data,
                       GDestroyNotify destroy);
void sonde_call_and_wait (GMainContext *context,
                          GSourceFunc   func,
                          gpointer      user_data);

G_END_DECLS
