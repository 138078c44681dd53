/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "slow-resolver.h"

struct _SlowResolver
{
  GResolver  parent_instance;
  GPtrArray *waiting; /* (owned) (element-type GTask) */
};

G_DEFINE_FINAL_TYPE (SlowResolver, slow_resolver, G_TYPE_RESOLVER)

static GList *
resolve (const char *hostname,
         GError    **error)
{
  if (!g_str_equal (hostname, "nowhere.test"))
    return g_list_prepend (NULL, g_inet_address_new_from_string ("127.0.0.1"));

  g_set_error_literal (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "No such name");

  return NULL;
}

static void
free_addresses (gpointer addresses)
{
  g_resolver_free_addresses (addresses);
}

static void
answer (GTask *task)
{
  GError *error = NULL;
  GList  *addresses = resolve (g_task_get_task_data (task), &error);

  if (addresses != NULL)
    g_task_return_pointer (task, addresses, free_addresses);
  else
    g_task_return_error (task, error);
}

static void
cancelled_cb (GCancellable *cancellable,
              GTask        *task)
{
  SlowResolver *self = g_task_get_source_object (task);

  g_task_return_error_if_cancelled (task);
  g_ptr_array_remove (self->waiting, task);
}

static GList *
lookup_by_name (GResolver    *resolver,
                const char   *hostname,
                GCancellable *cancellable,
                GError      **error)
{
  return resolve (hostname, error);
}

static void
lookup_by_name_async (GResolver          *resolver,
                      const char         *hostname,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  SlowResolver *self = SLOW_RESOLVER (resolver);
  GTask        *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_task_data (task, g_strdup (hostname), g_free);
  g_ptr_array_add (self->waiting, task);
  if (cancellable != NULL)
    g_signal_connect_object (cancellable,
                             "cancelled",
                             G_CALLBACK (cancelled_cb),
                             task,
                             G_CONNECT_DEFAULT);
}

static GList *
lookup_by_name_finish (GResolver    *resolver,
                       GAsyncResult *result,
                       GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
slow_resolver_finalize (GObject *object)
{
  g_ptr_array_unref (SLOW_RESOLVER (object)->waiting);

  G_OBJECT_CLASS (slow_resolver_parent_class)->finalize (object);
}

static void
slow_resolver_class_init (SlowResolverClass *klass)
{
  GResolverClass *resolver_class = G_RESOLVER_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = slow_resolver_finalize;
  resolver_class->lookup_by_name = lookup_by_name;
  resolver_class->lookup_by_name_async = lookup_by_name_async;
  resolver_class->lookup_by_name_finish = lookup_by_name_finish;
}

static void
slow_resolver_init (SlowResolver *self)
{
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
}

/* Makes it the resolver of the process, which keeps it. */
SlowResolver *
slow_resolver_install (void)
{
  SlowResolver *self = g_object_new (SLOW_TYPE_RESOLVER, NULL);

  g_resolver_set_default (G_RESOLVER (self));
  g_object_unref (self);

  return self;
}

guint
slow_resolver_get_n_waiting (SlowResolver *self)
{
  return self->waiting->len;
}

/* Answers all who wait now. */
void
slow_resolver_answer (SlowResolver *self)
{
  g_autoptr (GPtrArray) waiting = g_steal_pointer (&self->waiting);

  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < waiting->len; i++)
    answer (waiting->pdata[i]);
}
