/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"
#include "server-fixture.h"

#include <string.h>

#include <libsonde/sonde-option-private.h>

typedef struct
{
  char     *reason;    /* (owned) */
  GVariant *asked;     /* (owned) */
  GVariant *effective; /* (owned) */
  GVariant *limit;     /* (owned) */
} Row;

static void
row_free (Row *row)
{
  g_free (row->reason);
  g_variant_unref (row->asked);
  g_variant_unref (row->effective);
  g_variant_unref (row->limit);
  g_free (row);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Row, row_free)

static guint
count_rows (SondeServer *server,
            const char  *scope)
{
  g_autoptr (GVariant) report = sonde_server_get_option_report (server);
  guint n = 0;

  g_assert_true (g_variant_is_of_type (report, G_VARIANT_TYPE ("a(ssvvvs)")));
  for (gsize i = 0; i < g_variant_n_children (report); i++)
    {
      const char *row_scope = NULL;

      g_variant_get_child (report, i, "(&s&svvvs)", NULL, &row_scope, NULL, NULL, NULL, NULL);
      n += strcmp (row_scope, scope) == 0;
    }

  return n;
}

static Row *
find_row (SondeServer *server,
          const char  *option,
          const char  *scope)
{
  g_autoptr (GVariant) child = server_fixture_get_option (server, option, scope);
  Row *row = g_new0 (Row, 1);

  g_variant_get (child, "(ssvvvs)", NULL, NULL, &row->asked, &row->effective, &row->limit,
                 &row->reason);

  return row;
}

static void
assert_row (SondeServer *server,
            const char  *option,
            const char  *scope,
            const char  *effective_text,
            const char  *reason)
{
  g_autoptr (Row) row = find_row (server, option, scope);
  g_autoptr (SondeSettings) settings = sonde_server_dup_settings (server);
  g_autoptr (GVariant) asked = sonde_settings_get_value (settings, option);
  g_autoptr (GVariant) effective = NULL;

  g_test_message ("%s of the %s", option, scope);
  g_assert_cmpstr (row->reason, ==, reason);
  g_assert_cmpvariant (row->asked, asked);
  if (effective_text == NULL)
    return;
  effective = g_variant_parse (NULL, effective_text, NULL, NULL, NULL);
  g_assert_cmpvariant (row->effective, effective);
}

static guint64
read_sysctl (const char *path)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);

  return g_ascii_strtoull (text, NULL, 10);
}

static void
test_rows (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");
  guint        n_connection = 0;
  int          client;

  g_test_summary ("There is a row for each option of the listener, and of the newest connection.");

  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    n_connection += (sonde_option_get_table ()[row].phases & SONDE_OPTION_ON_CONNECTION) != 0;
  g_assert_cmpuint (count_rows (server, "listener"), ==, SONDE_N_OPTIONS);
  g_assert_cmpuint (count_rows (server, "connection"), ==, 0);

  client = loopback_connect (server_fixture_get_port (server));
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  g_assert_cmpuint (count_rows (server, "listener"), ==, SONDE_N_OPTIONS);
  g_assert_cmpuint (count_rows (server, "connection"), ==, n_connection);
  loopback_close (client);
  server_fixture_free (server);
}

static void
test_defaults (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");

  g_test_summary ("Where nothing was asked, each row is the kernel's own.");

  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    assert_row (server,
                sonde_option_get_table ()[row].key.name,
                "listener",
                NULL,
                "kernel-default");
  server_fixture_free (server);
}

