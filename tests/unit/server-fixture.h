/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde-server.h>

G_BEGIN_DECLS

/* Servers on the loopback, for tests that talk to them. */

SondeServer *server_fixture_new (const char *settings_text);
SondeServer *server_fixture_start (const char *settings_text);
void         server_fixture_relisten (SondeServer *server);
void         server_fixture_free (SondeServer *server);

void      server_fixture_update (SondeServer *server,
                                 const char  *changes_text,
                                 SondeApply   apply);
guint16   server_fixture_get_port (SondeServer *server);
GVariant *server_fixture_get_option (SondeServer *server,
                                     const char  *option,
                                     const char  *scope);
guint64   server_fixture_get_statistic (SondeServer *server,
                                        const char  *name);
guint64   server_fixture_get_newest (SondeServer *server);
void      server_fixture_assert_setting (SondeServer *server,
                                         const char  *key,
                                         const char  *expected_text);
void      server_fixture_assert_connection (SondeServer *server,
                                            guint64      id,
                                            const char  *key,
                                            const char  *expected_text);

void server_fixture_turn (void);

/* Waits for a condition, running the main context that it may depend on. */
#define SERVER_FIXTURE_WAIT(condition) \
  G_STMT_START                         \
  {                                    \
    while (!(condition))               \
      server_fixture_turn ();          \
  }                                    \
  G_STMT_END

#define SERVER_FIXTURE_WAIT_CONNECTIONS(server, n) \
  SERVER_FIXTURE_WAIT (sonde_server_get_n_connections (server) == (n))
#define SERVER_FIXTURE_WAIT_STATE(server, state) \
  SERVER_FIXTURE_WAIT (sonde_server_get_state (server) == SONDE_SERVER_STATE_##state)
#define SERVER_FIXTURE_WAIT_STATISTIC(server, name, value) \
  SERVER_FIXTURE_WAIT (server_fixture_get_statistic (server, name) == (value))

G_END_DECLS
