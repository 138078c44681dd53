/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "server-fixture.h"

#include "parse-value.h"

/* Makes a server at a port that the kernel picks, if the settings say nothing
 * else. */
SondeServer *
server_fixture_new (const char *settings_text)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GVariant) changes = parse_value (settings_text);
  g_autoptr (GError) error = NULL;
  SondeServer *server = NULL;

  g_assert_true (sonde_settings_set_string (settings, "ListenAddresses", "127.0.0.1:0", NULL));
  sonde_settings_update (settings, changes, &error);
  g_assert_no_error (error);
  server = sonde_server_new ("test", settings, &error);
  g_assert_no_error (error);

  return server;
}

SondeServer *
server_fixture_start (const char *settings_text)
{
  SondeServer *server = server_fixture_new (settings_text);
  g_autoptr (GError) error = NULL;

  sonde_server_start (server, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_LISTENING);

  return server;
}

void
server_fixture_relisten (SondeServer *server)
{
  g_autoptr (GError) error = NULL;

  sonde_server_relisten (server, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sonde_server_get_state (server), ==, SONDE_SERVER_STATE_LISTENING);
}

/* Ends a server whose connections may be in any state. */
void
server_fixture_free (SondeServer *server)
{
  sonde_server_drain (server, 0);
  SERVER_FIXTURE_WAIT_STATE (server, STOPPED);
  g_assert_finalize_object (server);
}

void
server_fixture_update (SondeServer *server,
                       const char  *changes_text,
                       SondeApply   apply)
{
  g_autoptr (GVariant) changes = parse_value (changes_text);
  g_autoptr (GError) error = NULL;

  sonde_server_update (server, changes, apply, &error);
  g_assert_no_error (error);
}

guint16
server_fixture_get_port (SondeServer *server)
{
  g_autoptr (GVariant) addresses = sonde_server_get_bound_addresses (server);
  guint16 port = 0;

  g_assert_cmpuint (g_variant_n_children (addresses), >=, 1);
  g_variant_get_child (addresses, 0, "(&sq)", NULL, &port);
  g_assert_cmpuint (port, >, 0);

  return port;
}

/* What the option report says of an option: its row, of type (ssvvvs). */
GVariant *
server_fixture_get_option (SondeServer *server,
                           const char  *option,
                           const char  *scope)
{
  g_autoptr (GVariant) report = sonde_server_get_option_report (server);

  for (gsize i = 0; i < g_variant_n_children (report); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (report, i);
      const char *row_option, *row_scope;

      g_variant_get (row, "(&s&svvvs)", &row_option, &row_scope, NULL, NULL, NULL, NULL);
      if (g_str_equal (row_option, option) && g_str_equal (row_scope, scope))
        return g_steal_pointer (&row);
    }

  g_assert_not_reached ();
}

guint64
server_fixture_get_statistic (SondeServer *server,
                              const char  *name)
{
  g_autoptr (GVariant) all = sonde_server_get_statistics (server);
  g_autoptr (GVariant) value = g_variant_lookup_value (all, name, NULL);

  g_assert_nonnull (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32 (value);

  return g_variant_get_uint64 (value);
}

/* The id of the newest connection. */
guint64
server_fixture_get_newest (SondeServer *server)
{
  g_autoptr (GVariant) rows = sonde_server_list_connections (server, 0, 0);
  const gsize n_rows = g_variant_n_children (rows);
  guint64     id = 0;

  g_assert_cmpuint (n_rows, >=, 1);
  g_variant_get_child (rows, n_rows - 1, "(tsqtttb)", &id, NULL, NULL, NULL, NULL, NULL, NULL);

  return id;
}

void
server_fixture_assert_setting (SondeServer *server,
                               const char  *key,
                               const char  *expected_text)
{
  g_autoptr (SondeSettings) settings = sonde_server_dup_settings (server);
  g_autoptr (GVariant) value = sonde_settings_get_value (settings, key);
  g_autoptr (GVariant) expected = parse_value (expected_text);

  g_assert_cmpvariant (value, expected);
}

/* What getsockopt(2) says about an open connection. */
void
server_fixture_assert_connection (SondeServer *server,
                                  guint64      id,
                                  const char  *key,
                                  const char  *expected_text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) all = sonde_server_get_connection (server, id, &error);
  g_autoptr (GVariant) expected = parse_value (expected_text);
  g_autoptr (GVariant) value = NULL;

  g_assert_no_error (error);
  value = g_variant_lookup_value (all, key, NULL);
  g_assert_nonnull (value);
  g_assert_cmpvariant (value, expected);
}

static gboolean
nothing_cb (gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

/* Gives the default main context a turn, of a millisecond at most. */
void
server_fixture_turn (void)
{
  g_autoptr (GSource) source = g_timeout_source_new (1);

  g_source_set_callback (source, nothing_cb, NULL, NULL);
  g_source_attach (source, NULL);
  g_main_context_iteration (NULL, TRUE);
  g_source_destroy (source);
}
