/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde-server.h>

G_BEGIN_DECLS

/* Servers on sockets that somebody else has made. */

SondeServer *given_fixture_new (const char *settings_text);
SondeServer *given_fixture_start_new (const char *settings_text,
                                      guint16    *port);
void         given_fixture_give (SondeServer *server,
                                 const int   *fds,
                                 guint        n_fds);
void         given_fixture_start (SondeServer *server);
void         given_fixture_assert_report (SondeServer *server,
                                          const char  *option,
                                          const char  *expected_scope,
                                          const char  *expected);

G_END_DECLS
