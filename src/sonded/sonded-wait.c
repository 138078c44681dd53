/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Answers WaitFor() when counters reach values. The counters belong to the
 * threads that move bytes, and those are not to be slowed down for it: so the
 * waiters of a server share a timer, which looks at the counters once for them
 * all, and runs only while there is one. */

#include "config.h"

#include "sonded-wait.h"

#define LOOK_EVERY_MS 5

#define CONDITIONS "NAccepted, NClosed, BytesReceived, NConnections"

static const struct
{
  const char *name;
  const char *type;
  gboolean    exact; /* or else at least */
} conditions[] = {
  { "NAccepted", "t", FALSE },
  { "NClosed", "t", FALSE },
  { "BytesReceived", "t", FALSE },
  { "NConnections", "u", TRUE },
};

typedef struct
{
  gboolean is_set;
  guint64  value;
} Wanted;

typedef struct
{
  GDBusMethodInvocation *invocation; /* (owned) */
  Wanted                 wanted[G_N_ELEMENTS (conditions)];
  gint64                 deadline;
  gboolean               is_gone; /* the caller has left the bus */
  guint                  watch_id;
} Waiter;

/* Those who wait for one server. */
typedef struct
{
  SondeServer *server;  /* (owned) */
  GPtrArray   *waiters; /* (owned) (element-type Waiter) */
} Queue;

static void
waiter_free (gpointer data)
{
  Waiter *self = data;

  g_clear_handle_id (&self->watch_id, g_bus_unwatch_name);
  if (self->invocation != NULL)
    g_object_unref (self->invocation);
  g_free (self);
}

static guint64
get_number (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32 (value);

  return g_variant_get_uint64 (value);
}

static gboolean
is_met (const Waiter  *self,
        const guint64 *now)
{
  for (gsize i = 0; i < G_N_ELEMENTS (conditions); i++)
    if (self->wanted[i].is_set &&
        (conditions[i].exact ? now[i] != self->wanted[i].value : now[i] < self->wanted[i].value))
      return FALSE;

  return TRUE;
}

static void
reply_timed_out (Waiter      *self,
                 SondeServer *server)
{
  GVariant *parameters = g_dbus_method_invocation_get_parameters (self->invocation);
  g_autoptr (GVariant) condition = g_variant_get_child_value (parameters, 0);
  g_autofree char *text = g_variant_print (condition, FALSE);

  g_dbus_method_invocation_return_error (g_steal_pointer (&self->invocation),
                                         SONDE_ERROR,
                                         SONDE_ERROR_TIMED_OUT,
                                         "Server %s did not reach %s in time",
                                         sonde_server_get_name (server),
                                         text);
}

/* Whether the waiter has nothing to wait for any more. */
static gboolean
settle (Waiter        *self,
        SondeServer   *server,
        GVariant      *statistics,
        const guint64 *now)
{
  if (self->is_gone)
    return TRUE;
  if (is_met (self, now))
    {
      g_dbus_method_invocation_return_value (g_steal_pointer (&self->invocation),
                                             g_variant_new ("(@a{sv})", statistics));
      return TRUE;
    }
  if (g_get_monotonic_time () < self->deadline)
    return FALSE;

  reply_timed_out (self, server);

  return TRUE;
}

static void
settle_all (Queue *self)
{
  g_autoptr (GVariant) statistics = sonde_server_get_statistics (self->server);
  guint64 now[G_N_ELEMENTS (conditions)];

  for (gsize i = 0; i < G_N_ELEMENTS (conditions); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (statistics, conditions[i].name, NULL);

      now[i] = get_number (value);
    }
  for (guint i = self->waiters->len; i > 0; i--)
    if (settle (self->waiters->pdata[i - 1], self->server, statistics, now))
      g_ptr_array_remove_index_fast (self->waiters, i - 1);
}

static GQuark
queue_quark (void)
{
  return g_quark_from_static_string ("sonded-wait-queue");
}

