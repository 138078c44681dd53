/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* From a host to socket addresses, within a time limit.
 *
 * GResolver 2.74 has no time limit, and its asynchronous calls need a main
 * loop. Its synchronous call does return as soon as it is cancelled, so it runs
 * in a thread that can always be joined without delay. */

#include "config.h"

#include "sonde-lookup-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <glib/gstdio.h>

#include "sonde-error-private.h"

typedef struct
{
  const char   *host;        /* (unowned) */
  GCancellable *cancellable; /* (owned) */
  int           done_fd;     /* (owned) */
  GList        *addresses;   /* (owned) (element-type GInetAddress) */
  GError       *error;       /* (owned) (nullable) */
} Lookup;

static void
lookup_clear (Lookup *lookup)
{
  g_clear_object (&lookup->cancellable);
  g_clear_error (&lookup->error);
  g_resolver_free_addresses (lookup->addresses);
  if (lookup->done_fd >= 0)
    g_close (lookup->done_fd, NULL);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Lookup, lookup_clear)

static gpointer
lookup_thread (gpointer user_data)
{
  Lookup *lookup = user_data;
  g_autoptr (GResolver) resolver = g_resolver_get_default ();

  lookup->addresses = g_resolver_lookup_by_name (resolver,
                                                 lookup->host,
                                                 lookup->cancellable,
                                                 &lookup->error);
  eventfd_write (lookup->done_fd, 1);

  return NULL;
}

static gboolean
run_lookup (Lookup    *lookup,
            SondeWait *wait,
            gint64     deadline,
            GError   **error)
{
  g_autoptr (GError) local_error = NULL;
  GThread *thread = g_thread_try_new ("sonde-lookup", lookup_thread, lookup, &local_error);
  short    ready = 0;
  gboolean waited;

  if (thread == NULL)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_FAILED,
                   "could not look up %s: %s",
                   lookup->host,
                   local_error->message);
      return FALSE;
    }

  waited = sonde_wait_for (wait, lookup->done_fd, POLLIN, deadline, &ready, error);
  g_cancellable_cancel (lookup->cancellable);
  g_thread_join (thread);
  if (!waited)
    return FALSE;

  if (ready == 0)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_CONNECT_TIMED_OUT,
                   "could not look up %s within the connect timeout",
                   lookup->host);
      return FALSE;
    }

  return TRUE;
}

static GPtrArray *
to_socket_addresses (GList  *addresses,
                     guint16 port)
{
  g_autoptr (GPtrArray) result = g_ptr_array_new_with_free_func (g_object_unref);

  for (GList *l = addresses; l != NULL; l = l->next)
    g_ptr_array_add (result, g_inet_socket_address_new (l->data, port));

  return g_steal_pointer (&result);
}

static GPtrArray *
lookup_name (const char *host,
             guint16     port,
             SondeWait  *wait,
             gint64      deadline,
             GError    **error)
{
  g_auto (Lookup) lookup = { .host = host, .done_fd = eventfd (0, EFD_CLOEXEC) };

  if (lookup.done_fd < 0)
    {
      sonde_error_set_errno (error, errno, "could not look up %s", host);
      return NULL;
    }

  lookup.cancellable = g_cancellable_new ();
  if (!run_lookup (&lookup, wait, deadline, error))
    return NULL;

  if (lookup.addresses == NULL)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_ADDRESS_NOT_AVAILABLE,
                   "could not look up %s: %s",
                   host,
                   lookup.error->message);
      return NULL;
    }

  return to_socket_addresses (lookup.addresses, port);
}

/*
 * sonde_lookup:
 * @host: a name, or an IPv4 or IPv6 address with or without a scope
 * @port: the port that the addresses get
 * @wait: what can cancel it
 * @deadline: until when, on the monotonic clock
 * @error: (nullable): where to put the error
 *
 * Finds the addresses of a host, in the order in which to try them.
 *
 * Returns: (transfer full) (element-type GSocketAddress) (nullable): at least
 *   one address, or %NULL with an error
 */
GPtrArray *
sonde_lookup (const char *host,
              guint16     port,
              SondeWait  *wait,
              gint64      deadline,
              GError    **error)
{
  GSocketAddress *literal = g_inet_socket_address_new_from_string (host, port);
  GPtrArray      *result;

  if (literal == NULL)
    return lookup_name (host, port, wait, deadline, error);

  result = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (result, literal);

  return result;
}
