/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* From what is asked for to listen on to the addresses that stand behind it.
 *
 * Addresses are read where they stand; names are looked up, and that takes as
 * long as the resolver needs: half a minute where it is dead. One name is
 * looked up after the other, since the first that does not exist ends it all,
 * and so that a dead resolver holds one of GLib's threads for a server and not
 * one for each name. */

#include "config.h"

#include "sonde-resolve-private.h"

#include "sonde-address-private.h"
#include "sonde-error.h"

typedef struct
{
  char     **entries;  /* (owned): `HOST:PORT` each */
  GPtrArray *resolved; /* (owned) (element-type GPtrArray): of the entries so far */
  char      *host;     /* (owned) (nullable): the name that is being looked up */
  guint16    port;
} Resolution;

static void
resolution_free (gpointer data)
{
  Resolution *self = data;

  g_strfreev (self->entries);
  g_ptr_array_unref (self->resolved);
  g_free (self->host);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Resolution, resolution_free)

static Resolution *
resolution_new (const char *const *entries)
{
  Resolution *self = g_new0 (Resolution, 1);

  self->entries = g_strdupv ((char **) entries);
  self->resolved = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);

  return self;
}

static const char *
get_entry (const Resolution *self)
{
  return self->entries[self->resolved->len];
}

static void
take_address (Resolution     *self,
              GSocketAddress *address)
{
  GPtrArray *addresses = g_ptr_array_new_with_free_func (g_object_unref);

  g_ptr_array_add (addresses, address);
  g_ptr_array_add (self->resolved, addresses);
}

/* Goes on to the next name; @self->host is %NULL when there is none. */
static gboolean
find_name (Resolution *self,
           GError    **error)
{
  while (get_entry (self) != NULL)
    {
      GSocketAddress *address = NULL;

      g_clear_pointer (&self->host, g_free);
      if (!sonde_address_split (get_entry (self), &self->host, &self->port, error))
        return FALSE;

      address = g_inet_socket_address_new_from_string (self->host[0] == '\0' ? "::" : self->host,
                                                       self->port);
      if (address == NULL)
        return TRUE;
      take_address (self, address);
    }
  g_clear_pointer (&self->host, g_free);

  return TRUE;
}

static gboolean
take_name (Resolution *self,
           GList      *addresses,
           GError     *lookup_error,
           GError    **error)
{
  GPtrArray *entry = NULL;

  if (g_error_matches (lookup_error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, lookup_error);
      return FALSE;
    }
  if (lookup_error != NULL)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_ADDRESS_NOT_AVAILABLE,
                   "Cannot listen on %s: %s",
                   get_entry (self),
                   lookup_error->message);
      g_error_free (lookup_error);
      return FALSE;
    }

  entry = g_ptr_array_new_with_free_func (g_object_unref);
  for (GList *l = addresses; l != NULL; l = l->next)
    g_ptr_array_add (entry, g_inet_socket_address_new (l->data, self->port));
  g_ptr_array_add (self->resolved, entry);
  g_resolver_free_addresses (addresses);

  return TRUE;
}

/*
 * sonde_resolve:
 * @entries: (array zero-terminated=1): valid `HOST:PORT`s
 * @error: where to put an error
 *
 * Finds the addresses that stand behind those to listen on.
 *
 * Returns: (transfer full) (element-type GPtrArray): for each entry its
 *   #GInetSocketAddresses, at least one, or %NULL with
 *   %SONDE_ERROR_ADDRESS_NOT_AVAILABLE
 */
GPtrArray *
sonde_resolve (const char *const *entries,
               GError           **error)
{
  g_autoptr (Resolution) self = resolution_new (entries);
  g_autoptr (GResolver) resolver = g_resolver_get_default ();

  while (find_name (self, error))
    {
      GError *local_error = NULL;
      GList  *addresses = NULL;

      if (self->host == NULL)
        return g_ptr_array_ref (self->resolved);
      addresses = g_resolver_lookup_by_name (resolver, self->host, NULL, &local_error);
      if (!take_name (self, addresses, local_error, error))
        return NULL;
    }

  return NULL;
}

static void looked_up_cb (GObject      *source,
                          GAsyncResult *result,
                          gpointer      user_data);

static void
look_up_next (GTask *task)
{
  Resolution *self = g_task_get_task_data (task);
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  GError *error = NULL;

  if (!find_name (self, &error))
    g_task_return_error (task, error);
  else if (self->host == NULL)
    g_task_return_pointer (task,
                           g_ptr_array_ref (self->resolved),
                           (GDestroyNotify) g_ptr_array_unref);
  else
    g_resolver_lookup_by_name_async (resolver,
                                     self->host,
                                     g_task_get_cancellable (task),
                                     looked_up_cb,
                                     g_object_ref (task));
}

static void
looked_up_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *lookup_error = NULL;
  GError *error = NULL;
  GList  *addresses = NULL;

  addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &lookup_error);
  if (take_name (g_task_get_task_data (task), addresses, lookup_error, &error))
    look_up_next (task);
  else
    g_task_return_error (task, error);
}

/*
 * sonde_resolve_async:
 * @entries: (array zero-terminated=1): valid `HOST:PORT`s
 * @cancellable: (nullable): what ends it early
 * @callback: what is called when it is done
 * @user_data: what it is called with
 *
 * Does what sonde_resolve() does, in the background.
 */
void
sonde_resolve_async (const char *const  *entries,
                     GCancellable       *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, sonde_resolve_async);
  g_task_set_task_data (task, resolution_new (entries), resolution_free);
  look_up_next (task);
}

/*
 * sonde_resolve_finish:
 * @result: what the callback got
 * @error: where to put an error, also %G_IO_ERROR_CANCELLED
 *
 * Ends sonde_resolve_async().
 *
 * Returns: (transfer full) (element-type GPtrArray): as sonde_resolve()
 */
GPtrArray *
sonde_resolve_finish (GAsyncResult *result,
                      GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
