/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Answers WaitFor() when counters reach values. The counters belong to the
 * threads that move bytes, and those are not to be slowed down for it: so each
 * waiter looks at them every few milliseconds, and nobody does while nobody
 * waits. */

#include "config.h"

#include "sonded-wait.h"

#define LOOK_EVERY_MS 5

#define CONDITIONS "NAccepted, NClosed, BytesReceived, NConnections"

typedef struct
{
  SondeServer           *server;     /* (owned) */
  GDBusMethodInvocation *invocation; /* (owned) (nullable): answered */
  GVariant              *condition;  /* (owned) */
  gint64                 deadline;
  guint                  watch_id;
  guint                  timer_id;
} Waiter;

typedef enum
{
  AT_LEAST,
  EXACTLY,
} Comparison;

static const struct
{
  const char *name;
  const char *type;
  Comparison  comparison;
} conditions[] = {
  { "NAccepted", "t", AT_LEAST },
  { "NClosed", "t", AT_LEAST },
  { "BytesReceived", "t", AT_LEAST },
  { "NConnections", "u", EXACTLY },
};

static void
waiter_free (Waiter *self)
{
  g_clear_handle_id (&self->timer_id, g_source_remove);
  g_clear_handle_id (&self->watch_id, g_bus_unwatch_name);
  g_object_unref (self->server);
  g_variant_unref (self->condition);
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
is_met (GVariant *condition,
        GVariant *statistics,
        gsize     i)
{
  g_autoptr (GVariant) wanted = g_variant_lookup_value (condition, conditions[i].name, NULL);
  g_autoptr (GVariant) now = g_variant_lookup_value (statistics, conditions[i].name, NULL);

  if (wanted == NULL)
    return TRUE;
  if (conditions[i].comparison == EXACTLY)
    return get_number (now) == get_number (wanted);

  return get_number (now) >= get_number (wanted);
}

static gboolean
reply_if_met (Waiter *self)
{
  g_autoptr (GVariant) statistics = sonde_server_get_statistics (self->server);

  for (gsize i = 0; i < G_N_ELEMENTS (conditions); i++)
    if (!is_met (self->condition, statistics, i))
      return FALSE;

  g_dbus_method_invocation_return_value (self->invocation, g_variant_new ("(@a{sv})", statistics));

  return TRUE;
}

static gboolean
reply_if_late (Waiter *self)
{
  g_autofree char *wanted = NULL;

  if (g_get_monotonic_time () < self->deadline)
    return FALSE;

  wanted = g_variant_print (self->condition, FALSE);
  g_dbus_method_invocation_return_error (self->invocation,
                                         SONDE_ERROR,
                                         SONDE_ERROR_TIMED_OUT,
                                         "Server %s did not reach %s in time",
                                         sonde_server_get_name (self->server),
                                         wanted);

  return TRUE;
}

static gboolean
look_cb (gpointer user_data)
{
  Waiter *self = user_data;

  if (!reply_if_met (self) && !reply_if_late (self))
    return G_SOURCE_CONTINUE;

  self->timer_id = 0;
  waiter_free (self);

  return G_SOURCE_REMOVE;
}

static void
caller_vanished_cb (GDBusConnection *connection,
                    const char      *name,
                    gpointer         user_data)
{
  Waiter *self = user_data;

  g_object_unref (self->invocation);
  waiter_free (self);
}

static gboolean
check_condition (const char *key,
                 GVariant   *value,
                 GError    **error)
{
  g_autofree char *excerpt = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (conditions); i++)
    if (g_str_equal (conditions[i].name, key))
      {
        if (g_variant_is_of_type (value, G_VARIANT_TYPE (conditions[i].type)))
          return TRUE;
        g_set_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING,
                     "%s of type %.32s is not valid; allowed: type %s", key,
                     g_variant_get_type_string (value), conditions[i].type);
        return FALSE;
      }

  excerpt = sonde_error_excerpt (key);
  g_set_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING,
               "%s is not a condition; allowed: " CONDITIONS,
               excerpt);

  return FALSE;
}

static gboolean
check_conditions (GVariant *condition,
                  GError  **error)
{
  GVariantIter iter;
  const char  *key;
  GVariant    *value;

  g_variant_iter_init (&iter, condition);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;

      if (!check_condition (key, owned, error))
        return FALSE;
    }
  if (g_variant_n_children (condition) > 0)
    return TRUE;

  g_set_error_literal (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING,
                       "The condition is empty; allowed: " CONDITIONS);

  return FALSE;
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
  g_autoptr (GError) local_error = NULL;
  const gint64 now = g_get_monotonic_time ();
  Waiter      *self = NULL;

  if (!check_conditions (condition, &local_error))
    {
      g_dbus_method_invocation_return_gerror (invocation, local_error);
      return;
    }

  self = g_new0 (Waiter, 1);
  self->server = g_object_ref (server);
  self->invocation = invocation;
  self->condition = g_variant_ref (condition);
  self->deadline = timeout_usec < (guint64) (G_MAXINT64 - now) ? now + (gint64) timeout_usec
                                                               : G_MAXINT64;
  if (reply_if_met (self) || reply_if_late (self))
    {
      waiter_free (self);
      return;
    }

  self->timer_id = g_timeout_add (LOOK_EVERY_MS, look_cb, self);
  self->watch_id =
    g_bus_watch_name_on_connection (g_dbus_method_invocation_get_connection (invocation),
                                    g_dbus_method_invocation_get_sender (invocation),
                                    G_BUS_NAME_WATCHER_FLAGS_NONE,
                                    NULL,
                                    caller_vanished_cb,
                                    self,
                                    NULL);
}
