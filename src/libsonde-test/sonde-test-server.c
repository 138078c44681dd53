/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-test-server.h"

#include <glib/gstdio.h>
#include <libsonde/sonde.h>

#include "sonde-test-child-private.h"
#include "sonde-test-ready-private.h"

#define BUS_NAME SONDE_TEST_BUS_NAME
#define ROOT "/org/sonde/Sonde1"
#define DEFAULT_CONFIG "[Server echo]\nMode=echo\nListenAddresses=127.0.0.1:0\n"

/**
 * SondeTestServer:
 *
 * A daemon with a message bus of its own, for the length of a test.
 *
 * It is for the tests of whoever talks to Sonde: each has its own daemon,
 * beside the one of the system and those of other tests. Nothing of the
 * process's environment is changed.
 *
 * ```c
 * g_autoptr (SondeTestServer) server = sonde_test_server_new (NULL, &error);
 * g_assert_no_error (error);
 *
 * // Talk TCP to the port, and D-Bus over the connection.
 * port = sonde_test_server_get_port (server, "echo", &error);
 *
 * sonde_test_server_stop (server, &error);
 * g_assert_no_error (error);
 * ```
 *
 * The daemon is the installed one, or the one that the environment variable
 * `SONDED` names. The processes end when the thread ends that made them, even if
 * it crashes.
 *
 * Since: 0.1
 */
struct _SondeTestServer
{
  GObject parent_instance;

  char            *folder;      /* (owned) (nullable) */
  char            *bus_address; /* (owned) (nullable) */
  GSubprocess     *bus;         /* (owned) (nullable) */
  GSubprocess     *daemon;      /* (owned) (nullable) */
  GDBusConnection *connection;  /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (SondeTestServer, sonde_test_server, G_TYPE_OBJECT)

static char *
make_path (SondeTestServer *self,
           const char      *name)
{
  return g_build_filename (self->folder, name, NULL);
}

static gboolean
start_bus (SondeTestServer *self,
           GError         **error)
{
  g_autofree char  *socket_path = make_path (self, "bus");
  g_autofree char  *option = g_strconcat ("--address=unix:path=", socket_path, NULL);
  const char *const argv[] = {
    "dbus-daemon",
    "--session",
    "--nofork",
    "--nopidfile",
    "--print-address",
    option,
    NULL,
  };
  g_autoptr (GDataInputStream) output = NULL;

  self->bus = sonde_test_child_spawn (argv, (const char *[]){ NULL }, NULL, error);
  if (self->bus == NULL)
    return FALSE;

  output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->bus));
  self->bus_address = g_data_input_stream_read_line (output, NULL, NULL, error);
  if (self->bus_address != NULL)
    return TRUE;

  if (error != NULL && *error == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "The message bus did not start");

  return FALSE;
}

static gboolean
connect_to_bus (SondeTestServer *self,
                GError         **error)
{
  self->connection =
    g_dbus_connection_new_for_address_sync (self->bus_address,
                                            G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                              G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                            NULL,
                                            NULL,
                                            error);

  return self->connection != NULL;
}

static gboolean
start_daemon (SondeTestServer *self,
              const char      *config,
              const char      *notify_path,
              GError         **error)
{
  const char       *program = g_getenv ("SONDED");
  g_autofree char  *config_path = make_path (self, "sonded.conf");
  g_autofree char  *config_option = g_strconcat ("--config=", config_path, NULL);
  g_autofree char  *address_option = g_strconcat ("--address=", self->bus_address, NULL);
  g_autofree char  *log_path = make_path (self, "sonded.log");
  const char *const argv[] = {
    program != NULL ? program : LIBEXECDIR "/sonded",
    address_option,
    config_option,
    NULL,
  };
  const char *const environment[] = { "NOTIFY_SOCKET", notify_path, NULL };

  if (!g_file_set_contents (config_path, config, -1, error))
    return FALSE;
  self->daemon = sonde_test_child_spawn (argv, environment, log_path, error);

  return self->daemon != NULL;
}

