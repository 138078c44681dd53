/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* A bus and a daemon that leave nothing behind: what they need beside each other is in
 * memory, and the socket of the bus has no place in the file system. */

#include "config.h"

#include "sondectl-ephemeral.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sondectl-bus.h"
#include "sondectl-child.h"
#include "sondectl-program.h"

#include <libsonde/sonde.h>

/* Where the daemon finds the configuration that we hand to it. */
#define CONFIG_FD 3
#define LOG_MAX 4096

struct _SondectlEphemeral
{
  GSubprocess *bus;     /* (owned) (nullable) */
  GSubprocess *daemon;  /* (owned) (nullable) */
  char        *address; /* (owned) (nullable) */
  int          log_fd;  /* what the daemon says, or -1 */
  gboolean     is_ready;
  gboolean     has_ended;
};

/* A server of each mode, called as its mode is. */
static char *
make_config (void)
{
  g_autoptr (GEnumClass) modes = g_type_class_ref (SONDE_TYPE_MODE);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < modes->n_values; i++)
    g_string_append_printf (text,
                            "[Server %s]\nMode=%s\nListenAddresses=127.0.0.1:0\n",
                            modes->values[i].value_nick,
                            modes->values[i].value_nick);

  return g_string_free (text, FALSE);
}

static int
create_memory (const char *text,
               GError    **error)
{
  const gsize length = strlen (text);
  const int   fd = memfd_create ("sonde", MFD_CLOEXEC);

  if (fd >= 0 && write (fd, text, length) == (gssize) length)
    return fd;

  g_set_error_literal (error,
                       G_IO_ERROR,
                       (int) g_io_error_from_errno (errno),
                       g_strerror (errno));
  if (fd >= 0)
    close (fd);

  return -1;
}

static gboolean
start_bus (SondectlEphemeral *self,
           GError           **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
    sondectl_child_create_launcher (SONDECTL_CHILD_BACKGROUND, G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GDataInputStream) stream = NULL;
  g_autofree char *address =
    g_strdup_printf ("--address=unix:abstract=/sonde/%d-%08x", (int) getpid (), g_random_int ());

  self->bus = g_subprocess_launcher_spawn (launcher, error, "dbus-daemon", "--session", "--nofork",
                                           "--nopidfile", "--syslog-only", "--print-address",
                                           address, NULL);
  if (self->bus == NULL)
    return FALSE;

  stream = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->bus));
  self->address = g_data_input_stream_read_line (stream, NULL, NULL, NULL);
  if (self->address != NULL)
    return TRUE;

  g_set_error_literal (error,
                       SONDE_ERROR,
                       SONDE_ERROR_FAILED,
                       _ ("dbus-daemon ended before it told its address"));

  return FALSE;
}

static gboolean
start_daemon (SondectlEphemeral *self,
              const char        *config,
              gboolean           verbose,
              GError           **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
    sondectl_child_create_launcher (SONDECTL_CHILD_BACKGROUND, G_SUBPROCESS_FLAGS_NONE);
  g_autofree char *program = sondectl_program_find ();
  g_autofree char *address = g_strconcat ("--address=", self->address, NULL);
  g_autofree char *text = make_config ();
  g_autofree char *option = NULL;
  const int        config_fd = config == NULL ? create_memory (text, error) : -1;

  if (config == NULL && config_fd < 0)
    return FALSE;

  if (config_fd >= 0)
    g_subprocess_launcher_take_fd (launcher, config_fd, CONFIG_FD);
  option = config_fd >= 0 ? g_strdup_printf ("--config=/proc/self/fd/%d", CONFIG_FD)
                          : g_strconcat ("--config=", config, NULL);
  if (!verbose)
    {
      self->log_fd = create_memory ("", error);
      if (self->log_fd < 0)
        return FALSE;
      g_subprocess_launcher_take_stderr_fd (launcher, dup (self->log_fd));
    }

  self->daemon =
    g_subprocess_launcher_spawn (launcher, error, program, address, option, "--session", NULL);

  return self->daemon != NULL;
}

