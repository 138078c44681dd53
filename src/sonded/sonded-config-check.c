/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What can be said against a configuration that is well written: whether it can be
 * carried out here, with this kernel and with the sockets that were passed. No line
 * is to blame alone, so the server is named. */

#include "config.h"

#include "sonded-config-check.h"

/*
 * sonded_config_check_settings:
 * @self: a configuration
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING or
 *   %SONDE_ERROR_PERMISSION_DENIED
 *
 * Checks whether the kernel takes what every server asks for.
 */
gboolean
sonded_config_check_settings (SondedConfig *self,
                              GError      **error)
{
  GHashTableIter iter;
  gpointer       name, settings;

  g_hash_table_iter_init (&iter, self->servers);
  while (g_hash_table_iter_next (&iter, &name, &settings))
    {
      g_autoptr (SondeServer) draft = sonde_server_new (name, settings, error);

      if (draft == NULL)
        {
          g_prefix_error (error, "[Server %s]: ", (const char *) name);
          return FALSE;
        }
    }

  return TRUE;
}

/*
 * sonded_config_check_places:
 * @self: a configuration
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Checks whether every server has something to listen on. A file that is read
 * after others need not say it again.
 */
gboolean
sonded_config_check_places (SondedConfig *self,
                            GError      **error)
{
  GHashTableIter iter;
  gpointer       name, settings;

  g_hash_table_iter_init (&iter, self->servers);
  while (g_hash_table_iter_next (&iter, &name, &settings))
    {
      g_autoptr (GVariant) addresses = sonde_settings_get_value (settings, "ListenAddresses");

      if (g_variant_n_children (addresses) > 0 || g_hash_table_contains (self->sockets, name))
        continue;
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   "[Server %s] has nothing to listen on; needed: ListenAddresses=HOST:PORT or "
                   "Listen=fd:NAME",
                   (const char *) name);
      return FALSE;
    }

  return TRUE;
}

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
check_sockets (SondedConfig  *self,
               SondedSockets *sockets,
               GError       **error)
{
  GHashTableIter iter;
  gpointer       name, settings;

  g_hash_table_iter_init (&iter, self->servers);
  while (g_hash_table_iter_next (&iter, &name, &settings))
    {
      g_autoptr (SondeServer) draft = NULL;
      g_autoptr (GArray) fds = NULL;

      if (!sonded_config_find_sockets (self, sockets, name, &fds, error))
        return FALSE;
      if (fds == NULL)
        continue;

      draft = sonde_server_new (name, settings, error);
      if (draft == NULL || !sonded_sockets_give (fds, draft, error))
        return blame_sockets (self, name, error);
    }

  return TRUE;
}

/*
 * sonded_config_check:
 * @self: a configuration
 * @sockets: what the service manager has passed
 * @error: where to put an error
 *
 * Checks all that can be known before anything is changed.
 */
gboolean
sonded_config_check (SondedConfig  *self,
                     SondedSockets *sockets,
                     GError       **error)
{
  return sonded_config_check_settings (self, error) &&
         sonded_config_check_places (self, error) && check_sockets (self, sockets, error);
}
