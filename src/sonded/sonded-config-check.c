/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What no file can tell: whether a configuration can be carried out here, with this
 * kernel and with the sockets that were passed. */

#include "config.h"

#include "sonded-config-check.h"

static gboolean
blame_sockets (SondedConfig *self,
               const char   *server,
               GError      **error)
{
  const char *name = g_hash_table_lookup (self->sockets, server);

  if (name != NULL)
    g_prefix_error (error, "Listen=fd:%s of server %s: ", name, server);

  return FALSE;
}

/*
 * sonded_config_find_sockets:
 * @self: a configuration
 * @sockets: what the service manager has passed
 * @server: the name of one of its servers
 * @fds: (out) (nullable) (element-type int): its sockets, or %NULL if it listens on
 *   addresses
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Finds the sockets that a server is to listen on.
 */
gboolean
sonded_config_find_sockets (SondedConfig  *self,
                            SondedSockets *sockets,
                            const char    *server,
                            GArray       **fds,
                            GError       **error)
{
  const char *name = g_hash_table_lookup (self->sockets, server);

  *fds = NULL;
  if (name == NULL)
    return TRUE;

  *fds = sonded_sockets_find (sockets, name, error);

  return *fds != NULL || blame_sockets (self, server, error);
}

static gboolean
has_place (SondedConfig  *self,
           const char    *server,
           SondeSettings *settings,
           GError       **error)
{
  g_autoptr (GVariant) addresses = sonde_settings_get_value (settings, "ListenAddresses");

  if (g_variant_n_children (addresses) > 0 || g_hash_table_contains (self->sockets, server))
    return TRUE;

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "[Server %s] has nothing to listen on; needed: ListenAddresses=HOST:PORT or "
               "Listen=fd:NAME",
               server);

  return FALSE;
}

/*
 * sonded_config_check:
 * @self: a configuration
 * @sockets: what the service manager has passed
 * @error: where to put an error
 *
 * Checks whether the kernel takes what is asked for, before anything is changed.
 */
gboolean
sonded_config_check (SondedConfig  *self,
                     SondedSockets *sockets,
                     GError       **error)
{
  GHashTableIter iter;
  gpointer       name, settings;

  g_hash_table_iter_init (&iter, self->servers);
  while (g_hash_table_iter_next (&iter, &name, &settings))
    {
      g_autoptr (SondeServer) draft = sonde_server_new (name, settings, error);
      g_autoptr (GArray) fds = NULL;

      if (draft == NULL || !has_place (self, name, settings, error) ||
          !sonded_config_find_sockets (self, sockets, name, &fds, error))
        return FALSE;
      if (!sonded_sockets_give (fds, draft, error))
        return blame_sockets (self, name, error);
    }

  return TRUE;
}
