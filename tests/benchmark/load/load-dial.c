/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Connecting, and what else is done with a socket that blocks. */

#include "load-dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Connections come from so many addresses, 127.0.0.2 and following, or ports
 * in TIME_WAIT would run out. */
#define N_SOURCES 16

/* A server that does not answer for so long is broken. */
#define TIMEOUT_S 120

static _Noreturn void
fail (const char *what)
{
  fprintf (stderr, "load: %s: %s\n", what, strerror (errno));
  exit (1);
}

/*
 * load_raise_file_limit:
 *
 * Allows as many descriptors as can be had.
 */
void
load_raise_file_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    fail ("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
    fail ("setrlimit");
}

static struct sockaddr_in
make_address (uint32_t host,
              int      port)
{
  const struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_port = htons ((uint16_t) port),
    .sin_addr.s_addr = htonl (host),
  };

  return address;
}

/*
 * load_dial:
 * @port: of the server
 * @number: of the connection, which determines where it comes from
 *
 * Connects.
 *
 * Returns: a socket that blocks; the program ends if it cannot be had
 */
int
load_dial (int      port,
           uint32_t number)
{
  const struct sockaddr_in source = make_address (INADDR_LOOPBACK + 1 + number % N_SOURCES, 0);
  const struct sockaddr_in target = make_address (INADDR_LOOPBACK, port);
  const int                on = 1;
  const int                fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    fail ("socket");

  /* ip(7): the port is picked when both ends are known, not for good. */
  setsockopt (fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind (fd, (const struct sockaddr *) &source, sizeof source) != 0)
    fail ("bind");
  if (connect (fd, (const struct sockaddr *) &target, sizeof target) != 0)
    fail ("connect");

  return fd;
}

/*
 * load_prepare:
 * @fd: a socket
 *
 * Prepares a connection that lives longer than one message.
 */
void
load_prepare (int fd)
{
  const struct timeval timeout = { .tv_sec = TIMEOUT_S };
  const int            on = 1;

  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/*
 * load_send_all:
 * @fd: a socket that blocks
 * @data: bytes
 * @length: how many
 *
 * Sends it all.
 *
 * Returns: false if the connection is broken
 */
bool
load_send_all (int            fd,
               const uint8_t *data,
               size_t         length)
{
  return send (fd, data, length, MSG_NOSIGNAL) == (ssize_t) length;
}

/*
 * load_receive_all:
 * @fd: a socket that blocks
 * @data: (out): memory
 * @length: how many bytes to wait for
 *
 * Receives so many bytes.
 *
 * Returns: false if they did not all come
 */
bool
load_receive_all (int      fd,
                  uint8_t *data,
                  size_t   length)
{
  return recv (fd, data, length, MSG_WAITALL) == (ssize_t) length;
}

/*
 * load_finish:
 * @fd: (transfer full): a socket
 *
 * Sends a FIN, waits for that of the server, and closes.
 *
 * Returns: false if the server sent something else
 */
bool
load_finish (int fd)
{
  uint8_t byte;
  bool    is_clean;

  shutdown (fd, SHUT_WR);
  is_clean = recv (fd, &byte, 1, MSG_WAITALL) == 0;
  close (fd);

  return is_clean;
}