static void
daemon_appeared_cb (GDBusConnection *connection,
                    const char      *name,
                    const char      *owner,
                    gpointer         user_data)
{
  ((SondectlEphemeral *) user_data)->is_ready = TRUE;
}

static void
daemon_ended_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (GError) local_error = NULL;

  /* Nobody is there to be told when we have given up waiting. */
  g_subprocess_wait_finish (G_SUBPROCESS (source), result, &local_error);
  if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    ((SondectlEphemeral *) user_data)->has_ended = TRUE;
}

/* The last line: what went before it is about what it could do. */
static void
set_daemon_error (SondectlEphemeral *self,
                  GError           **error)
{
  char  text[LOG_MAX + 1] = "";
  char *line = NULL;

  if (self->log_fd >= 0)
    {
      const off_t size = lseek (self->log_fd, 0, SEEK_END);

      if (pread (self->log_fd, text, LOG_MAX, MAX (0, size - LOG_MAX)) < 0)
        text[0] = '\0';
    }
  g_strchomp (text);
  line = strrchr (text, '\n');

  g_set_error (error,
               G_DBUS_ERROR,
               G_DBUS_ERROR_SPAWN_CHILD_EXITED,
               _ ("the daemon ended before it was ready: %s"),
               line != NULL ? line + 1 : text);
}

static gboolean
wait_ready (SondectlEphemeral *self,
            GError           **error)
{
  g_autoptr (GDBusConnection) connection = sondectl_bus_open (self->address, error);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  guint watch_id = 0;

  if (connection == NULL)
    return FALSE;

  watch_id = g_bus_watch_name_on_connection (connection,
                                             SONDECTL_BUS_NAME,
                                             G_BUS_NAME_WATCHER_FLAGS_NONE,
                                             daemon_appeared_cb,
                                             NULL,
                                             self,
                                             NULL);
  g_subprocess_wait_async (self->daemon, cancellable, daemon_ended_cb, self);
  while (!self->is_ready && !self->has_ended)
    g_main_context_iteration (NULL, TRUE);

  g_cancellable_cancel (cancellable);
  g_bus_unwatch_name (watch_id);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  if (self->is_ready)
    return TRUE;

  set_daemon_error (self, error);

  return FALSE;
}

/*
 * sondectl_ephemeral_new:
 * @config: (nullable) (type filename): a configuration, or %NULL for a server of each
 *   mode on a port that the kernel picks
 * @verbose: whether the daemon's log goes to our standard error
 * @error: why it failed
 *
 * Starts a bus and a daemon on it, and waits until its servers listen.
 *
 * Returns: (transfer full): the daemon
 */
SondectlEphemeral *
sondectl_ephemeral_new (const char *config,
                        gboolean    verbose,
                        GError    **error)
{
  g_autoptr (SondectlEphemeral) self = g_new0 (SondectlEphemeral, 1);

  self->log_fd = -1;
  if (!start_bus (self, error) || !start_daemon (self, config, verbose, error) ||
      !wait_ready (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

/*
 * sondectl_ephemeral_get_address:
 * @self: the daemon
 *
 * Gets the address of its bus.
 */
const char *
sondectl_ephemeral_get_address (SondectlEphemeral *self)
{
  return self->address;
}

/*
 * sondectl_ephemeral_free:
 * @self: (transfer full): the daemon
 *
 * Ends it, and its bus.
 */
void
sondectl_ephemeral_free (SondectlEphemeral *self)
{
  sondectl_child_end (self->daemon);
  sondectl_child_end (self->bus);
  g_clear_object (&self->daemon);
  g_clear_object (&self->bus);
  g_clear_pointer (&self->address, g_free);
  if (self->log_fd >= 0)
    close (self->log_fd);
  g_free (self);
}
