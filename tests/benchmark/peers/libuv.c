/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* libuv, used well: one buffer for all reads, uv_try_write() first, and only
 * what that leaves is copied and written with a request. */

#include "peer.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct
{
  uv_write_t request;
  char       data[];
} Rest;

static char buffer[PEER_READ_SIZE];

static void read_cb (uv_stream_t    *stream,
                     ssize_t         n_read,
                     const uv_buf_t *read_buffer);

static void
close_cb (uv_handle_t *handle)
{
  free (handle);
}

static void
drop (uv_stream_t *stream)
{
  if (!uv_is_closing ((uv_handle_t *) stream))
    uv_close ((uv_handle_t *) stream, close_cb);
}

static void
alloc_cb (uv_handle_t *handle,
          size_t       suggested,
          uv_buf_t    *read_buffer)
{
  *read_buffer = uv_buf_init (buffer, sizeof buffer);
}

static void
write_cb (uv_write_t *request,
          int         status)
{
  uv_stream_t *stream = request->handle;

  free (request->data);
  if (status != 0 || uv_read_start (stream, alloc_cb, read_cb) != 0)
    drop (stream);
}

static void
write_rest (uv_stream_t *stream,
            const char  *data,
            size_t       length)
{
  Rest    *rest = malloc (sizeof *rest + length);
  uv_buf_t rest_buffer;

  if (rest == NULL)
    peer_fail ("malloc");
  memcpy (rest->data, data, length);
  rest->request.data = rest;
  rest_buffer = uv_buf_init (rest->data, (unsigned) length);
  uv_read_stop (stream);
  if (uv_write (&rest->request, stream, &rest_buffer, 1, write_cb) != 0)
    {
      free (rest);
      drop (stream);
    }
}

static void
read_cb (uv_stream_t    *stream,
         ssize_t         n_read,
         const uv_buf_t *read_buffer)
{
  uv_buf_t echo;
  int      n;

  if (n_read == 0)
    return;
  if (n_read < 0)
    {
      drop (stream);
      return;
    }

  echo = uv_buf_init (read_buffer->base, (unsigned) n_read);
  n = uv_try_write (stream, &echo, 1);
  if (n < 0 && n != UV_EAGAIN)
    drop (stream);
  else if (n < n_read)
    write_rest (stream, read_buffer->base + (n > 0 ? n : 0), (size_t) (n_read - (n > 0 ? n : 0)));
}

static void
connection_cb (uv_stream_t *listener,
               int          status)
{
  uv_tcp_t *connection = malloc (sizeof *connection);

  if (connection == NULL)
    peer_fail ("malloc");
  uv_tcp_init (listener->loop, connection);
  if (status != 0 || uv_accept (listener, (uv_stream_t *) connection) != 0 ||
      uv_read_start ((uv_stream_t *) connection, alloc_cb, read_cb) != 0)
    drop ((uv_stream_t *) connection);
}

int
main (void)
{
  uv_loop_t *loop = uv_default_loop ();
  uv_tcp_t   listener;

  uv_tcp_init (loop, &listener);
  if (uv_tcp_open (&listener, peer_listen ()) != 0 ||
      uv_listen ((uv_stream_t *) &listener, 4096, connection_cb) != 0)
    peer_fail ("uv_listen");

  return uv_run (loop, UV_RUN_DEFAULT);
}
