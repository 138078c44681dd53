/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The bus of another machine, as busctl reaches it: ssh, and at its other end
 * systemd-stdio-bridge, which is there wherever systemd is. GDBus does not know the
 * transport "unixexec:", so ssh is started here. */

#include "config.h"

#include "sondectl-remote.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/socket.h>
#include <unistd.h>

static GSubprocess *
spawn_ssh (SondectlContext *context,
           int              fd,
           GError         **error)
{
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;

  g_strv_builder_add_many (builder, "ssh", "-xT", NULL);
  if (!context->interactive)
    g_strv_builder_add_many (builder, "-o", "BatchMode=yes", NULL);
  g_strv_builder_add_many (builder, "--", context->host, "systemd-stdio-bridge", NULL);
  if (context->bus_type == G_BUS_TYPE_SESSION)
    g_strv_builder_add (builder, "--user");
  argv = g_strv_builder_end (builder);

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_subprocess_launcher_take_stdin_fd (launcher, dup (fd));
  g_subprocess_launcher_take_stdout_fd (launcher, fd);

  return g_subprocess_launcher_spawnv (launcher, (const char *const *) argv, error);
}

/*
 * sondectl_remote_open:
 * @context: names the machine
 * @error: why it failed
 *
 * Starts ssh. It ends when the stream is closed, or when we end.
 *
 * Returns: (transfer full): a stream to the bus of the other machine
 */
GIOStream *
sondectl_remote_open (SondectlContext *context,
                      GError         **error)
{
  g_autoptr (GSubprocess) ssh = NULL;
  g_autoptr (GSocket) socket = NULL;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    {
      g_set_error_literal (error,
                           G_IO_ERROR,
                           (int) g_io_error_from_errno (errno),
                           g_strerror (errno));
      return NULL;
    }

  ssh = spawn_ssh (context, fds[1], error);
  socket = g_socket_new_from_fd (fds[0], ssh != NULL ? error : NULL);
  if (ssh == NULL || socket == NULL)
    return NULL;

  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}
