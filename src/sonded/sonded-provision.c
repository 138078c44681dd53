/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* From the configuration to servers, at the start and again when it changed.
 * Servers that somebody else asked for are none of its business. */

#include "config.h"

#include "sonded-provision.h"

#include "sonded-config.h"

#define BUILT_IN_CONFIG "/org/sonde/sonded/sonded.conf"

struct _SondedProvision
{
  GObject parent_instance;

  SondedDaemon *daemon;      /* (owned) */
  char         *config_path; /* (owned) (nullable): the built-in one */
  GHashTable   *configured;  /* (owned) (element-type utf8): names of servers that it made */
};

G_DEFINE_FINAL_TYPE (SondedProvision, sonded_provision, G_TYPE_OBJECT)

static SondedConfig *
load_config (SondedProvision *self,
             GError         **error)
{
  g_autoptr (GBytes) built_in = NULL;

  if (self->config_path != NULL)
    return sonded_config_load (self->config_path, error);

  built_in = g_resources_lookup_data (BUILT_IN_CONFIG, G_RESOURCE_LOOKUP_FLAGS_NONE, error);
  if (built_in == NULL)
    return NULL;

  /* glib-compile-resources ends each file with a NUL. */
  return sonded_config_parse ("(built-in configuration)", g_bytes_get_data (built_in, NULL), error);
}

static gboolean
add_configured_server (SondedProvision *self,
                       const char      *name,
                       SondeSettings   *settings,
                       GError         **error)
{
  g_autoptr (SondeServer) server = sonded_daemon_add_server (self->daemon, name, settings, error);

  if (server == NULL)
    return FALSE;
  g_hash_table_add (self->configured, g_strdup (name));

  return TRUE;
}

static gboolean
make_servers (SondedProvision *self,
              SondedConfig    *config,
              GError         **error)
{
  GHashTableIter iter;
  gpointer       name, settings;

  g_hash_table_iter_init (&iter, config->servers);
  while (g_hash_table_iter_next (&iter, &name, &settings))
    if (!add_configured_server (self, name, settings, error))
      return FALSE;

  return TRUE;
}

/* Whether the kernel takes what is asked for, before anything is changed. */
static gboolean
check_config (SondedConfig *config,
              GError      **error)
{
  GHashTableIter iter;
  gpointer       name, settings;

  g_hash_table_iter_init (&iter, config->servers);
  while (g_hash_table_iter_next (&iter, &name, &settings))
    {
      g_autoptr (SondeServer) draft = sonde_server_new (name, settings, error);

      if (draft == NULL)
        return FALSE;
    }

  return TRUE;
}

static gboolean
is_pending (SondeServer *server)
{
  g_auto (GStrv) pending = sonde_server_get_pending_relisten (server);

  return pending[0] != NULL;
}

static gboolean
change_server (SondeServer   *server,
               SondeSettings *settings,
               GError       **error)
{
  return sonde_server_replace_settings (server, settings, error) &&
         (!is_pending (server) || sonde_server_relisten (server, error));
}

static void
drop_old_servers (SondedProvision *self,
                  SondedConfig    *config)
{
  g_autoptr (GList) names = g_hash_table_get_keys (self->configured);

  for (GList *l = names; l != NULL; l = l->next)
    if (!g_hash_table_contains (config->servers, l->data))
      sonded_daemon_remove_server (self->daemon, l->data, NULL);
}

/* What is left to fail now is listening. That is one server's trouble, and no
 * reason to keep the others from what is asked for them. */
static gboolean
apply_config (SondedProvision *self,
              SondedConfig    *config,
              GError         **error)
{
  g_autoptr (GError) first_error = NULL;
  GHashTableIter iter;
  gpointer       name, settings;

  drop_old_servers (self, config);
  g_hash_table_iter_init (&iter, config->servers);
  while (g_hash_table_iter_next (&iter, &name, &settings))
    {
      GError **where = first_error == NULL ? &first_error : NULL;

      if (g_hash_table_contains (self->configured, name))
        change_server (sonded_daemon_get_server (self->daemon, name, NULL), settings, where);
      else
        add_configured_server (self, name, settings, where);
    }
  if (first_error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&first_error));

  return FALSE;
}

/*
 * sonded_provision_load:
 * @self: a provision
 * @error: where to put an error
 *
 * Reads the configuration and makes its servers. Where one of them cannot
 * listen, the daemon is of no use.
 */
gboolean
sonded_provision_load (SondedProvision *self,
                       GError         **error)
{
  g_autoptr (SondedConfig) config = load_config (self, error);

  if (config == NULL || !make_servers (self, config, error))
    return FALSE;
  sonde_set_max_connections (config->max_connections);

  return TRUE;
}

/*
 * sonded_provision_reload:
 * @self: a provision
 * @error: where to put an error
 *
 * Reads the configuration again: makes what is new in it, changes what
 * differs, removes what is gone. Servers that somebody else asked for stay.
 */
gboolean
sonded_provision_reload (SondedProvision *self,
                         GError         **error)
{
  g_autoptr (SondedConfig) config = load_config (self, error);

  if (config == NULL || !check_config (config, error))
    return FALSE;
  sonde_set_max_connections (config->max_connections);
  if (!apply_config (self, config, error))
    return FALSE;
  g_message ("Configuration is reloaded");

  return TRUE;
}

static void
server_removed_cb (SondedDaemon    *daemon,
                   SondeServer     *server,
                   SondedProvision *self)
{
  g_hash_table_remove (self->configured, sonde_server_get_name (server));
}

static void
sonded_provision_finalize (GObject *object)
{
  SondedProvision *self = SONDED_PROVISION (object);

  g_hash_table_unref (self->configured);
  g_clear_object (&self->daemon);
  g_free (self->config_path);

  G_OBJECT_CLASS (sonded_provision_parent_class)->finalize (object);
}

static void
sonded_provision_class_init (SondedProvisionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = sonded_provision_finalize;
}

static void
sonded_provision_init (SondedProvision *self)
{
  self->configured = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

/*
 * sonded_provision_new:
 * @daemon: the daemon whose servers it makes
 * @config_path: (nullable): the configuration file, or %NULL for the built-in
 *   configuration
 *
 * Makes a provision that has not read anything yet.
 */
SondedProvision *
sonded_provision_new (SondedDaemon *daemon,
                      const char   *config_path)
{
  SondedProvision *self = g_object_new (SONDED_TYPE_PROVISION, NULL);

  self->daemon = g_object_ref (daemon);
  self->config_path = g_strdup (config_path);
  g_signal_connect_object (daemon,
                           "server-removed",
                           G_CALLBACK (server_removed_cb),
                           self,
                           G_CONNECT_DEFAULT);

  return self;
}
