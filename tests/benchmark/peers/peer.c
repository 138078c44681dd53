/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define BACKLOG 4096

/*
 * peer_fail:
 * @what: the call that failed
 *
 * Ends the program because of errno.
 */
void
peer_fail (const char *what)
{
  fprintf (stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror (errno));
  exit (1);
}

static void
raise_file_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    peer_fail ("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
    peer_fail ("setrlimit");
}

static void
switch_on (int fd,
           int level,
           int option)
{
  const int on = 1;

  if (setsockopt (fd, level, option, &on, sizeof on) != 0)
    peer_fail ("setsockopt");
}

/* Listens on the port, or, if that is 0, on one that the kernel picks. */
static int
open_listener (uint16_t *port,
               bool      is_shared)
{
  struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
    .sin_port = htons (*port),
  };
  socklen_t length = sizeof address;
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    peer_fail ("socket");
  switch_on (fd, IPPROTO_TCP, TCP_NODELAY);
  if (is_shared)
    switch_on (fd, SOL_SOCKET, SO_REUSEPORT);
  if (bind (fd, (struct sockaddr *) &address, sizeof address) != 0)
    peer_fail ("bind");
  if (listen (fd, BACKLOG) != 0)
    peer_fail ("listen");
  if (getsockname (fd, (struct sockaddr *) &address, &length) != 0)
    peer_fail ("getsockname");
  *port = ntohs (address.sin_port);

  return fd;
}

static int
begin (uint16_t *port,
       bool      is_shared)
{
  int fd;

  /* Not a watch on standard input: no loop has to know of it. */
  prctl (PR_SET_PDEATHSIG, SIGTERM);
  signal (SIGPIPE, SIG_IGN);
  raise_file_limit ();
  fd = open_listener (port, is_shared);
  printf ("%d\n", *port);
  fflush (stdout);

  return fd;
}

/*
 * peer_listen:
 *
 * Listens on a port of 127.0.0.1 that the kernel picks, and prints it.
 *
 * Returns: a socket that does not block; what it accepts has TCP_NODELAY
 */
int
peer_listen (void)
{
  uint16_t port = 0;

  return begin (&port, false);
}

/*
 * peer_listen_shared:
 * @port: (inout): 0 for the first time
 *
 * Listens as peer_listen() does; the next time on the same port once more.
 *
 * Returns: a socket as that of peer_listen()
 */
int
peer_listen_shared (uint16_t *port)
{
  return *port == 0 ? begin (port, true) : open_listener (port, true);
}
