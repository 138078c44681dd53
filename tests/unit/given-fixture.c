/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "given-fixture.h"

#include "loopback.h"
#include "server-fixture.h"

/* Makes a server that has not started, and asks for no address. */
SondeServer *
given_fixture_new (const char *settings_text)
{
  SondeServer *server = server_fixture_new (settings_text);

  server_fixture_update (server, "{'ListenAddresses': <@as []>}", SONDE_APPLY_ALL);

  return server;
}

void
given_fixture_give (SondeServer *server,
                    const int   *fds,
                    guint        n_fds)
{
  g_autoptr (GError) error = NULL;

  sonde_server_set_listen_fds (server, fds, n_fds, &error);
  g_assert_no_error (error);
}

void
given_fixture_start (SondeServer *server)
{
  g_autoptr (GError) error = NULL;

  sonde_server_start (server, &error);
  g_assert_no_error (error);
}

/* Starts a server on a socket of its own, whose only descriptors are the server's. */
SondeServer *
given_fixture_start_new (const char *settings_text,
                         guint16    *port)
{
  SondeServer *server = given_fixture_new (settings_text);
  const int    fd = loopback_listen (port);

  given_fixture_give (server, &fd, 1);
  loopback_close (fd);
  given_fixture_start (server);

  return server;
}

/* What became of an option, in one of the scopes of the report. */
void
given_fixture_assert_report (SondeServer *server,
                             const char  *option,
                             const char  *expected_scope,
                             const char  *expected)
{
  g_autoptr (GVariant) row = server_fixture_get_option (server, option, expected_scope);
  g_autoptr (GVariant) effective = NULL;
  const char      *reason = NULL;
  g_autofree char *value = NULL;
  g_autofree char *text = NULL;

  g_variant_get (row, "(ss@vvv&s)", NULL, NULL, NULL, &effective, NULL, &reason);
  value = g_variant_print (effective, FALSE);
  text = g_strconcat (value, " ", reason, NULL);
  g_assert_cmpstr (text, ==, expected);
}
