/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How listeners share a port, and who of them gets the new connections. */

#include "config.h"

#include "sonde-listener-private.h"

#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

static gboolean
get_reuse_port (int fd)
{
  int       on = FALSE;
  socklen_t length = sizeof on;

  return getsockopt (fd, SOL_SOCKET, SO_REUSEPORT, &on, &length) == 0 && on;
}

/*
 * sonde_listener_share_port:
 * @fd: a socket
 * @on: whether other sockets of ours may be bound to its port too
 *
 * Sets SO_REUSEPORT.
 */
void
sonde_listener_share_port (int      fd,
                           gboolean on)
{
  setsockopt (fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

/*
 * sonde_listener_share_ports:
 * @listeners: (element-type GSocket): listeners
 * @on: whether other sockets of ours may listen there too
 *
 * Sets SO_REUSEPORT, on the listeners and so on whoever is accepted from now
 * on.
 *
 * Returns: whether it was set on the first of them
 */
gboolean
sonde_listener_share_ports (GPtrArray *listeners,
                            gboolean   on)
{
  const gboolean was_on =
    listeners->len > 0 && get_reuse_port (g_socket_get_fd (listeners->pdata[0]));

  for (guint i = 0; i < listeners->len; i++)
    sonde_listener_share_port (g_socket_get_fd (listeners->pdata[i]), on);

  return was_on;
}

/*
 * sonde_listener_steer:
 * @listener: one of the sockets that share a port
 * @n_old: how many of them are about to be closed; they were opened first
 * @n_new: how many stay
 *
 * Makes the kernel give new connections to the sockets that stay, so that the
 * queues of the others can run empty before they are closed. socket(7): a
 * program of SO_ATTACH_REUSEPORT_CBPF returns the index of a socket in its
 * group.
 */
void
sonde_listener_steer (GSocket *listener,
                      guint    n_old,
                      guint    n_new)
{
  struct sock_filter code[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, (guint32) (SKF_AD_OFF + SKF_AD_RXHASH)),
    BPF_STMT (BPF_ALU | BPF_MOD | BPF_K, n_new),
    BPF_STMT (BPF_ALU | BPF_ADD | BPF_K, n_old),
    BPF_STMT (BPF_RET | BPF_A, 0),
  };
  struct sock_fprog program;

  /* The kernel gets its padding, too. */
  memset (&program, 0, sizeof program);
  program.len = G_N_ELEMENTS (code);
  program.filter = code;
  setsockopt (g_socket_get_fd (listener),
              SOL_SOCKET,
              SO_ATTACH_REUSEPORT_CBPF,
              &program,
              sizeof program);
}

/*
 * sonde_listener_unsteer:
 * @listener: one of the sockets that share a port
 *
 * Lets the kernel spread new connections as it does by itself.
 */
void
sonde_listener_unsteer (GSocket *listener)
{
  const int nothing = 0;

  setsockopt (g_socket_get_fd (listener),
              SOL_SOCKET,
              SO_DETACH_REUSEPORT_BPF,
              &nothing,
              sizeof nothing);
}
