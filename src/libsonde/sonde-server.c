/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-server-private.h"

/**
 * SondeServer:
 *
 * A TCP server whose socket options can be seen and changed while it runs.
 *
 * It is used from one thread; its signals are emitted in the main context
 * that was that thread's default when it was created. Its connections are
 * served by threads of its own.
 *
 * Every setting is a property as well. Setting a property to a value that is
 * out of range is a programming error; [method@Sonde.Server.update] reports it
 * instead.
 *
 * Since: 0.1
 */
G_DEFINE_FINAL_TYPE (SondeServer, sonde_server, G_TYPE_OBJECT)

G_DEFINE_ENUM_TYPE (SondeServerState,
                    sonde_server_state,
                    G_DEFINE_ENUM_VALUE (SONDE_SERVER_STATE_STOPPED, "stopped"),
                    G_DEFINE_ENUM_VALUE (SONDE_SERVER_STATE_LISTENING, "listening"),
                    G_DEFINE_ENUM_VALUE (SONDE_SERVER_STATE_DRAINING, "draining"),
                    G_DEFINE_ENUM_VALUE (SONDE_SERVER_STATE_FAILED, "failed"))

/*
 * sonde_server_adopt:
 * @self: a server
 *
 * Lets the settings govern what is accepted, read and written from now on.
 */
void
sonde_server_adopt (SondeServer *self)
{
  sonde_rules_set (&self->rules, self->settings);
  sonde_admission_set_limits (
    self->admission,
    (guint) sonde_settings_get_number (self->settings, SONDE_SETTING_MAX_CONNECTIONS),
    (guint) sonde_settings_get_number (self->settings, SONDE_SETTING_MAX_CONNECTIONS_PER_SOURCE));

  for (guint i = 0; i < self->shards->len; i++)
    sonde_shard_rules_changed (self->shards->pdata[i]);
  for (guint i = 0; i < self->retired->len; i++)
    sonde_shard_rules_changed (self->retired->pdata[i]);
}

/**
 * sonde_server_get_name:
 * @self: a server
 *
 * Gets the name.
 *
 * Returns: (transfer none): the name
 *
 * Since: 0.1
 */
const char *
sonde_server_get_name (SondeServer *self)
{
  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  return self->name;
}

/**
 * sonde_server_get_state:
 * @self: a server
 *
 * Gets what the server does.
 *
 * Returns: the state
 *
 * Since: 0.1
 */
SondeServerState
sonde_server_get_state (SondeServer *self)
{
  g_return_val_if_fail (SONDE_IS_SERVER (self), SONDE_SERVER_STATE_FAILED);

  return self->state;
}

/**
 * sonde_server_dup_settings:
 * @self: a server
 *
 * Gets a copy of what is asked for.
 *
 * Returns: (transfer full): the settings
 *
 * Since: 0.1
 */
SondeSettings *
sonde_server_dup_settings (SondeServer *self)
{
  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  return sonde_settings_copy (self->settings);
}

/**
 * sonde_server_get_bound_addresses:
 * @self: a server
 *
 * Gets where the server listens, with the ports that the kernel picked.
 *
 * Returns: (transfer full): an `a(sq)` of address and port
 *
 * Since: 0.1
 */