static void
test_as_asked (void)
{
  SondeServer *server = server_fixture_start (
    "{'ReuseAddress': <true>, 'ReusePort': <true>, 'Backlog': <7>, 'NoDelay': <true>,"
    " 'KeepAlive': <true>, 'KeepAliveTimeUSec': <1800000000>, 'KeepAliveIntervalUSec': <15000000>,"
    " 'KeepAliveProbes': <9>, 'UserTimeoutUSec': <20000000>, 'DeferAcceptUSec': <1000000>,"
    " 'Congestion': <'reno'>, 'MaxPacingRate': <1000000>, 'NotSentLowWater': <16384>,"
    " 'LingerUSec': <5000000>, 'TypeOfService': <16>, 'MaxSegment': <1200>}");
  static const char *const keys[] = {
    "ReuseAddress", "ReusePort", "Backlog", "NoDelay", "KeepAlive", "KeepAliveTimeUSec",
    "KeepAliveIntervalUSec", "KeepAliveProbes", "UserTimeoutUSec", "DeferAcceptUSec", "Congestion",
    "MaxPacingRate", "NotSentLowWater", "LingerUSec", "TypeOfService", "MaxSegment"
  };

  g_test_summary ("What the kernel took as it was is as asked, on the listener itself.");

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (Row) row = find_row (server, keys[i], "listener");

      assert_row (server, keys[i], "listener", NULL, "as-asked");
      g_assert_cmpvariant (row->asked, row->effective);
    }
  server_fixture_free (server);
}

static void
test_buffers (void)
{
  SondeServer     *server = server_fixture_start ("{'ReceiveBuffer': <65536>, 'SendBuffer': <1>}");
  const guint64    rmem_max = read_sysctl ("/proc/sys/net/core/rmem_max");
  g_autofree char *clamped = g_strdup_printf ("uint64 %" G_GUINT64_FORMAT, 2 * rmem_max);
  int              client;

  g_test_summary ("A buffer is doubled, raised to a minimum, or clamped by its sysctl.");

  assert_row (server, "ReceiveBuffer", "listener", "uint64 131072", "doubled");
  assert_row (server, "SendBuffer", "listener", NULL, "raised-to-minimum");
  client = loopback_connect (server_fixture_get_port (server));
  SERVER_FIXTURE_WAIT_CONNECTIONS (server, 1);
  assert_row (server, "ReceiveBuffer", "connection", "uint64 131072", "doubled");

  server_fixture_update (server, "{'ReceiveBuffer': <1000000000>}", SONDE_APPLY_ALL);
  for (guint i = 0; i < 2; i++)
    {
      const char *scope = i == 0 ? "listener" : "connection";
      g_autoptr (Row) row = find_row (server, "ReceiveBuffer", scope);

      assert_row (server, "ReceiveBuffer", scope, clamped, "clamped-by-net.core.rmem_max");
      g_assert_cmpuint (g_variant_get_uint64 (row->limit), ==, rmem_max);
    }
  loopback_close (client);
  server_fixture_free (server);
}

static void
test_backlog (void)
{
  SondeServer     *server = server_fixture_start ("{'Backlog': <2000000000>}");
  const guint64    somaxconn = read_sysctl ("/proc/sys/net/core/somaxconn");
  g_autofree char *clamped = g_strdup_printf ("uint32 %" G_GUINT64_FORMAT, somaxconn);

  g_test_summary ("A backlog is clamped by somaxconn.");

  assert_row (server, "Backlog", "listener", clamped, "clamped-by-net.core.somaxconn");
  server_fixture_update (server, "{'Backlog': <7>}", SONDE_APPLY_ALL);
  assert_row (server, "Backlog", "listener", "uint32 7", "as-asked");
  server_fixture_free (server);
}

static void
test_rounded (void)
{
  SondeServer *server = server_fixture_start (
    "{'KeepAliveTimeUSec': <1500000>, 'TypeOfService': <255>}");

  g_test_summary ("A value between two of the kernel's is rounded.");

  assert_row (server, "KeepAliveTimeUSec", "listener", "uint64 2000000", "rounded");
  assert_row (server, "TypeOfService", "listener", "uint32 252", "rounded");
  assert_row (server, "KeepAlive", "listener", "true", "as-asked");
  server_fixture_free (server);
}

