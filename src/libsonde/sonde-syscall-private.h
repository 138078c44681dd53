/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The three system calls of an echo, bare. glibc up to 2.40 puts two locked
 * instructions around each of them in a process that has threads, so that the
 * thread can be cancelled in it. Nobody cancels a worker. */

#pragma once

#include <glib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

G_BEGIN_DECLS

static inline gssize
sonde_syscall_recv (int      fd,
                    gpointer buffer,
                    gsize    size,
                    int      flags)
{
  return syscall (SYS_recvfrom, fd, buffer, size, flags, NULL, NULL);
}

static inline gssize
sonde_syscall_send (int           fd,
                    gconstpointer data,
                    gsize         length,
                    int           flags)
{
  return syscall (SYS_sendto, fd, data, length, flags, NULL, 0);
}

/* Newer architectures have no epoll_wait(2) of their own; without a mask of
 * signals this is the same. */
static inline int
sonde_syscall_epoll_wait (int                 epoll_fd,
                          struct epoll_event *events,
                          int                 n_events,
                          int                 timeout_ms)
{
  const gsize no_mask_size = 0; /* an int would be half of what the kernel looks at */

  return (int) syscall (
    SYS_epoll_pwait, epoll_fd, events, n_events, timeout_ms, NULL, no_mask_size);
}

G_END_DECLS