GVariant *
sonde_server_get_bound_addresses (SondeServer *self)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GVariantBuilder builder;

  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sq)"));
  for (guint i = 0; i < self->listeners->len; i++)
    {
      g_autoptr (GSocketAddress) address =
        g_socket_get_local_address (self->listeners->pdata[i], NULL);
      g_autofree char    *host = NULL;
      GInetSocketAddress *inet = (GInetSocketAddress *) address;

      if (address == NULL || !g_hash_table_add (seen, sonde_address_format (address)))
        continue;
      host = g_inet_address_to_string (g_inet_socket_address_get_address (inet));
      g_variant_builder_add (&builder, "(sq)", host, g_inet_socket_address_get_port (inet));
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static gboolean
is_pending (SondeServer *self,
            guint        setting)
{
  g_autoptr (GVariant) asked = sonde_settings_peek (self->settings, setting);
  g_autoptr (GVariant) got = sonde_settings_peek (self->listening, setting);

  return sonde_setting_needs_relisten (setting) &&
         (!g_variant_equal (asked, got) ||
          (setting == SONDE_SETTING_LISTEN_ADDRESSES && self->given != self->inherited));
}

/**
 * sonde_server_get_pending_relisten:
 * @self: a server
 *
 * Lists the settings that were changed since the server began to listen and
 * wait for [method@Sonde.Server.relisten].
 *
 * Returns: (transfer full) (array zero-terminated=1): their names
 *
 * Since: 0.1
 */
char **
sonde_server_get_pending_relisten (SondeServer *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  for (guint i = 0; self->listening != NULL && i < SONDE_N_SETTINGS; i++)
    if (is_pending (self, i))
      g_strv_builder_add (builder, sonde_setting_get_key (i)->name);

  return g_strv_builder_end (builder);
}

static void
sonde_server_constructed (GObject *object)
{
  SondeServer *self = SONDE_SERVER (object);

  G_OBJECT_CLASS (sonde_server_parent_class)->constructed (object);

  if (self->name == NULL)
    self->name = g_strdup (SONDE_SERVER_DEFAULT_NAME);
  sonde_server_adopt (self);
}

static void
sonde_server_dispose (GObject *object)
{
  SondeServer *self = SONDE_SERVER (object);

  /* The threads use what we are about to free. */
  if (self->shards->len + self->retired->len > 0)
    sonde_server_drain (self, 0);
  for (guint i = 0; i < self->retired->len; i++)
    sonde_shard_join (self->retired->pdata[i]);
  g_ptr_array_set_size (self->retired, 0);

  G_OBJECT_CLASS (sonde_server_parent_class)->dispose (object);
}

static void
sonde_server_finalize (GObject *object)
{
  SondeServer *self = SONDE_SERVER (object);

  for (guint i = 0; i < SONDE_WORKERS_MAX; i++)
    g_free (self->counters[i]);
  g_ptr_array_unref (self->listeners);
  g_ptr_array_unref (self->shards);
  g_ptr_array_unref (self->retired);
  g_ptr_array_unref (self->starts);
  g_ptr_array_unref (self->drains);
  sonde_events_unref (self->events);
  sonde_admission_free (self->admission);
  sonde_crowd_free (self->crowd);
  g_clear_pointer (&self->settings, sonde_settings_unref);
  g_clear_pointer (&self->listening, sonde_settings_unref);
  g_clear_pointer (&self->given, sonde_given_unref);
  g_clear_pointer (&self->inherited, sonde_given_unref);
  g_main_context_unref (self->context);
  g_free (self->name);

  G_OBJECT_CLASS (sonde_server_parent_class)->finalize (object);
}

static void
sonde_server_class_init (SondeServerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = sonde_server_constructed;
  object_class->dispose = sonde_server_dispose;
  object_class->finalize = sonde_server_finalize;
  sonde_server_install_properties (object_class);
  sonde_server_install_signals (G_TYPE_FROM_CLASS (klass));
}

static void
sonde_server_init (SondeServer *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->events = sonde_events_new (G_OBJECT (self), self->context, sonde_server_emit_event);
  self->admission = sonde_admission_new ();
  self->crowd = sonde_crowd_new ();
  self->drains = g_ptr_array_new_with_free_func (g_object_unref);
  self->listeners = g_ptr_array_new_with_free_func (g_object_unref);
  self->shards = g_ptr_array_new_with_free_func (g_object_unref);
  self->retired = g_ptr_array_new_with_free_func (g_object_unref);
  self->starts = g_ptr_array_new ();
  self->settings = sonde_settings_new ();
}

/**
 * sonde_server_new:
 * @name: a name, which is shown in logs
 * @settings: (nullable): what is asked for, or %NULL for the defaults
 * @error: where to put an error: %SONDE_ERROR_INVALID_SETTING or
 *   %SONDE_ERROR_PERMISSION_DENIED if the kernel does not take a setting
 *
 * Creates a server that does not listen yet. Later changes of @settings do
 * not concern it.
 *
 * Returns: (transfer full): the server
 *
 * Since: 0.1
 */
SondeServer *
sonde_server_new (const char    *name,
                  SondeSettings *settings,
                  GError       **error)
{
  g_autoptr (SondeServer) self = NULL;

  g_return_val_if_fail (name != NULL, NULL);

  if (settings != NULL &&
      (!sonde_settings_check (settings, error) || !sonde_server_check_options (settings, error)))
    return NULL;

  self = g_object_new (SONDE_TYPE_SERVER, "name", name, NULL);
  if (settings != NULL)
    {
      sonde_settings_unref (self->settings);
      self->settings = sonde_settings_copy (settings);
      sonde_server_adopt (self);
    }

  return g_steal_pointer (&self);
}
