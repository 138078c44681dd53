/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* From the addresses of a server to its listeners: to all of them, or none. */

#include "config.h"

#include "sonde-address-private.h"
#include "sonde-error.h"
#include "sonde-listener-private.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Ports that are tried until one is free at every address of a name. */
#define TRIES_MAX 32

static GSocketAddress *
with_port (GSocketAddress *address,
           guint16         port)
{
  struct sockaddr_storage native = { 0 };
  const gssize            size = g_socket_address_get_native_size (address);

  if (port == 0 || !g_socket_address_to_native (address, &native, sizeof native, NULL))
    return g_object_ref (address);

  /* The port is in the same place for both families. */
  ((struct sockaddr_in *) (void *) &native)->sin_port = htons (port);

  return g_socket_address_new_from_native (&native, (gsize) size);
}

static guint16
get_port (GSocketAddress *address)
{
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
}

static guint16
get_bound_port (GSocket *listener)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (listener, NULL);

  return address != NULL ? get_port (address) : 0;
}

/* A machine without IPv6 listens where it can. */
static GSocket *
open_or_fall_back (GSocketAddress     *address,
                   const SondeOpening *opening,
                   GError            **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GSocketAddress) ipv4_any = NULL;
  GSocket *listener = sonde_listener_open (address, opening, &local_error);

  if (listener != NULL)
    return listener;
  if (opening->dual_stack &&
      g_error_matches (local_error, SONDE_ERROR, SONDE_ERROR_ADDRESS_NOT_AVAILABLE))
    {
      ipv4_any = g_inet_socket_address_new_from_string ("0.0.0.0", get_port (address));
      return sonde_listener_open (ipv4_any, opening, error);
    }
  g_propagate_error (error, g_steal_pointer (&local_error));

  return NULL;
}

/* A name may have addresses of a family that is missing here, as long as one
 * remains. Where the port is 0, they all share the one that the kernel gave to
 * the first. */
static gboolean
try_entry (GPtrArray          *addresses,
           const SondeOpening *opening,
           GPtrArray          *listeners,
           GError            **error)
{
  g_autoptr (GError) last_error = NULL;
  const guint before = listeners->len;
  guint16     port = 0;

  for (guint i = 0; i < addresses->len; i++)
    {
      g_autoptr (GSocketAddress) address = with_port (addresses->pdata[i], port);
      GSocket *listener = NULL;

      g_clear_error (&last_error);
      listener = open_or_fall_back (address, opening, &last_error);
      if (listener != NULL)
        {
          g_ptr_array_add (listeners, listener);
          port = get_bound_port (listener);
        }
      else if (!g_error_matches (last_error, SONDE_ERROR, SONDE_ERROR_ADDRESS_NOT_AVAILABLE))
        break;
    }

  if (last_error != NULL &&
      (listeners->len == before ||
       !g_error_matches (last_error, SONDE_ERROR, SONDE_ERROR_ADDRESS_NOT_AVAILABLE)))
    {
      g_propagate_error (error, g_steal_pointer (&last_error));
      return FALSE;
    }

  return listeners->len > before;
}

/* Opens what stands behind one entry. The port that the kernel picked for one
 * address may be another's at the next; asked again, it picks another. */
static gboolean
open_entry (GPtrArray          *addresses,
            const SondeOpening *opening,
            GPtrArray          *listeners,
            GError            **error)
{
  const gboolean any_port = addresses->len > 1 && get_port (addresses->pdata[0]) == 0;
  const guint    before = listeners->len;
  GError        *local_error = NULL;

  for (guint i = 0; i < (any_port ? TRIES_MAX : 1); i++)
    {
      g_clear_error (&local_error);
      if (try_entry (addresses, opening, listeners, &local_error))
        return TRUE;
      g_ptr_array_set_size (listeners, (int) before);
      if (!g_error_matches (local_error, SONDE_ERROR, SONDE_ERROR_ADDRESS_IN_USE))
        break;
    }
  g_propagate_error (error, local_error);

  return FALSE;
}

/*
 * sonde_listener_open_all:
 * @settings: what is asked for
 * @resolved: (element-type GPtrArray): what stands behind each address of the
 *   settings, from sonde_resolve()
 * @old: (nullable) (element-type GSocket): listeners that are about to be
 *   closed, whose ports are shared and may be asked for again
 * @error: where to put an error
 *
 * Listens on every address of the settings, or on none.
 *
 * Returns: (transfer full) (element-type GSocket): the listeners, which do
 *   not block
 */
GPtrArray *
sonde_listener_open_all (SondeSettings *settings,
                         GPtrArray     *resolved,
                         GPtrArray     *old,
                         GError       **error)
{
  g_autoptr (GVariant) value = sonde_settings_peek (settings, SONDE_SETTING_LISTEN_ADDRESSES);
  g_autofree const char **entries = g_variant_get_strv (value, NULL);
  g_autoptr (GPtrArray) listeners = g_ptr_array_new_with_free_func (g_object_unref);
  const gboolean reuse_port =
    sonde_settings_get_boolean (settings, SONDE_SETTING_OPTION (SONDE_ROW_REUSE_PORT));

  for (guint i = 0; i < resolved->len; i++)
    {
      const SondeOpening opening = { settings, sonde_address_is_any (entries[i]), old };

      if (!open_entry (resolved->pdata[i], &opening, listeners, error))
        return NULL;
    }
  sonde_listener_share_ports (listeners, reuse_port);

  return g_steal_pointer (&listeners);
}

static gboolean
is_dual_stack (GSocket *listener)
{
  int       only = TRUE;
  socklen_t length = sizeof only;

  return getsockopt (g_socket_get_fd (listener), IPPROTO_IPV6, IPV6_V6ONLY, &only, &length) == 0 &&
         !only;
}

/*
 * sonde_listener_open_beside:
 * @settings: what is asked for
 * @first: (element-type GSocket): listeners, whose ports are shared
 * @error: where to put an error
 *
 * Listens once more on each address that is listened on already.
 *
 * Returns: (transfer full) (element-type GSocket): the new listeners
 */
GPtrArray *
sonde_listener_open_beside (SondeSettings *settings,
                            GPtrArray     *first,
                            GError       **error)
{
  g_autoptr (GPtrArray) listeners = g_ptr_array_new_with_free_func (g_object_unref);
  const gboolean reuse_port =
    sonde_settings_get_boolean (settings, SONDE_SETTING_OPTION (SONDE_ROW_REUSE_PORT));

  for (guint i = 0; i < first->len; i++)
    {
      const SondeOpening opening = { settings, is_dual_stack (first->pdata[i]), first };
      g_autoptr (GSocketAddress) address = g_socket_get_local_address (first->pdata[i], error);
      GSocket *listener = address != NULL ? sonde_listener_open (address, &opening, error) : NULL;

      if (listener == NULL)
        return NULL;
      g_ptr_array_add (listeners, listener);
    }
  sonde_listener_share_ports (listeners, reuse_port);

  return g_steal_pointer (&listeners);
}