static gboolean
run_daemon (SondeTestServer *self,
            const char      *config,
            GError         **error)
{
  g_autofree char *notify_path = make_path (self, "notify");
  g_autoptr (GSocket) notify = sonde_test_ready_listen (notify_path, error);

  return notify != NULL && start_daemon (self, config, notify_path, error) &&
         sonde_test_ready_wait (notify, self->connection, self->daemon, error);
}

static gboolean
start (SondeTestServer *self,
       const char      *config,
       GError         **error)
{
  g_autofree char *log = NULL;

  self->folder = g_dir_make_tmp ("sonde-test-server-XXXXXX", error);
  if (self->folder == NULL || !start_bus (self, error) || !connect_to_bus (self, error))
    return FALSE;
  if (run_daemon (self, config, error))
    return TRUE;

  log = sonde_test_server_dup_log (self);
  g_prefix_error (error, "The daemon did not start, and said:\n%s", log);

  return FALSE;
}

static void
remove_folder (SondeTestServer *self)
{
  static const char *const names[] = { "bus", "notify", "sonded.conf", "sonded.log" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = make_path (self, names[i]);

      g_unlink (path);
    }
  g_rmdir (self->folder);
  g_clear_pointer (&self->folder, g_free);
}

static void
sonde_test_server_finalize (GObject *object)
{
  SondeTestServer *self = SONDE_TEST_SERVER (object);
  g_autoptr (GError) local_error = NULL;

  if (!sonde_test_server_stop (self, &local_error))
    g_warning ("%s", local_error->message);
  if (self->folder != NULL)
    remove_folder (self);
  g_free (self->bus_address);

  G_OBJECT_CLASS (sonde_test_server_parent_class)->finalize (object);
}

static void
sonde_test_server_class_init (SondeTestServerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = sonde_test_server_finalize;
}

static void
sonde_test_server_init (SondeTestServer *self)
{
  /* From now on errors of the daemon arrive as what they are. */
  sonde_error_quark ();
}

/**
 * sonde_test_server_new:
 * @config: (nullable): the text of a configuration file; %NULL for an echo
 *   server `echo` at a port of the loopback that the kernel picks
 * @error: where to put an error, whose message has what the daemon said
 *
 * Starts a message bus, and a daemon on it.
 *
 * On return the daemon has its name and its servers listen.
 *
 * Returns: (transfer full): the daemon
 *
 * Since: 0.1
 */
SondeTestServer *
sonde_test_server_new (const char *config,
                       GError    **error)
{
  g_autoptr (SondeTestServer) self = g_object_new (SONDE_TEST_TYPE_SERVER, NULL);
  g_autoptr (GError) local_error = NULL;

  if (start (self, config != NULL ? config : DEFAULT_CONFIG, &local_error))
    return g_steal_pointer (&self);

  g_propagate_error (error, g_steal_pointer (&local_error));
  /* It has failed already; how it ends is of no interest. */
  sonde_test_server_stop (self, NULL);

  return NULL;
}

/**
 * sonde_test_server_get_bus_address:
 * @self: a daemon
 *
 * Gets the address of its message bus, for `DBUS_SESSION_BUS_ADDRESS` of other
 * programs.
 *
 * Returns: (transfer none) (nullable): the address
 *
 * Since: 0.1
 */
const char *
sonde_test_server_get_bus_address (SondeTestServer *self)
{
  g_return_val_if_fail (SONDE_TEST_IS_SERVER (self), NULL);

  return self->bus_address;
}

/**
 * sonde_test_server_get_connection:
 * @self: a daemon
 *
 * Gets a connection to its message bus.
 *
 * Returns: (transfer none) (nullable): the connection, or %NULL once it was
 *   stopped
 *
 * Since: 0.1
 */
GDBusConnection *
sonde_test_server_get_connection (SondeTestServer *self)
{
  g_return_val_if_fail (SONDE_TEST_IS_SERVER (self), NULL);

  return self->connection;
}

