/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
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
  struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
  };
  socklen_t length = sizeof address;
  const int on = 1;
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  /* Not a watch on standard input: no loop has to know of it. */
  prctl (PR_SET_PDEATHSIG, SIGTERM);
  signal (SIGPIPE, SIG_IGN);
  raise_file_limit ();
  if (fd < 0)
    peer_fail ("socket");
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind (fd, (struct sockaddr *) &address, sizeof address) != 0)
    peer_fail ("bind");
  if (listen (fd, BACKLOG) != 0)
    peer_fail ("listen");
  if (getsockname (fd, (struct sockaddr *) &address, &length) != 0)
    peer_fail ("getsockname");

  printf ("%d\n", ntohs (address.sin_port));
  fflush (stdout);

  return fd;
}
