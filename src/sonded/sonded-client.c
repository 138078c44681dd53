/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Whoever has called us and is to be served as long as he is on the bus. There
 * is one watch for each caller, however many calls of his wait: a bus counts
 * the rules of a connection, and a watch asks it a question. */

#include "config.h"

#include "sonded-client.h"

#include "sonded-calls.h"

struct _SondedClient
{
  GObject parent_instance;

  GDBusConnection *connection; /* (owned): it has the table of all clients */
  char            *name;       /* (owned): on the bus, never given twice */
  guint            watch_id;
  gboolean         is_gone;
};

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

/* Comes as well when the connection is lost. */
static void
vanished_cb (GDBusConnection *connection,
             const char      *name,
             gpointer         user_data)
{
  g_autoptr (SondedClient) self = g_object_ref (user_data);

  if (self->is_gone)
    return;

  self->is_gone = TRUE;
  sonded_calls_forget (self->connection, self->name);
  g_signal_emit (self, signals[SIGNAL_GONE], 0);
}

static void
sonded_client_finalize (GObject *object)
{
  SondedClient *self = SONDED_CLIENT (object);

  g_bus_unwatch_name (self->watch_id);
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
  self->watch_id = g_bus_watch_name_on_connection (connection,
                                                   name,
                                                   G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                   NULL,
                                                   vanished_cb,
                                                   self,
                                                   NULL);

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
