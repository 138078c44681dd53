/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* A listening socket. It is made, set up, bound and put to listen as a plain
 * descriptor and only then wrapped, because g_socket_bind() has a will of its
 * own about SO_REUSEADDR and SO_REUSEPORT. */

#include "config.h"

#include "sonde-address-private.h"
#include "sonde-error-private.h"
#include "sonde-listener-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static gboolean
write_option (SondeSettings *settings,
              int            row,
              int            fd,
              GError       **error)
{
  g_autoptr (GVariant) value = NULL;

  if (!sonde_settings_has (settings, SONDE_SETTING_OPTION (row)))
    return TRUE;

  value = sonde_settings_peek (settings, SONDE_SETTING_OPTION (row));

  return sonde_option_write (&sonde_option_get_table ()[row], fd, value, error);
}

static gboolean
write_options (SondeSettings *settings,
               int            fd,
               GError       **error)
{
  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      const guint phases = sonde_option_get_table ()[row].phases;

      if ((phases & (SONDE_OPTION_BEFORE_BIND | SONDE_OPTION_ON_LISTENER)) != 0 &&
          !write_option (settings, row, fd, error))
        return FALSE;
    }

  return TRUE;
}

static void
set_address_error (GSocketAddress *address,
                   int             errsv,
                   GError        **error)
{
  g_autofree char *text = sonde_address_format (address);

  sonde_error_set_errno (error, errsv, "Cannot listen on %s", text);
}

static gboolean
bind_to (int             fd,
         GSocketAddress *address,
         GError        **error)
{
  struct sockaddr_storage native;
  const gssize            size = g_socket_address_get_native_size (address);

  if (!g_socket_address_to_native (address, &native, sizeof native, error))
    return FALSE;
  if (bind (fd, (struct sockaddr *) &native, (socklen_t) size) == 0)
    return TRUE;

  set_address_error (address, errno, error);

  return FALSE;
}

/* Without a host one socket serves both families; with "[::]" IPv6 alone, so
 * that "0.0.0.0" can stand beside it. */
static gboolean
set_dual_stack (int             fd,
                GSocketAddress *address,
                gboolean        dual_stack)
{
  const int only = !dual_stack;

  if (g_socket_address_get_family (address) != G_SOCKET_FAMILY_IPV6)
    return TRUE;

  return setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0;
}

static gboolean
is_bound_by (GSocket            *listener,
             GInetSocketAddress *address)
{
  g_autoptr (GSocketAddress) local = g_socket_get_local_address (listener, NULL);
  GInetAddress       *host = g_inet_socket_address_get_address (address);
  GInetSocketAddress *bound = (GInetSocketAddress *) local;
  GInetAddress       *bound_host = NULL;

  if (local == NULL ||
      g_inet_socket_address_get_port (bound) != g_inet_socket_address_get_port (address))
    return FALSE;

  bound_host = g_inet_socket_address_get_address (bound);

  return g_inet_address_get_is_any (host) || g_inet_address_get_is_any (bound_host) ||
         g_inet_address_equal (host, bound_host);
}

/* SO_REUSEPORT is a means to take over our own ports, not those of others. */
static gboolean
is_bound_by_any (GPtrArray      *listeners,
                 GSocketAddress *address)
{
  for (guint i = 0; listeners != NULL && i < listeners->len; i++)
    if (is_bound_by (listeners->pdata[i], G_INET_SOCKET_ADDRESS (address)))
      return TRUE;

  return FALSE;
}

static gboolean
set_up (int                 fd,
        GSocketAddress     *address,
        const SondeOpening *opening,
        GError            **error)
{
  const SondeOption *row = &sonde_option_get_table ()[SONDE_ROW_BACKLOG];
  g_autoptr (GVariant) backlog = NULL;

  backlog = sonde_settings_peek (opening->settings, SONDE_SETTING_OPTION (SONDE_ROW_BACKLOG));
  if (!set_dual_stack (fd, address, opening->dual_stack) ||
      !write_options (opening->settings, fd, error))
    return FALSE;
  if (is_bound_by_any (opening->old, address))
    sonde_listener_share_port (fd, TRUE);

  return bind_to (fd, address, error) && sonde_option_write (row, fd, backlog, error);
}

/*
 * sonde_listener_wrap:
 * @fd: a socket that listens
 * @error: where to put an error
 *
 * Makes a listener of a descriptor that is set up. GLib 2.80 and later turn
 * TCP_NODELAY on for every socket they wrap: it stays what it was.
 *
 * Returns: (transfer full): the listener, which does not block and owns @fd,
 *   or %NULL; then @fd stays the caller's
 */
GSocket *
sonde_listener_wrap (int      fd,
                     GError **error)
{
  int       no_delay = FALSE;
  socklen_t length = sizeof no_delay;
  GSocket  *listener = NULL;

  getsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
  listener = g_socket_new_from_fd (fd, error);
  if (listener == NULL)
    return NULL;
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
  g_socket_set_blocking (listener, FALSE);

  return listener;
}

/*
 * sonde_listener_open:
 * @address: where to listen
 * @opening: how
 * @error: where to put an error
 *
 * Listens on one address.
 *
 * Returns: (transfer full): the listener, which does not block
 */
GSocket *
sonde_listener_open (GSocketAddress     *address,
                     const SondeOpening *opening,
                     GError            **error)
{
  const int fd = socket (g_socket_address_get_family (address),
                         SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                         IPPROTO_TCP);
  GSocket  *listener = NULL;

  if (fd < 0)
    {
      set_address_error (address, errno, error);
      return NULL;
    }
  if (set_up (fd, address, opening, error))
    listener = sonde_listener_wrap (fd, error);
  if (listener == NULL)
    close (fd);

  return listener;
}

/*
 * sonde_listener_open_sample:
 * @settings: what is asked for
 *
 * Makes a listener such as the settings ask for, at no particular port of the
 * loopback interface, to see what the kernel would make of them.
 *
 * Returns: a file descriptor, or -1
 */
int
sonde_listener_open_sample (SondeSettings *settings)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  const SondeOpening opening = { settings, FALSE, NULL };
  const int          fd = sonde_option_make_scratch_socket ();

  if (fd < 0 || set_up (fd, address, &opening, NULL))
    return fd;
  close (fd);

  return -1;
}

/*
 * sonde_listener_get_queue:
 * @listener: a listener
 * @depth: (out): how many connections wait to be accepted
 * @limit: (out): how many may wait
 *
 * Reads the accept queue. Of a listener, tcp(7)'s tcpi_unacked and
 * tcpi_sacked are its length and its limit.
 *
 * Returns: %FALSE if the kernel does not tell
 */
gboolean
sonde_listener_get_queue (GSocket *listener,
                          guint   *depth,
                          guint   *limit)
{
  struct tcp_info info = { 0 };
  socklen_t       length = sizeof info;

  if (getsockopt (g_socket_get_fd (listener), IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
      info.tcpi_state != TCP_LISTEN)
    return FALSE;

  *depth = info.tcpi_unacked;
  *limit = info.tcpi_sacked;

  return TRUE;
}
