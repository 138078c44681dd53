/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde-session-private.h>

G_BEGIN_DECLS

/* A session on a real connection, with everything that a worker lends it, and
 * the client at the other end. The test is the worker: it takes each step. */
typedef struct
{
  SondeRules    rules;
  SondeCounters counters;
  SondeDesk     desk;
  SondeSession *session; /* (owned) (nullable): over */
  int           epoll_fd;
  int           client;
  guint32       interest; /* what the last step asked for */
} SessionFixture;

void session_fixture_set_up (SessionFixture *fixture,
                             gconstpointer   mode);
void session_fixture_tear_down (SessionFixture *fixture,
                                gconstpointer   mode);

void     session_fixture_step (SessionFixture *fixture);
void     session_fixture_run (SessionFixture *fixture);
void     session_fixture_run_until (SessionFixture *fixture,
                                    guint64         n_received);
void     session_fixture_run_until_leaving (SessionFixture *fixture);
gboolean session_fixture_is_ready (SessionFixture *fixture);
void     session_fixture_stall (SessionFixture *fixture);
void     session_fixture_end (SessionFixture *fixture,
                              SondeCounter    outcome);
guint64  session_fixture_count (SessionFixture *fixture,
                                SondeCounter    counter);

/* A test whose fixture serves a mode. */
#define SESSION_TEST(path, mode, func)              \
  g_test_add (path,                                 \
              SessionFixture,                       \
              GUINT_TO_POINTER (SONDE_MODE_##mode), \
              session_fixture_set_up,               \
              func,                                 \
              session_fixture_tear_down)

G_END_DECLS
