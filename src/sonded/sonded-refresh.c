/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Signals the counters of a server that have changed, as often as somebody on
 * the bus wants to know. Everybody has one wish, which leaves the bus with him;
 * the fastest is in force. While there is none there is no timer, and nobody
 * looks at the counters. */

#include "config.h"

#include "sonded-refresh.h"

#include "sonded-client.h"

#define RATE_MIN_MS 100

typedef struct
{
  GDBusInterfaceSkeleton *skeleton; /* (unowned): it owns us */
  SondeServer            *server;   /* (unowned): the skeleton keeps it */
  GHashTable             *wishes;   /* (owned) (element-type SondedClient guint) */
  GVariant               *last;     /* (owned) (nullable): what was told last */
  guint                   rate_ms;  /* 0: never */
  guint                   timer_id;
} Refresh;

static GQuark
refresh_quark (void)
{
  return g_quark_from_static_string ("sonded-refresh");
}

static GVariant *
find_changes (GVariant *before,
              GVariant *now)
{
  GVariantBuilder builder;
  GVariantIter    iter;
  const char     *name;
  GVariant       *value;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, now);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) owned = value;
      g_autoptr (GVariant) old = g_variant_lookup_value (before, name, NULL);

      if (old == NULL || !g_variant_equal (old, owned))
        g_variant_builder_add (&builder, "{sv}", name, owned);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
signal_changes (Refresh  *self,
                GVariant *changes)
{
  const char *interface = g_dbus_interface_skeleton_get_info (self->skeleton)->name;
  GList      *connections = g_dbus_interface_skeleton_get_connections (self->skeleton);

  for (GList *l = connections; l != NULL; l = l->next)
    g_dbus_connection_emit_signal (l->data,
                                   NULL,
                                   g_dbus_interface_skeleton_get_object_path (self->skeleton),
                                   "org.freedesktop.DBus.Properties",
                                   "PropertiesChanged",
                                   g_variant_new ("(s@a{sv}as)", interface, changes, NULL),
                                   NULL);
  g_list_free_full (connections, g_object_unref);
}

static gboolean
look_cb (gpointer user_data)
{
  Refresh *self = user_data;
  g_autoptr (GVariant) now = sonde_server_get_statistics (self->server);
  g_autoptr (GVariant) changes = find_changes (self->last, now);

  g_variant_unref (self->last);
  self->last = g_steal_pointer (&now);
  if (g_variant_n_children (changes) > 0)
    signal_changes (self, changes);

  return G_SOURCE_CONTINUE;
}

static guint
find_fastest (Refresh *self)
{
  GHashTableIter iter;
  gpointer       wish;
  guint          fastest = 0;

  g_hash_table_iter_init (&iter, self->wishes);
  while (g_hash_table_iter_next (&iter, NULL, &wish))
    if (fastest == 0 || GPOINTER_TO_UINT (wish) < fastest)
      fastest = GPOINTER_TO_UINT (wish);

  return fastest;
}

static void
update (Refresh *self)
{
  const guint rate_ms = find_fastest (self);

  if (rate_ms == self->rate_ms)
    return;

  self->rate_ms = rate_ms;
  g_clear_handle_id (&self->timer_id, g_source_remove);
  g_clear_pointer (&self->last, g_variant_unref);
  if (rate_ms > 0)
    {
      self->last = sonde_server_get_statistics (self->server);
      self->timer_id = g_timeout_add (rate_ms, look_cb, self);
    }
  g_object_set (self->skeleton, "refresh-rate-ms", rate_ms, NULL);
}

static void
forget_wish (SondedClient *client,
             Refresh      *self)
{
  g_signal_handlers_disconnect_by_data (client, self);
  g_hash_table_remove (self->wishes, client);
  update (self);
}

static void
refresh_free (gpointer data)
{
  Refresh       *self = data;
  GHashTableIter iter;
  gpointer       client;

  g_hash_table_iter_init (&iter, self->wishes);
  while (g_hash_table_iter_next (&iter, &client, NULL))
    g_signal_handlers_disconnect_by_data (client, self);
  g_clear_handle_id (&self->timer_id, g_source_remove);
  g_clear_pointer (&self->last, g_variant_unref);
  g_hash_table_unref (self->wishes);
  g_free (self);
}

/*
 * sonded_refresh_attach:
 * @skeleton: the Statistics of a server
 * @server: the server, which the skeleton keeps
 *
 * Lets RefreshRateMs of an interface be set.
 */
void
sonded_refresh_attach (GDBusInterfaceSkeleton *skeleton,
                       SondeServer            *server)
{
  Refresh *self = g_new0 (Refresh, 1);

  self->skeleton = skeleton;
  self->server = server;
  self->wishes = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  g_object_set_qdata_full (G_OBJECT (skeleton), refresh_quark (), self, refresh_free);
}

/*
 * sonded_refresh_set:
 * @invocation: a Properties.Set of RefreshRateMs
 * @rate_ms: how often its caller wants to be told
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Takes somebody's wish.
 */
gboolean
sonded_refresh_set (GDBusMethodInvocation *invocation,
                    guint                  rate_ms,
                    GError               **error)
{
  GObject *skeleton = g_dbus_method_invocation_get_user_data (invocation);
  Refresh *self = g_object_get_qdata (skeleton, refresh_quark ());
  g_autoptr (SondedClient) client = NULL;

  if (rate_ms > 0 && rate_ms < RATE_MIN_MS)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   "RefreshRateMs=%u is not valid; allowed: 0, or %d to %u",
                   rate_ms,
                   RATE_MIN_MS,
                   G_MAXUINT);
      return FALSE;
    }

  client = sonded_client_get (invocation);
  if (rate_ms == 0 || sonded_client_is_gone (client))
    {
      forget_wish (client, self);
      return TRUE;
    }
  if (!g_hash_table_contains (self->wishes, client))
    g_signal_connect (client, "gone", G_CALLBACK (forget_wish), self);
  g_hash_table_insert (self->wishes, g_object_ref (client), GUINT_TO_POINTER (rate_ms));
  update (self);

  return TRUE;
}
