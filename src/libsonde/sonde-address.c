/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-address-private.h"
#include "sonde-error.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

/* RFC 1035, plus the brackets and the scope of an IPv6 address. */
#define HOST_MAX 300

static gboolean
set_invalid (GError    **error,
             const char *text,
             const char *why)
{
  g_autofree char *excerpt = sonde_error_excerpt (text);

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "ListenAddresses=%s is not valid: %s; allowed: HOST:PORT, where HOST is a name, "
               "an address, or empty for any, and PORT is 0 to 65535",
               excerpt,
               why);

  return FALSE;
}

/*
 * sonde_address_split:
 * @text: what should be `HOST:PORT`: `[::1]:80`, `localhost:80`, `:80`
 * @host: (out) (transfer full): the host without brackets, or ""
 * @port: (out): the port
 * @error: where to put an error
 *
 * Takes an address to listen on apart.
 */
gboolean
sonde_address_split (const char *text,
                     char      **host,
                     guint16    *port,
                     GError    **error)
{
  const char *colon = strrchr (text, ':');
  guint64     number = 0;
  gsize       length;

  if (colon == NULL)
    return set_invalid (error, text, "it has no port");
  if (!g_ascii_string_to_unsigned (colon + 1, 10, 0, G_MAXUINT16, &number, NULL))
    return set_invalid (error, text, "that is no port");

  length = (gsize) (colon - text);
  if (length > HOST_MAX)
    return set_invalid (error, text, "the host is too long");
  if (length >= 2 && text[0] == '[' && colon[-1] == ']')
    *host = g_strndup (text + 1, length - 2);
  else
    *host = g_strndup (text, length);
  *port = (guint16) number;

  if (text[0] == '[' && (*host)[0] == '\0')
    {
      g_clear_pointer (host, g_free);
      return set_invalid (error, text, "there is nothing in the brackets");
    }
  if (text[0] != '[' && strchr (*host, ':') != NULL)
    {
      g_clear_pointer (host, g_free);
      return set_invalid (error, text, "an IPv6 address stands in brackets");
    }

  return TRUE;
}

static in_addr_t
get_ipv4 (const struct sockaddr *address)
{
  return ((const struct sockaddr_in *) (const void *) address)->sin_addr.s_addr;
}

/* A broadcast address of one of the interfaces, 192.168.1.255 say. */
static gboolean
is_interface_broadcast (in_addr_t address)
{
  struct ifaddrs *interfaces = NULL;
  gboolean        found = FALSE;

  if (getifaddrs (&interfaces) != 0)
    return FALSE;

  for (struct ifaddrs *i = interfaces; i != NULL && !found; i = i->ifa_next)
    if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET && i->ifa_broadaddr != NULL)
      found = get_ipv4 (i->ifa_broadaddr) == address && get_ipv4 (i->ifa_addr) != address;
  freeifaddrs (interfaces);

  return found;
}

static gboolean
is_broadcast (GInetAddress *address)
{
  struct in_addr raw;

  if (g_inet_address_get_family (address) != G_SOCKET_FAMILY_IPV4)
    return FALSE;

  memcpy (&raw, g_inet_address_to_bytes (address), sizeof raw);

  return raw.s_addr == htonl (INADDR_BROADCAST) || is_interface_broadcast (raw.s_addr);
}

static gboolean
is_valid_host (const char *text,
               const char *host,
               GError    **error)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  if (address == NULL && strpbrk (host, " \t[]/") != NULL)
    return set_invalid (error, text, "that is no host");
  if (!g_utf8_validate (host, -1, NULL))
    return set_invalid (error, text, "the host is not UTF-8");
  if (address == NULL)
    return TRUE;
  if (is_broadcast (address))
    return set_invalid (error, text, "TCP cannot listen on a broadcast address");
  if (g_inet_address_get_is_multicast (address))
    return set_invalid (error, text, "TCP cannot listen on a multicast address");

  return TRUE;
}

/*
 * sonde_address_check:
 * @text: what should be `HOST:PORT`
 * @error: where to put an error
 *
 * Checks the form of an address to listen on, without asking the network.
 */
gboolean
sonde_address_check (const char *text,
                     GError    **error)
{
  g_autofree char *host = NULL;
  guint16          port;

  return sonde_address_split (text, &host, &port, error) && is_valid_host (text, host, error);
}

/*
 * sonde_address_is_any:
 * @text: a valid address
 *
 * Checks whether an address leaves the host open: then one socket serves
 * IPv4 and IPv6 both.
 */
