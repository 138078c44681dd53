/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "probe-peer.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <glib/gstdio.h>

int
peer_open (const char *host,
           guint16    *port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (*port) };
  socklen_t          length = sizeof address;
  int                fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (inet_pton (AF_INET, host, &address.sin_addr), ==, 1);
  g_assert_cmpint (fd, >=, 0);
  g_assert_no_errno (bind (fd, (struct sockaddr *) &address, sizeof address));
  g_assert_no_errno (getsockname (fd, (struct sockaddr *) &address, &length));
  *port = ntohs (address.sin_port);

  return fd;
}

static gpointer
peer_thread (gpointer user_data)
{
  Peer *peer = user_data;
  int   fd = accept4 (peer->listen_fd, NULL, NULL, SOCK_CLOEXEC);

  /* The end of the test shuts the listener down, so that this fails when
   * nobody came. */
  if (fd < 0)
    return NULL;

  peer->func (peer, fd);
  g_close (fd, NULL);

  return NULL;
}

void
peer_start (Peer    *peer,
            PeerFunc func)
{
  peer->listen_fd = peer_open ("127.0.0.1", &peer->port);
  peer->func = func;
  g_assert_no_errno (listen (peer->listen_fd, 1));
  peer->thread = g_thread_new ("peer", peer_thread, peer);
}

void
peer_stop (Peer *peer)
{
  shutdown (peer->listen_fd, SHUT_RDWR);
  g_thread_join (peer->thread);
  g_close (peer->listen_fd, NULL);
}

SondeProbe *
peer_make_probe (Peer       *peer,
                 const char *message)
{
  SondeProbe *probe = sonde_probe_new ("127.0.0.1", peer->port);

  if (message != NULL)
    {
      g_autoptr (GBytes) bytes = g_bytes_new (message, strlen (message));

      sonde_probe_add_message (probe, bytes);
    }

  return probe;
}

guint64
peer_get_uint64 (GVariant   *result,
                 const char *key)
{
  guint64 value = 0;

  g_assert_true (g_variant_lookup (result, key, "t", &value));

  return value;
}

void
peer_assert_bytes (GVariant *result,
                   guint64   n_sent,
                   guint64   n_received)
{
  g_assert_cmpuint (peer_get_uint64 (result, "BytesSent"), ==, n_sent);
  g_assert_cmpuint (peer_get_uint64 (result, "BytesReceived"), ==, n_received);
}

void
peer_assert_probe_fails (SondeProbe *probe,
                         GQuark      domain,
                         int         code,
                         const char *pattern)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = sonde_probe_run (probe, NULL, &error);

  g_assert_null (result);
  g_assert_error (error, domain, code);
  if (!g_pattern_match_simple (pattern, error->message))
    g_error ("\"%s\" does not match \"%s\"", error->message, pattern);
}

static void
send_all (int         fd,
          const void *data,
          gsize       length)
{
  for (const char *p = data; length > 0;)
    {
      gssize n_bytes = send (fd, p, length, MSG_NOSIGNAL);

      if (n_bytes <= 0)
        return;
      p += n_bytes;
      length -= n_bytes;
    }
}

static void
drain (int fd)
{
  char buffer[4096];

  while (recv (fd, buffer, sizeof buffer, 0) > 0)
    ;
}

/* Reads as much as is going to be wanted, so that closing does not reset. */
static void
read_exactly (int   fd,
              gsize length)
{
  char buffer[64];

  g_assert_cmpuint (length, <=, sizeof buffer);
  g_assert_cmpint (recv (fd, buffer, length, MSG_WAITALL), ==, length);
}

void
peer_serve_echo (Peer *peer,
                 int   fd)
{
  char   buffer[4096];
  gssize n_bytes;

  while ((n_bytes = recv (fd, buffer, sizeof buffer, 0)) > 0)
    send_all (fd, buffer, n_bytes);
}

/* Blocks in sending as soon as its answer is not read, in small steps. */
void
peer_serve_slow_echo (Peer *peer,
                      int   fd)
{
  const int size = 64 * 1024;

  g_assert_no_errno (setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
  peer_serve_echo (peer, fd);
}

void
peer_serve_upper (Peer *peer,
                  int   fd)
{
  char   buffer[4096];
  gssize n_bytes;

  while ((n_bytes = recv (fd, buffer, sizeof buffer, 0)) > 0)
    {
      for (gssize i = 0; i < n_bytes; i++)
        buffer[i] = g_ascii_toupper (buffer[i]);
      send_all (fd, buffer, n_bytes);
    }
}

/* Gives a fixed answer to the 12 bytes of the default messages, and waits for
 * the end. */
void
peer_serve_answer (Peer *peer,
                   int   fd)
{
  read_exactly (fd, 12);
  send_all (fd, peer->answer, strlen (peer->answer));
  drain (fd);
}

/* Answers correctly, and says more once the probe has nothing more to say. */
void
peer_serve_afterthought (Peer *peer,
                         int   fd)
{
  read_exactly (fd, 12);
  send_all (fd, "data1\ndata2\n", 12);
  drain (fd);
  send_all (fd, "!", 1);
}

void
peer_serve_answer_and_close (Peer *peer,
                             int   fd)
{
  read_exactly (fd, 12);
  send_all (fd, peer->answer, strlen (peer->answer));
  shutdown (fd, SHUT_WR);
  drain (fd);
}

/* Answers when nothing more can come. */
void
peer_serve_at_end_of_stream (Peer *peer,
                             int   fd)
{
  drain (fd);
  send_all (fd, peer->answer, strlen (peer->answer));
}

void
peer_serve_reset (Peer *peer,
                  int   fd)
{
  const struct linger linger = { .l_onoff = 1 };

  read_exactly (fd, 12);
  g_assert_no_errno (setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

void
peer_serve_silence (Peer *peer,
                    int   fd)
{
  read_exactly (fd, 12);
  if (peer->cancellable != NULL)
    g_cancellable_cancel (peer->cancellable);
  drain (fd);
}
