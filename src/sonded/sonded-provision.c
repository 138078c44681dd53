/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* From the configuration to servers, at the start and again when it changed.
 * Servers that somebody else asked for are none of its business. */

#include "config.h"

#include "sonded-provision.h"

#include "sonded-config-check.h"
#include "sonded-config-search.h"
#include "sonded-config.h"
#include "sonded-notify.h"

/* One reading of the configuration, until all that it asks for is done. */
typedef struct
{
  GPtrArray *tasks;       /* (owned) (element-type GTask): who wants to know how it went */
  GError    *first_error; /* (owned) (nullable) */
  guint      n_left;      /* things to be done */
} Round;

struct _SondedProvision
{
  GObject parent_instance;

  SondedDaemon  *daemon;         /* (owned) */
  char          *config_path;    /* (owned) (nullable): search the folders */
  char         **config_folders; /* (owned) */
  SondedSockets *sockets;        /* (owned) */
  GHashTable    *configured;     /* (owned) (element-type utf8): names of servers that it made */
  Round         *round;          /* (owned) (nullable): what is being done */
  GPtrArray     *waiting;        /* (owned) (element-type GTask): who asked for another meanwhile */
  gboolean       is_loaded;      /* all that follows is reloading */
};

G_DEFINE_FINAL_TYPE (SondedProvision, sonded_provision, G_TYPE_OBJECT)

static SondedConfig *
load_config (SondedProvision *self,
             GError         **error)
{
  const char *const only[] = { self->config_path, NULL };
  g_auto (GStrv) found = NULL;

  if (self->config_path != NULL)
    return sonded_config_load (only, error);

  found = sonded_config_search_list ((const char *const *) self->config_folders, error);

  return found != NULL ? sonded_config_load ((const char *const *) found, error) : NULL;
}

static gboolean
is_pending (SondeServer *server)
{
  g_auto (GStrv) pending = sonde_server_get_pending_relisten (server);

  return pending[0] != NULL;
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

static void
round_free (Round *round)
{
  g_clear_pointer (&round->tasks, g_ptr_array_unref);
  g_clear_error (&round->first_error);
  g_free (round);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Round, round_free)

static void
answer_tasks (GPtrArray    *tasks,
              const GError *error)
{
  for (guint i = 0; i < tasks->len; i++)
    if (error != NULL)
      g_task_return_error (tasks->pdata[i], g_error_copy (error));
    else
      g_task_return_boolean (tasks->pdata[i], TRUE);
}

static void load_if_asked (SondedProvision *self);

/* Counts one thing as done, well or not. What fails is one server's trouble, and
 * no reason to keep the others from what is asked for them. */
static void
take_done (SondedProvision *self,
           GError          *error)
{
  Round *round = self->round;
  g_autoptr (Round) over = NULL;

  if (round->first_error == NULL)
    round->first_error = error;
  else
    g_clear_error (&error);
  if (--round->n_left > 0)
    return;

  over = g_steal_pointer (&self->round);
  if (over->first_error == NULL)
    {
      g_message ("Configuration is loaded");
      sonded_sockets_close_unused (self->sockets);
    }
  if (self->is_loaded)
    sonded_notify_reloaded (self->daemon, over->first_error);
  self->is_loaded = self->is_loaded || over->first_error == NULL;
  answer_tasks (over->tasks, over->first_error);
  load_if_asked (self);
}

static void
blame_server (const char *name,
              GError    **error)
{
  g_prefix_error (error, "[Server %s]: ", name);
}

/* A server that is being made: there is none yet to ask for its name. */
typedef struct
{
  SondedProvision *self; /* (owned) */
  char            *name; /* (owned) */
} Addition;

static void
addition_free (Addition *addition)
{
  g_object_unref (addition->self);
  g_free (addition->name);
  g_free (addition);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Addition, addition_free)

static void
added_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (Addition) addition = user_data;
  SondedProvision *self = addition->self;
  g_autoptr (SondeServer) server = NULL;
  GError *error = NULL;

  server = sonded_daemon_add_server_finish (self->daemon, result, &error);
  if (server == NULL)
    blame_server (addition->name, &error);
  /* Somebody may have removed it already. */
  if (server != NULL &&
      sonded_daemon_get_server (self->daemon, sonde_server_get_name (server), NULL) == server)
    g_hash_table_add (self->configured, g_strdup (sonde_server_get_name (server)));
  take_done (self, error);
}

static void
relistened_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (SondedProvision) self = user_data;
  GError *error = NULL;

  if (!sonde_server_relisten_finish (SONDE_SERVER (source), result, &error))
    blame_server (sonde_server_get_name (SONDE_SERVER (source)), &error);
  take_done (self, error);
}