static gboolean
look_cb (gpointer user_data)
{
  Queue *self = user_data;

  settle_all (self);

  return self->waiters->len > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
queue_free (gpointer data)
{
  Queue *self = data;

  g_object_set_qdata (G_OBJECT (self->server), queue_quark (), NULL);
  g_ptr_array_unref (self->waiters);
  g_object_unref (self->server);
  g_free (self);
}

static Queue *
get_queue (SondeServer *server)
{
  Queue *self = g_object_get_qdata (G_OBJECT (server), queue_quark ());

  if (self != NULL)
    return self;

  self = g_new0 (Queue, 1);
  self->server = g_object_ref (server);
  self->waiters = g_ptr_array_new_with_free_func (waiter_free);
  g_object_set_qdata (G_OBJECT (server), queue_quark (), self);
  g_timeout_add_full (G_PRIORITY_DEFAULT, LOOK_EVERY_MS, look_cb, self, queue_free);

  return self;
}

static void
caller_vanished_cb (GDBusConnection *connection,
                    const char      *name,
                    gpointer         user_data)
{
  ((Waiter *) user_data)->is_gone = TRUE;
}

static gboolean
set_invalid (const char *key,
             GError    **error)
{
  g_autofree char *excerpt = sonde_error_excerpt (key);

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "condition=%s is not valid; allowed: " CONDITIONS,
               excerpt);

  return FALSE;
}

static gboolean
take_condition (Waiter     *self,
                const char *key,
                GVariant   *value,
                GError    **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (conditions); i++)
    {
      if (!g_str_equal (conditions[i].name, key))
        continue;
      if (!g_variant_is_of_type (value, G_VARIANT_TYPE (conditions[i].type)))
        {
          g_set_error (error,
                       SONDE_ERROR,
                       SONDE_ERROR_INVALID_SETTING,
                       "%s of type %.32s is not valid; allowed: type %s",
                       key,
                       g_variant_get_type_string (value),
                       conditions[i].type);
          return FALSE;
        }
      self->wanted[i].is_set = TRUE;
      self->wanted[i].value = get_number (value);
      return TRUE;
    }

  return set_invalid (key, error);
}

static gboolean
take_conditions (Waiter   *self,
                 GVariant *condition,
                 GError  **error)
{
  GVariantIter iter;
  const char  *key;
  GVariant    *value;

  g_variant_iter_init (&iter, condition);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;

      if (!take_condition (self, key, owned, error))
        return FALSE;
    }

  return g_variant_n_children (condition) > 0 || set_invalid ("{}", error);
}

static void
watch_caller (Waiter *self)
{
  self->watch_id =
    g_bus_watch_name_on_connection (g_dbus_method_invocation_get_connection (self->invocation),
                                    g_dbus_method_invocation_get_sender (self->invocation),
                                    G_BUS_NAME_WATCHER_FLAGS_NONE,
                                    NULL,
                                    caller_vanished_cb,
                                    self,
                                    NULL);
}

/*
 * sonded_wait_start:
 * @server: a server
 * @invocation: (transfer full): the call to answer
 * @condition: an `a{sv}` of counters and values
 * @timeout_usec: how long to wait
 *
 * Answers a call when all conditions are met, or it is too late. One whose
 * caller leaves the bus is forgotten.
 */
void
sonded_wait_start (SondeServer           *server,
                   GDBusMethodInvocation *invocation,
                   GVariant              *condition,
                   guint64                timeout_usec)
{
  const gint64 now = g_get_monotonic_time ();
  g_autoptr (GError) local_error = NULL;
  Waiter *waiter = g_new0 (Waiter, 1);
  Queue  *queue = NULL;

  waiter->invocation = invocation;
  if (!take_conditions (waiter, condition, &local_error))
    {
      g_dbus_method_invocation_return_gerror (g_steal_pointer (&waiter->invocation), local_error);
      waiter_free (waiter);
      return;
    }
  waiter->deadline =
    timeout_usec < (guint64) (G_MAXINT64 - now) ? now + (gint64) timeout_usec : G_MAXINT64;

  queue = get_queue (server);
  g_ptr_array_add (queue->waiters, waiter);
  watch_caller (waiter);
  settle_all (queue);
}
