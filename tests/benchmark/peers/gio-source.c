/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* GIO without streams: one GSource for each connection, which calls
 * g_socket_receive() and g_socket_send() from one buffer. */

#include "peer.h"

#include <gio/gio.h>
#include <string.h>

typedef struct
{
  GSocket *socket; /* (owned) */
  char    *rest;   /* (owned) (nullable): what could not be sent */
  gsize    start;
  gsize    length;
} Peer;

static char buffer[PEER_READ_SIZE];

static void watch (Peer        *self,
                   GIOCondition condition);

static void
peer_free (Peer *self)
{
  g_socket_close (self->socket, NULL);
  g_object_unref (self->socket);
  g_free (self->rest);
  g_free (self);
}

static gssize
send_some (Peer       *self,
           const char *data,
           gsize       length)
{
  g_autoptr (GError) error = NULL;
  const gssize n = g_socket_send (self->socket, data, length, NULL, &error);

  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) ? 0 : n;
}

static gboolean
writable_cb (GSocket     *socket,
             GIOCondition condition,
             gpointer     user_data)
{
  Peer        *self = user_data;
  const gssize n = send_some (self, self->rest + self->start, self->length);

  if (n < 0)
    {
      peer_free (self);
      return G_SOURCE_REMOVE;
    }

  self->start += (gsize) n;
  self->length -= (gsize) n;
  if (self->length > 0)
    return G_SOURCE_CONTINUE;

  g_clear_pointer (&self->rest, g_free);
  watch (self, G_IO_IN);

  return G_SOURCE_REMOVE;
}

static gboolean
readable_cb (GSocket     *socket,
             GIOCondition condition,
             gpointer     user_data)
{
  Peer        *self = user_data;
  const gssize n = g_socket_receive (socket, buffer, sizeof buffer, NULL, NULL);
  const gssize sent = n > 0 ? send_some (self, buffer, (gsize) n) : -1;

  if (sent < 0)
    {
      peer_free (self);
      return G_SOURCE_REMOVE;
    }
  if (sent == n)
    return G_SOURCE_CONTINUE;

  self->start = 0;
  self->length = (gsize) (n - sent);
  self->rest = g_memdup2 (buffer + sent, self->length);
  watch (self, G_IO_OUT);

  return G_SOURCE_REMOVE;
}

static void
watch (Peer        *self,
       GIOCondition condition)
{
  g_autoptr (GSource) source = g_socket_create_source (self->socket, condition, NULL);

  g_source_set_callback (source,
                         G_SOURCE_FUNC (condition == G_IO_IN ? readable_cb : writable_cb),
                         self,
                         NULL);
  g_source_attach (source, NULL);
}

static gboolean
incoming_cb (GSocketService    *service,
             GSocketConnection *connection,
             GObject           *source_object,
             gpointer           user_data)
{
  Peer *self = g_new0 (Peer, 1);

  self->socket = g_object_ref (g_socket_connection_get_socket (connection));
  g_socket_set_blocking (self->socket, FALSE);
  watch (self, G_IO_IN);

  return TRUE;
}

int
main (void)
{
  g_autoptr (GSocketService) service = g_socket_service_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) listener = g_socket_new_from_fd (peer_listen (), &error);

  if (listener == NULL ||
      !g_socket_listener_add_socket (G_SOCKET_LISTENER (service), listener, NULL, &error))
    g_error ("%s", error->message);

  g_signal_connect (service, "incoming", G_CALLBACK (incoming_cb), NULL);
  g_main_loop_run (loop);

  return 0;
}
