/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The bare epoll loop that everything is compared with: level-triggered, one
 * recv() and one send() for each event, all that waits is accepted at once.
 * An idle connection takes no memory here but its place in a table. What the
 * kernel does not take is kept, and nothing is read until it is gone.
 *
 * "epoll 2" is two such loops in two threads, on one port. */

#include "peer.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 256

typedef struct
{
  size_t  start;
  size_t  length;
  uint8_t data[];
} Rest;

static Rest                **rests; /* by descriptor: what could not be sent */
static _Thread_local uint8_t buffer[PEER_READ_SIZE];

static void
watch (int      epoll_fd,
       int      operation,
       int      fd,
       uint32_t events)
{
  struct epoll_event event = { .events = events, .data.fd = fd };

  if (epoll_ctl (epoll_fd, operation, fd, &event) != 0)
    peer_fail ("epoll_ctl");
}

static void
accept_all (int epoll_fd,
            int listener)
{
  int fd;

  while ((fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
    watch (epoll_fd, EPOLL_CTL_ADD, fd, EPOLLIN);
  if (errno != EAGAIN && errno != ECONNABORTED)
    peer_fail ("accept4");
}

static void
drop (int fd)
{
  free (rests[fd]);
  rests[fd] = NULL;
  close (fd);
}

static void
keep (int            fd,
      const uint8_t *data,
      size_t         length)
{
  Rest *rest = malloc (sizeof *rest + length);

  if (rest == NULL)
    peer_fail ("malloc");
  rest->start = 0;
  rest->length = length;
  memcpy (rest->data, data, length);
  rests[fd] = rest;
}

static void
echo (int epoll_fd,
      int fd)
{
  const ssize_t n = recv (fd, buffer, sizeof buffer, 0);
  ssize_t       sent;

  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0)
    {
      drop (fd);
      return;
    }

  sent = send (fd, buffer, (size_t) n, MSG_NOSIGNAL);
  if (sent == n)
    return;
  if (sent < 0 && errno != EAGAIN)
    {
      drop (fd);
      return;
    }
  if (sent < 0)
    sent = 0;
  keep (fd, buffer + sent, (size_t) (n - sent));
  watch (epoll_fd, EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void
flush (int epoll_fd,
       int fd)
{
  Rest         *rest = rests[fd];
  const ssize_t n = send (fd, rest->data + rest->start, rest->length, MSG_NOSIGNAL);

  if (n < 0 && errno == EAGAIN)
    return;
  if (n < 0)
    {
      drop (fd);
      return;
    }

  rest->start += (size_t) n;
  rest->length -= (size_t) n;
  if (rest->length > 0)
    return;

  free (rest);
  rests[fd] = NULL;
  watch (epoll_fd, EPOLL_CTL_MOD, fd, EPOLLIN);
}

static void
handle (int epoll_fd,
        int listener,
        int fd)
{
  if (fd == listener)
    accept_all (epoll_fd, listener);
  else if (rests[fd] != NULL)
    flush (epoll_fd, fd);
  else
    echo (epoll_fd, fd);
}

static void *
serve (void *data)
{
  struct epoll_event events[BATCH];
  const int          listener = (int) (intptr_t) data;
  const int          epoll_fd = epoll_create1 (EPOLL_CLOEXEC);

  if (epoll_fd < 0)
    peer_fail ("epoll_create1");
  watch (epoll_fd, EPOLL_CTL_ADD, listener, EPOLLIN);
  for (;;)
    {
      const int n = epoll_wait (epoll_fd, events, BATCH, -1);

      for (int i = 0; i < n; i++)
        handle (epoll_fd, listener, events[i].data.fd);
    }
}

static void
make_rests (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    peer_fail ("getrlimit");
  rests = calloc (limit.rlim_max, sizeof *rests);
  if (rests == NULL)
    peer_fail ("calloc");
}

static void
start_thread (uint16_t *port)
{
  pthread_t thread;

  errno = pthread_create (&thread, NULL, serve, (void *) (intptr_t) peer_listen_shared (port));
  if (errno != 0)
    peer_fail ("pthread_create");
}

int
main (int    argc,
      char **argv)
{
  const int n_loops = argc > 1 ? atoi (argv[1]) : 1;
  uint16_t  port = 0;

  make_rests ();
  if (n_loops == 1)
    serve ((void *) (intptr_t) peer_listen ());
  for (int i = 1; i < n_loops; i++)
    start_thread (&port);
  serve ((void *) (intptr_t) peer_listen_shared (&port));
}