gboolean
sonde_address_is_any (const char *text)
{
  return text[0] == ':';
}

/*
 * sonde_address_is_exposed:
 * @text: a valid address
 *
 * Checks whether others than this machine's own programs could connect to an
 * address, or its port is a privileged one. A name is, since nobody knows yet
 * what it will stand for; but for `localhost`, which GResolver never asks the
 * network about.
 */
gboolean
sonde_address_is_exposed (const char *text)
{
  g_autofree char *host = NULL;
  guint16          port = 0;
  g_autoptr (GInetAddress) address = NULL;

  if (!sonde_address_split (text, &host, &port, NULL))
    return TRUE;
  if (port != 0 && port < IPPORT_RESERVED)
    return TRUE;
  if (g_ascii_strcasecmp (host, "localhost") == 0)
    return FALSE;
  address = g_inet_address_new_from_string (host);

  return address == NULL || !g_inet_address_get_is_loopback (address);
}

/*
 * sonde_address_format:
 * @address: an internet address
 *
 * Writes an address in the form that sonde_address_check() accepts.
 */
char *
sonde_address_format (GSocketAddress *address)
{
  GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS (address);
  g_autofree char    *host = g_inet_address_to_string (g_inet_socket_address_get_address (inet));
  const guint         port = g_inet_socket_address_get_port (inet);

  if (g_socket_address_get_family (address) != G_SOCKET_FAMILY_IPV6)
    return g_strdup_printf ("%s:%u", host, port);
  if (g_inet_socket_address_get_scope_id (inet) == 0)
    return g_strdup_printf ("[%s]:%u", host, port);

  return g_strdup_printf ("[%s%%%u]:%u", host, g_inet_socket_address_get_scope_id (inet), port);
}

/*
 * sonde_peer_init:
 * @self: where to put the peer
 * @address: what accept(2) told; of family 0 when the peer was gone already
 *
 * Keeps a peer's address in little space.
 */
void
sonde_peer_init (SondePeer                     *self,
                 const struct sockaddr_storage *address)
{
  const struct sockaddr_in  *ipv4 = (const void *) address;
  const struct sockaddr_in6 *ipv6 = (const void *) address;
  struct in6_addr            host = in6addr_any;

  self->port = 0;
  if (address->ss_family == AF_INET)
    {
      host.s6_addr[10] = host.s6_addr[11] = 0xff;
      memcpy (&host.s6_addr[12], &ipv4->sin_addr, sizeof ipv4->sin_addr);
      self->port = ntohs (ipv4->sin_port);
    }
  else if (address->ss_family == AF_INET6)
    {
      host = ipv6->sin6_addr;
      self->port = ntohs (ipv6->sin6_port);
    }

  memcpy (&self->high, &host.s6_addr[0], sizeof self->high);
  memcpy (&self->low, &host.s6_addr[8], sizeof self->low);
}

/*
 * sonde_peer_dup_host:
 * @self: a peer
 *
 * Writes a peer's address; one that came as ::ffff:a.b.c.d is a.b.c.d.
 */
char *
sonde_peer_dup_host (const SondePeer *self)
{
  struct in6_addr host;
  char            text[INET6_ADDRSTRLEN] = "";

  memcpy (&host.s6_addr[0], &self->high, sizeof self->high);
  memcpy (&host.s6_addr[8], &self->low, sizeof self->low);

  if (IN6_IS_ADDR_V4MAPPED (&host))
    inet_ntop (AF_INET, &host.s6_addr[12], text, sizeof text);
  else
    inet_ntop (AF_INET6, &host, text, sizeof text);

  return g_strdup (text);
}

/*
 * sonde_peer_hash:
 * @peer: a #SondePeer
 *
 * Hashes the host of a peer; the port does not count.
 */
guint
sonde_peer_hash (gconstpointer peer)
{
  const SondePeer *self = peer;
  guint64          mixed = (self->high ^ (self->low * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)));

  return (guint) (mixed ^ (mixed >> 32));
}

/*
 * sonde_peer_same_host:
 * @a: a #SondePeer
 * @b: another
 *
 * Checks whether two peers are on one host.
 */
gboolean
sonde_peer_same_host (gconstpointer a,
                      gconstpointer b)
{
  const SondePeer *first = a;
  const SondePeer *second = b;

  return first->high == second->high && first->low == second->low;
}