static void
test_not_sticky (void)
{
  SondeServer *server = server_fixture_start ("{'QuickAck': <true>}");
  const int    client = loopback_connect (server_fixture_get_port (server));

  g_test_summary ("Quick ACK does not stick: after a round trip it has to be armed again.");

  for (guint i = 0; i < 3; i++)
    {
      loopback_send_text (client, "hello");
      loopback_expect (client, "hello");
    }
  SERVER_FIXTURE_WAIT_STATISTIC (server, "BytesSent", 15);
  assert_row (server, "QuickAck", "connection", "false", "not-sticky");
  loopback_close (client);
  server_fixture_free (server);
}

static void
test_needs_relisten (void)
{
  SondeServer *server = server_fixture_start ("@a{sv} {}");

  g_test_summary ("What counts at bind(2) needs new listeners, and has its effect with them.");

  server_fixture_update (server, "{'ReuseAddress': <true>}", SONDE_APPLY_ALL);
  assert_row (server, "ReuseAddress", "listener", "false", "needs-relisten");
  g_assert_true (sonde_server_relisten (server, NULL));
  assert_row (server, "ReuseAddress", "listener", "true", "as-asked");
  server_fixture_free (server);
}

static void
test_given_back (void)
{
  SondeServer *server =
    server_fixture_start ("{'NoDelay': <true>, 'KeepAliveProbes': <3>,"
                          " 'Congestion': <'reno'>, 'UserTimeoutUSec': <1000000>}");
  SondeServer             *fresh = server_fixture_start ("@a{sv} {}");
  static const char *const keys[] = { "KeepAliveProbes", "Congestion", "UserTimeoutUSec" };

  g_test_summary ("What is asked for no longer is the kernel's own again.");

  server_fixture_update (
    server,
    "{'KeepAliveProbes': <0>, 'Congestion': <''>, 'UserTimeoutUSec': <0>}",
    SONDE_APPLY_ALL);
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (Row) expected = find_row (fresh, keys[i], "listener");
      g_autoptr (Row) row = find_row (server, keys[i], "listener");

      g_assert_cmpstr (row->reason, ==, "kernel-default");
      g_assert_cmpvariant (row->effective, expected->effective);
    }
  assert_row (server, "NoDelay", "listener", "true", "as-asked");
  server_fixture_free (server);
  server_fixture_free (fresh);
}

static void
test_stopped (void)
{
  SondeServer *server = server_fixture_new ("{'NoDelay': <true>, 'Backlog': <7>,"
                                            " 'ReceiveBuffer': <65536>, 'ReusePort': <true>}");
  const guint  n_fds = loopback_count_fds ();

  g_test_summary ("A server that does not listen reports what the kernel would make of it.");

  g_assert_cmpuint (count_rows (server, "listener"), ==, SONDE_N_OPTIONS);
  g_assert_cmpuint (count_rows (server, "connection"), ==, 0);
  assert_row (server, "NoDelay", "listener", "true", "as-asked");
  assert_row (server, "ReusePort", "listener", "true", "as-asked");
  assert_row (server, "Backlog", "listener", "uint32 7", "as-asked");
  assert_row (server, "ReceiveBuffer", "listener", "uint64 131072", "doubled");
  g_assert_cmpuint (loopback_count_fds (), ==, n_fds);
  g_assert_finalize_object (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/server-options/rows", test_rows);
  g_test_add_func ("/server-options/defaults", test_defaults);
  g_test_add_func ("/server-options/as-asked", test_as_asked);
  g_test_add_func ("/server-options/buffers", test_buffers);
  g_test_add_func ("/server-options/backlog", test_backlog);
  g_test_add_func ("/server-options/rounded", test_rounded);
  g_test_add_func ("/server-options/not-sticky", test_not_sticky);
  g_test_add_func ("/server-options/needs-relisten", test_needs_relisten);
  g_test_add_func ("/server-options/given-back", test_given_back);
  g_test_add_func ("/server-options/stopped", test_stopped);

  return g_test_run ();
}
