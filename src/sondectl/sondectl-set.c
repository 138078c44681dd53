/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>
#include <string.h>

#include "sondectl-bus.h"
#include "sondectl-servers.h"

#include <libsonde/sonde.h>

static gboolean
add_setting (GVariantDict *dict,
             const char   *assignment,
             GError      **error)
{
  const char      *equals = strchr (assignment, '=');
  const char      *canonical_key = NULL;
  g_autofree char *key = NULL;
  g_autoptr (GVariant) value = NULL;

  if (equals == NULL || equals == assignment)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   _ ("'%s' is not of the form KEY=VALUE"),
                   assignment);
      return FALSE;
    }

  key = g_strndup (assignment, (gsize) (equals - assignment));
  value = sonde_settings_parse (key, equals + 1, &canonical_key, error);
  if (value == NULL)
    return FALSE;

  if (g_variant_dict_contains (dict, canonical_key))
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   _ ("%s is given twice"),
                   canonical_key);
      return FALSE;
    }

  g_variant_dict_insert_value (dict, canonical_key, value);

  return TRUE;
}

static GVariant *
parse_settings (char   **assignments,
                GError **error)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  for (gsize i = 0; assignments[i] != NULL; i++)
    {
      if (!add_setting (&dict, assignments[i], error))
        return NULL;
    }

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static gboolean
update_settings (SondectlContext *context,
                 const char      *path,
                 GVariant        *settings,
                 GError         **error)
{
  GVariantDict options = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) reply = NULL;

  g_variant_dict_insert (&options, "apply", "s", "all");
  reply = sondectl_bus_change (
    context,
    path,
    "Server.UpdateSettings",
    g_variant_new ("(@a{sv}@a{sv})", settings, g_variant_dict_end (&options)),
    "()",
    error);

  return reply != NULL;
}

/* Asked for only now, so that it tells what the change has left behind. */
static gboolean
tell_pending (SondectlContext *context,
              const char      *path,
              GVariant        *settings,
              GError         **error)
{
  static const char *const interfaces[] = { "Server", NULL };
  g_autoptr (GVariant) properties = sondectl_bus_get_properties (context, path, interfaces, error);
  g_auto (GStrv) pending = NULL;

  if (properties == NULL)
    return FALSE;

  g_variant_lookup (properties, "PendingRelisten", "^as", &pending);
  for (gsize i = 0; pending != NULL && pending[i] != NULL; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (settings, pending[i], NULL);

      if (value != NULL)
        g_printerr (_ ("%s takes effect when the server listens anew (method Relisten)\n"),
                    pending[i]);
    }

  return TRUE;
}

static gboolean
change_settings (SondectlContext *context,
                 const char      *name,
                 char           **assignments,
                 GError         **error)
{
  g_autoptr (GVariant) settings = parse_settings (assignments, error);
  g_autofree char *path = NULL;

  if (settings == NULL)
    return FALSE;

  path = sondectl_servers_find (context, name, error);
  if (path == NULL)
    return FALSE;

  return update_settings (context, path, settings, error) &&
         tell_pending (context, path, settings, error);
}

/*
 * sondectl_set:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Changes settings of a server, all or none of them.
 */
SondectlExit
sondectl_set (SondectlContext *context,
              int              argc,
              char           **argv)
{
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 2, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!change_settings (context, argv[1], argv + 2, &error))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