static void
change_server (SondedProvision *self,
               SondeServer     *server,
               SondeSettings   *settings,
               GArray          *fds)
{
  GError *error = NULL;

  if (!sonded_sockets_give (fds, server, &error) ||
      !sonde_server_replace_settings (server, settings, &error))
    blame_server (sonde_server_get_name (server), &error);
  if (error != NULL || !is_pending (server))
    take_done (self, error);
  else
    sonde_server_relisten_async (server, NULL, relistened_cb, g_object_ref (self));
}

static void
add_server (SondedProvision *self,
            const char      *name,
            SondeSettings   *settings,
            GArray          *fds)
{
  Addition *addition = g_new0 (Addition, 1);

  addition->self = g_object_ref (self);
  addition->name = g_strdup (name);
  sonded_daemon_add_server_async (self->daemon, name, settings, fds, added_cb, addition);
}

static void
make_server (SondedProvision *self,
             SondedConfig    *config,
             const char      *name)
{
  SondeSettings *settings = g_hash_table_lookup (config->servers, name);
  g_autoptr (GArray) fds = NULL;
  GError *error = NULL;

  if (!sonded_config_find_sockets (config, self->sockets, name, &fds, &error))
    take_done (self, error);
  else if (g_hash_table_contains (self->configured, name))
    change_server (self, sonded_daemon_get_server (self->daemon, name, NULL), settings, fds);
  else
    add_server (self, name, settings, fds);
}

static void
apply_config (SondedProvision *self,
              SondedConfig    *config)
{
  GHashTableIter iter;
  gpointer       name;

  sonde_set_max_connections (config->max_connections);
  drop_old_servers (self, config);
  g_hash_table_iter_init (&iter, config->servers);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    {
      self->round->n_left++;
      make_server (self, config, name);
    }
}

static void
begin_round (SondedProvision *self,
             GPtrArray       *tasks)
{
  g_autoptr (SondedConfig) config = NULL;
  GError *error = NULL;

  if (self->is_loaded)
    sonded_notify_reloading ();
  self->round = g_new0 (Round, 1);
  self->round->tasks = tasks;
  self->round->n_left = 1;
  config = load_config (self, &error);
  if (config != NULL && sonded_config_check (config, self->sockets, &error))
    apply_config (self, config);
  take_done (self, error);
}

static void
load_if_asked (SondedProvision *self)
{
  GPtrArray *tasks = self->waiting;

  if (self->round != NULL || tasks->len == 0)
    return;

  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  begin_round (self, tasks);
}

/*
 * sonded_provision_load_async:
 * @self: a provision
 * @callback: what is called when it is done
 * @user_data: what it is called with
 *
 * Reads the configuration: makes what is new in it, changes what differs,
 * removes what is gone. Servers that somebody else asked for stay.
 *
 * What is asked while names are still looked up for the last time waits; then
 * it is done once, whoever has asked how often.
 */
void
sonded_provision_load_async (SondedProvision    *self,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, sonded_provision_load_async);
  g_ptr_array_add (self->waiting, task);
  load_if_asked (self);
}

/*
 * sonded_provision_load_finish:
 * @self: a provision
 * @result: what the callback got
 * @error: where to put an error
 *
 * Ends sonded_provision_load_async().
 *
 * Returns: %TRUE if everything is as the configuration has it; else either
 *   nothing was changed, because it is not valid, or some servers could not
 *   listen
 */
gboolean
sonded_provision_load_finish (SondedProvision *self,
                              GAsyncResult    *result,
                              GError         **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
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
  g_ptr_array_unref (self->waiting);
  g_clear_object (&self->daemon);
  g_free (self->config_path);
  g_strfreev (self->config_folders);
  g_clear_pointer (&self->sockets, sonded_sockets_free);

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
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
}

/*
 * sonded_provision_new:
 * @daemon: the daemon whose servers it makes
 * @config_path: (nullable): the configuration file, or %NULL to search
 * @config_folders: (array zero-terminated=1): where to search
 * @sockets: (transfer full): what the service manager has passed
 *
 * Makes a provision that has not read anything yet.
 */
SondedProvision *
sonded_provision_new (SondedDaemon  *daemon,
                      const char    *config_path,
                      char         **config_folders,
                      SondedSockets *sockets)
{
  SondedProvision *self = g_object_new (SONDED_TYPE_PROVISION, NULL);

  self->daemon = g_object_ref (daemon);
  self->config_path = g_strdup (config_path);
  self->config_folders = g_strdupv (config_folders);
  self->sockets = sockets;
  g_signal_connect_object (daemon,
                           "server-removed",
                           G_CALLBACK (server_removed_cb),
                           self,
                           G_CONNECT_DEFAULT);

  return self;
}
