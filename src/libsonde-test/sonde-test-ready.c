/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* When a daemon is ready: as it tells systemd, and on the message bus. */

#include "config.h"

#include "sonde-test-ready-private.h"

#include <gio/gunixsocketaddress.h>

#include "sonde-test-child-private.h"

/*
 * sonde_test_ready_listen:
 * @path: the path of a socket, for `NOTIFY_SOCKET`
 * @error: where to put an error
 *
 * Makes the socket that a daemon tells its readiness to.
 *
 * Returns: (transfer full): the socket
 */
GSocket *
sonde_test_ready_listen (const char *path,
                         GError    **error)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX,
                                             G_SOCKET_TYPE_DATAGRAM,
                                             G_SOCKET_PROTOCOL_DEFAULT,
                                             error);

  if (socket == NULL || !g_socket_bind (socket, address, FALSE, error))
    return NULL;

  return g_steal_pointer (&socket);
}

typedef struct
{
  gboolean is_ready;
  gboolean has_name;
} Readiness;

static gboolean
is_complete (gpointer user_data)
{
  const Readiness *readiness = user_data;

  return readiness->is_ready && readiness->has_name;
}

static void
name_appeared_cb (GDBusConnection *connection,
                  const char      *name,
                  const char      *owner,
                  gpointer         user_data)
{
  Readiness *readiness = user_data;

  readiness->has_name = TRUE;
}

/* sd_notify(3): lines of assignments in a datagram. */
static gboolean
notified_cb (GSocket     *socket,
             GIOCondition condition,
             gpointer     user_data)
{
  Readiness   *readiness = user_data;
  char         message[4096] = { 0 };
  const gssize length = g_socket_receive (socket, message, sizeof message - 1, NULL, NULL);
  g_auto (GStrv) lines = g_strsplit (length > 0 ? message : "", "\n", -1);

  if (g_strv_contains ((const char *const *) lines, "READY=1"))
    readiness->is_ready = TRUE;

  return G_SOURCE_CONTINUE;
}

/*
 * sonde_test_ready_wait:
 * @notify: what sonde_test_ready_listen() returned
 * @connection: a connection to the message bus that the daemon goes to
 * @daemon: the daemon
 * @error: where to put an error
 *
 * Waits until the servers of the daemon listen and it has its name.
 *
 * Returns: %FALSE if it ended instead, or took too long
 */
gboolean
sonde_test_ready_wait (GSocket         *notify,
                       GDBusConnection *connection,
                       GSubprocess     *daemon,
                       GError         **error)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSource) source = g_socket_create_source (notify, G_IO_IN, NULL);
  Readiness readiness = { FALSE, FALSE };
  guint     watch_id;
  gboolean  ready;

  g_main_context_push_thread_default (context);
  g_source_set_callback (source, G_SOURCE_FUNC (notified_cb), &readiness, NULL);
  g_source_attach (source, context);
  watch_id = g_bus_watch_name_on_connection (connection,
                                             SONDE_TEST_BUS_NAME,
                                             G_BUS_NAME_WATCHER_FLAGS_NONE,
                                             name_appeared_cb,
                                             NULL,
                                             &readiness,
                                             NULL);
  ready = sonde_test_child_wait (daemon, context, is_complete, &readiness, error);
  g_bus_unwatch_name (watch_id);
  g_source_destroy (source);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);

  return ready;
}
