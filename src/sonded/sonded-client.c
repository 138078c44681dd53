/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Whoever has called us and is to be served as long as he is on the bus. There
 * is one watch for each caller, however many calls of his wait: a bus counts
 * the rules of a connection, and a watch asks it a question.
 *
 * Not g_bus_watch_name(): where the connection is closed, or closes before the
 * bus has answered, it calls that critical, though nothing can prevent it. */

#include "config.h"

#include "sonded-client.h"

#include "sonded-calls.h"

struct _SondedClient
{
  GObject parent_instance;

  GDBusConnection *connection; /* (owned): it has the table of all clients */
  char            *name;       /* (owned): on the bus, never given twice */
  guint            subscription_id;
  gulong           closed_id;
  gboolean         is_gone;
};

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"
#define DBUS_INTERFACE "org.freedesktop.DBus"
#define OWNER_CHANGED "NameOwnerChanged"

G_DEFINE_FINAL_TYPE (SondedClient, sonded_client, G_TYPE_OBJECT)

enum
{
  SIGNAL_GONE,
  N_SIGNALS,
};

static guint signals[N_SIGNALS] = { 0 };

/* (element-type utf8 SondedClient) (unowned elements) */
static GHashTable *
get_table (GDBusConnection *connection)
{
  const GQuark quark = g_quark_from_static_string ("sonded-clients");
  GHashTable  *table = g_object_get_qdata (G_OBJECT (connection), quark);

  if (table == NULL)
    {
      table = g_hash_table_new (g_str_hash, g_str_equal);
      g_object_set_qdata_full (G_OBJECT (connection),
                               quark,
                               table,
                               (GDestroyNotify) g_hash_table_unref);
    }

  return table;
}

static void
leave (SondedClient *self)
{
  g_autoptr (SondedClient) kept = g_object_ref (self);

  if (kept->is_gone)
    return;

  kept->is_gone = TRUE;
  sonded_calls_forget (kept->connection, kept->name);
  g_signal_emit (kept, signals[SIGNAL_GONE], 0);
}

static void
closed_cb (GDBusConnection *connection,
           gboolean         remote_peer_vanished,
           GError          *error,
           SondedClient    *self)
{
  leave (self);
}

/* Of a unique name this is the only change. */
static void
owner_changed_cb (GDBusConnection *connection,
                  const char      *sender,
                  const char      *object_path,
                  const char      *interface,
                  const char      *signal,
                  GVariant        *parameters,
                  gpointer         user_data)
{
  leave (user_data);
}

/* He may have left before the bus knew that we want to be told. */
static void
asked_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (SondedClient) self = user_data;
  g_autoptr (GVariant) reply =
    g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);
  gboolean is_there = !g_dbus_connection_is_closed (self->connection);

  if (reply != NULL)
    g_variant_get (reply, "(b)", &is_there);
  if (!is_there)
    leave (self);
}

static void
call_bus (SondedClient       *self,
          const char         *method,
          const char         *argument,
          GAsyncReadyCallback callback,
          gpointer            user_data)
{
  g_dbus_connection_call (self->connection,
                          DBUS_NAME,
                          DBUS_PATH,
                          DBUS_INTERFACE,
                          method,
                          g_variant_new ("(s)", argument),
                          NULL,
                          G_DBUS_CALL_FLAGS_NONE,
                          -1,
                          NULL,
                          callback,
                          user_data);
}

static char *
make_rule (SondedClient *self)
{
  return g_strdup_printf ("type='signal',sender='" DBUS_NAME "',path='" DBUS_PATH
                          "',interface='" DBUS_INTERFACE "',member='" OWNER_CHANGED
                          "',arg0='%s'",
                          self->name);
}

static void
watch (SondedClient *self)
{
  g_autofree char *rule = make_rule (self);

  self->closed_id =
    g_signal_connect (self->connection, "closed", G_CALLBACK (closed_cb), self);
  self->subscription_id =
    g_dbus_connection_signal_subscribe (self->connection,
                                        DBUS_NAME,
                                        DBUS_INTERFACE,
                                        OWNER_CHANGED,
                                        DBUS_PATH,
                                        self->name,
                                        G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE,
                                        owner_changed_cb,
                                        self,
                                        NULL);
  call_bus (self, "AddMatch", rule, NULL, NULL);
  call_bus (self, "NameHasOwner", self->name, asked_cb, g_object_ref (self));
}

static void
unwatch (SondedClient *self)
{
  g_autofree char *rule = make_rule (self);

  g_signal_handler_disconnect (self->connection, self->closed_id);
  g_dbus_connection_signal_unsubscribe (self->connection, self->subscription_id);
  call_bus (self, "RemoveMatch", rule, NULL, NULL);
}

static void
sonded_client_finalize (GObject *object)
{
  SondedClient *self = SONDED_CLIENT (object);

  unwatch (self);
  g_hash_table_remove (get_table (self->connection), self->name);
  g_object_unref (self->connection);
  g_free (self->name);

  G_OBJECT_CLASS (sonded_client_parent_class)->finalize (object);
}

static void
sonded_client_class_init (SondedClientClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = sonded_client_finalize;

  signals[SIGNAL_GONE] = g_signal_new ("gone",
                                       SONDED_TYPE_CLIENT,
                                       G_SIGNAL_RUN_LAST,
                                       0,
                                       NULL,
                                       NULL,
                                       NULL,
                                       G_TYPE_NONE,
                                       0);
}

static void
sonded_client_init (SondedClient *self)
{
}

/*
 * sonded_client_get:
 * @invocation: a call
 *
 * Gets who has made a call. `gone` is emitted once, when he has left the bus or
 * the bus has gone.
 *
 * Returns: (transfer full): the caller, the same for all of his calls
 */
SondedClient *
sonded_client_get (GDBusMethodInvocation *invocation)
{
  GDBusConnection *connection = g_dbus_method_invocation_get_connection (invocation);
  const char      *name = g_dbus_method_invocation_get_sender (invocation);
  SondedClient    *self = g_hash_table_lookup (get_table (connection), name);

  if (self != NULL)
    return g_object_ref (self);

  self = g_object_new (SONDED_TYPE_CLIENT, NULL);
  self->connection = g_object_ref (connection);
  self->name = g_strdup (name);
  g_hash_table_insert (get_table (connection), self->name, self);
  watch (self);

  return self;
}

/*
 * sonded_client_is_gone:
 * @self: somebody
 *
 * Checks whether he has left the bus.
 */
gboolean
sonded_client_is_gone (SondedClient *self)
{
  return self->is_gone;
}