static GVariant *
call (SondeTestServer *self,
      const char      *path,
      const char      *interface,
      const char      *method,
      GVariant        *arguments,
      const char      *reply_type,
      GError         **error)
{
  g_autoptr (GVariant) owned_arguments = g_variant_ref_sink (arguments);

  if (self->connection == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The daemon was stopped");
      return NULL;
    }

  return g_dbus_connection_call_sync (self->connection,
                                      BUS_NAME,
                                      path,
                                      interface,
                                      method,
                                      owned_arguments,
                                      G_VARIANT_TYPE (reply_type),
                                      G_DBUS_CALL_FLAGS_NONE,
                                      SONDE_TEST_PATIENCE_S * 1000,
                                      NULL,
                                      error);
}

/**
 * sonde_test_server_get_port:
 * @self: a daemon
 * @name: one of its servers
 * @error: where to put an error: %SONDE_ERROR_NO_SUCH_SERVER,
 *   %SONDE_ERROR_FAILED if it does not listen, or one of the message bus
 *
 * Gets the first port that a server listens on.
 *
 * Returns: the port, or 0 if there was an error
 *
 * Since: 0.1
 */
guint16
sonde_test_server_get_port (SondeTestServer *self,
                            const char      *name,
                            GError         **error)
{
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) addresses = NULL;
  const char *path = NULL;
  guint16     port = 0;

  g_return_val_if_fail (SONDE_TEST_IS_SERVER (self), 0);
  g_return_val_if_fail (name != NULL, 0);

  found = call (self, ROOT, BUS_NAME ".Manager", "GetServer",
                g_variant_new ("(s)", name), "(o)", error);
  if (found == NULL)
    return 0;
  g_variant_get (found, "(&o)", &path);
  reply = call (self, path, "org.freedesktop.DBus.Properties", "Get",
                g_variant_new ("(ss)", BUS_NAME ".Server", "BoundAddresses"), "(v)", error);
  if (reply == NULL)
    return 0;

  g_variant_get (reply, "(v)", &addresses);
  if (g_variant_n_children (addresses) > 0)
    g_variant_get_child (addresses, 0, "(&sq)", NULL, &port);
  else
    g_set_error (error, SONDE_ERROR, SONDE_ERROR_FAILED, "Server %s does not listen", name);

  return port;
}

/**
 * sonde_test_server_dup_log:
 * @self: a daemon
 *
 * Reads what the daemon has written to its log so far, to be shown when a test
 * fails. Run the test with `G_MESSAGES_DEBUG=all` to have more in it.
 *
 * Returns: (transfer full): the log
 *
 * Since: 0.1
 */
char *
sonde_test_server_dup_log (SondeTestServer *self)
{
  g_autofree char *path = NULL;
  g_autofree char *log = NULL;

  g_return_val_if_fail (SONDE_TEST_IS_SERVER (self), NULL);

  if (self->folder != NULL)
    path = make_path (self, "sonded.log");
  if (path == NULL || !g_file_get_contents (path, &log, NULL, NULL))
    return g_strdup ("");

  return g_utf8_make_valid (log, -1);
}

/**
 * sonde_test_server_stop:
 * @self: a daemon
 * @error: where to put an error: a #GSpawnError if the daemon ended with another
 *   status than 0, or %G_IO_ERROR_TIMED_OUT
 *
 * Ends the daemon as systemd would, and then its message bus.
 *
 * When the last reference is dropped this is done as well, but failures are
 * only logged then.
 *
 * Returns: %TRUE if the daemon ended in order, or had been stopped before
 *
 * Since: 0.1
 */
gboolean
sonde_test_server_stop (SondeTestServer *self,
                        GError         **error)
{
  gboolean in_order = TRUE;

  g_return_val_if_fail (SONDE_TEST_IS_SERVER (self), FALSE);

  if (self->daemon != NULL)
    in_order = sonde_test_child_stop (self->daemon, error);
  g_clear_object (&self->daemon);
  if (self->connection != NULL)
    g_dbus_connection_close_sync (self->connection, NULL, NULL);
  g_clear_object (&self->connection);
  if (self->bus != NULL)
    sonde_test_child_stop (self->bus, NULL);
  g_clear_object (&self->bus);

  return in_order;
}
