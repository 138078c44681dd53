/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How long a child may take to begin or to end, on a busy machine. */
#define SONDE_TEST_PATIENCE_S 30

typedef gboolean (*SondeTestCheck) (gpointer user_data);

GSubprocess *sonde_test_child_spawn (const char *const *argv,
                                     const char *const *environment,
                                     const char        *log_path,
                                     GError           **error);
gboolean     sonde_test_child_wait (GSubprocess   *child,
                                    GMainContext  *context,
                                    SondeTestCheck check,
                                    gpointer       user_data,
                                    GError       **error);
gboolean     sonde_test_child_stop (GSubprocess *child,
                                    GError     **error);

G_END_DECLS
