/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How the tests of a client library use a daemon of their own: they talk TCP to
 * it, and ask it over D-Bus what it has seen.
 *
 * cc test-line-client.c $(pkg-config --cflags --libs sonde-test-1) */

#include <libsonde-test/sonde-test-server.h>

#define CONFIG        \
  "[Server upper]\n"  \
  "Mode=upper-line\n" \
  "ListenAddresses=127.0.0.1:0\n"

/* The client library under test: sends a line, and returns the one that comes. */
static char *
ask (guint16     port,
     const char *line,
     GError    **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GDataInputStream) input = NULL;
  GOutputStream *output = NULL;

  connection = g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL, error);
  if (connection == NULL)
    return NULL;
  output = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  if (!g_output_stream_printf (output, NULL, NULL, error, "%s\n", line))
    return NULL;
  input = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));

  return g_data_input_stream_read_line (input, NULL, NULL, error);
}

static guint64
get_statistic (SondeTestServer *server,
               const char      *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) value = NULL;

  reply = g_dbus_connection_call_sync (sonde_test_server_get_connection (server),
                                       "org.sonde.Sonde1",
                                       "/org/sonde/Sonde1/server/upper",
                                       "org.freedesktop.DBus.Properties",
                                       "Get",
                                       g_variant_new ("(ss)", "org.sonde.Sonde1.Statistics", name),
                                       G_VARIANT_TYPE ("(v)"),
                                       G_DBUS_CALL_FLAGS_NONE,
                                       -1,
                                       NULL,
                                       &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(v)", &value);

  return g_variant_get_uint64 (value);
}

static void
test_answer (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SondeTestServer) server = NULL;
  g_autofree char *answer = NULL;
  guint16          port;

  g_test_summary ("The client gets its line back, and sends nothing but the line.");

  server = sonde_test_server_new (CONFIG, &error);
  g_assert_no_error (error);
  port = sonde_test_server_get_port (server, "upper", &error);
  g_assert_no_error (error);

  answer = ask (port, "hello", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (answer, ==, "HELLO");
  g_assert_cmpuint (get_statistic (server, "BytesReceived"), ==, 6);

  sonde_test_server_stop (server, &error);
  g_assert_no_error (error);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/line-client/answer", test_answer);

  return g_test_run ();
}
