/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What GIO code usually does: g_input_stream_read_async(), then
 * g_output_stream_write_all_async(), and so on. */

#include "peer.h"

#include <gio/gio.h>

typedef struct
{
  GSocketConnection *connection; /* (owned) */
  char               buffer[PEER_READ_SIZE];
} Peer;

static void read_more (Peer *self);

static void
peer_free (Peer *self)
{
  g_object_unref (self->connection);
  g_free (self);
}

static void
write_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Peer *self = user_data;

  if (g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL))
    read_more (self);
  else
    peer_free (self);
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Peer        *self = user_data;
  const gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);

  if (n > 0)
    g_output_stream_write_all_async (g_io_stream_get_output_stream (G_IO_STREAM (self->connection)),
                                     self->buffer,
                                     (gsize) n,
                                     G_PRIORITY_DEFAULT,
                                     NULL,
                                     write_cb,
                                     self);
  else
    peer_free (self);
}

static void
read_more (Peer *self)
{
  g_input_stream_read_async (g_io_stream_get_input_stream (G_IO_STREAM (self->connection)),
                             self->buffer,
                             sizeof self->buffer,
                             G_PRIORITY_DEFAULT,
                             NULL,
                             read_cb,
                             self);
}

static gboolean
incoming_cb (GSocketService    *service,
             GSocketConnection *connection,
             GObject           *source_object,
             gpointer           user_data)
{
  /* Not cleared: pages that are never read into stay out of memory. */
  Peer *self = g_malloc (sizeof *self);

  self->connection = g_object_ref (connection);
  read_more (self);

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
