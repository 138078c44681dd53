/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* A test that waits this long has failed. */
#define PATIENCE_S 30

/* The least receive buffer that there is, so that a peer stalls soon. */
#define SMALL_BUFFER 2304

static struct sockaddr_in
make_address (guint16 port)
{
  return (struct sockaddr_in){
    .sin_family = AF_INET,
    .sin_port = htons (port),
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
  };
}

static int
make_socket (void)
{
  const struct timeval patience = { .tv_sec = PATIENCE_S };
  const int            fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

  g_assert_cmpint (fd, >=, 0);
  g_assert_no_errno (setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
  g_assert_no_errno (setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));

  return fd;
}

/* Listens at a port that the kernel picks. */
int
loopback_listen (guint16 *port)
{
  struct sockaddr_in address = make_address (0);
  socklen_t          length = sizeof address;
  const int          fd = make_socket ();

  g_assert_no_errno (bind (fd, (struct sockaddr *) &address, sizeof address));
  g_assert_no_errno (listen (fd, 128));
  g_assert_no_errno (getsockname (fd, (struct sockaddr *) &address, &length));
  *port = ntohs (address.sin_port);

  return fd;
}

static void
connect_to (int     fd,
            guint16 port)
{
  const struct sockaddr_in address = make_address (port);

  g_assert_no_errno (connect (fd, (const struct sockaddr *) &address, sizeof address));
}

int
loopback_connect (guint16 port)
{
  const int fd = make_socket ();

  connect_to (fd, port);

  return fd;
}

/* A client whose kernel takes hardly a byte that the client does not read. */
int
loopback_connect_small (guint16 port)
{
  const int fd = make_socket ();
  const int size = SMALL_BUFFER;

  g_assert_no_errno (setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
  connect_to (fd, port);

  return fd;
}

/* An accepted socket, which does not block, and the client at its other end,
 * which has a small buffer. */
void
loopback_make_pair (int *server,
                    int *client)
{
  guint16   port = 0;
  const int listener = loopback_listen (&port);

  *client = loopback_connect_small (port);
  *server = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  g_assert_cmpint (*server, >=, 0);
  loopback_close (listener);
}

void
loopback_send (int         fd,
               const void *data,
               gsize       length)
{
  const guint8 *rest = data;

  while (length > 0)
    {
      const gssize n = send (fd, rest, length, MSG_NOSIGNAL);

      g_assert_cmpint (n, >, 0);
      rest += n;
      length -= (gsize) n;
    }
}

void
loopback_send_text (int         fd,
                    const char *text)
{
  loopback_send (fd, text, strlen (text));
}

/* Sends a FIN. */
void
loopback_finish (int fd)
{
  g_assert_no_errno (shutdown (fd, SHUT_WR));
}

void
loopback_close (int fd)
{
  g_assert_no_errno (close (fd));
}

/* Closes with a RST. */
void
loopback_reset (int fd)
{
  const struct linger linger = { .l_onoff = 1 };

  g_assert_no_errno (setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  loopback_close (fd);
}

/* Reads as many bytes as there are in a text, and these. */
void
loopback_expect (int         fd,
                 const char *text)
{
  const gsize      length = strlen (text);
  g_autofree char *got = g_malloc0 (length + 1);
  gssize           n = recv (fd, got, length, MSG_WAITALL);

  g_assert_cmpint (n, ==, length);
  g_assert_cmpstr (got, ==, text);
}

void
loopback_expect_end (int fd)
{
  char byte;

  g_assert_cmpint (recv (fd, &byte, 1, 0), ==, 0);
}

void
loopback_expect_reset (int fd)
{
  char   bytes[4096];
  gssize n;

  while ((n = recv (fd, bytes, sizeof bytes, 0)) > 0)
    ;
  g_assert_cmpint (n, ==, -1);
  g_assert_cmpint (errno, ==, ECONNRESET);
}

/* That nothing has come: of use after something that would have made it come. */
void
loopback_expect_silence (int fd)
{
  char byte;

  g_assert_cmpint (recv (fd, &byte, 1, MSG_DONTWAIT), ==, -1);
  g_assert_cmpint (errno, ==, EAGAIN);
}

/* Whether whoever serves a client sends back what it gets. */
void
loopback_expect_echo (int fd)
{
  loopback_send_text (fd, "hello");
  loopback_expect (fd, "hello");
}

/* The same of whoever listens on a port. */
void
loopback_expect_server (guint16 port)
{
  const int client = loopback_connect (port);

  loopback_expect_echo (client);
  loopback_close (client);
}

/* Reads until the FIN. */
GByteArray *
loopback_read_all (int fd)
{
  GByteArray *bytes = g_byte_array_new ();
  guint8      buffer[65536];
  gssize      n;

  while ((n = recv (fd, buffer, sizeof buffer, 0)) > 0)
    g_byte_array_append (bytes, buffer, (guint) n);
  g_assert_cmpint (n, ==, 0);

  return bytes;
}

static gpointer
read_thread (gpointer user_data)
{
  return loopback_read_all (GPOINTER_TO_INT (user_data));
}

/* Reads to the end while the test does something else; joining the thread
 * gives the bytes. */
GThread *
loopback_start_reading (int fd)
{
  return g_thread_new ("reader", read_thread, GINT_TO_POINTER (fd));
}

/* Bytes that do not repeat where a buffer ends. */
guint8 *
loopback_make_noise (gsize length)
{
  guint8 *noise = g_malloc (length);

  for (gsize i = 0; i < length; i++)
    noise[i] = (guint8) (i * 167 + (i >> 8) * 13 + (i >> 16));

  return noise;
}

int
loopback_get_int (int fd,
                  int level,
                  int name)
{
  int       value = -1;
  socklen_t length = sizeof value;

  g_assert_no_errno (getsockopt (fd, level, name, &value, &length));

  return value;
}

/* The descriptors that this process has open, but the one that counts them. */
guint
loopback_count_fds (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, &error);
  guint n = 0;

  g_assert_no_error (error);
  while (g_dir_read_name (folder) != NULL)
    n++;

  return n - 1;
}

/* The port of our own end. */
guint16
loopback_get_port (int fd)
{
  struct sockaddr_in address;
  socklen_t          length = sizeof address;

  g_assert_no_errno (getsockname (fd, (struct sockaddr *) &address, &length));

  return ntohs (address.sin_port);
}
