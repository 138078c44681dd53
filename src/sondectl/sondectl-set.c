/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-assign.h"
#include "sondectl-bus.h"
#include "sondectl-json.h"
#include "sondectl-servers.h"

static gboolean
update_settings (SondectlContext *context,
                 const char      *path,
                 GVariant        *settings,
                 const char      *apply,
                 GError         **error)
{
  GVariantDict options = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) reply = NULL;

  if (apply != NULL)
    g_variant_dict_insert (&options, "apply", "s", apply);
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
static char **
get_pending (SondectlContext *context,
             const char      *path,
             GError         **error)
{
  static const char *const interfaces[] = { "Server", NULL };
  g_autoptr (GVariant) properties = sondectl_bus_get_properties (context, path, interfaces, error);
  char **pending = NULL;

  if (properties == NULL)
    return NULL;

  return g_variant_lookup (properties, "PendingRelisten", "^as", &pending) ? pending
                                                                           : g_new0 (char *, 1);
}

static void
tell_pending (const char        *name,
              const char *const *pending,
              GVariant          *settings)
{
  for (gsize i = 0; pending[i] != NULL; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (settings, pending[i], NULL);

      if (value != NULL)
        g_printerr (_ ("%s takes effect with 'sondectl relisten %s'\n"), pending[i], name);
    }
}

static void
print_json (SondectlContext   *context,
            const char        *name,
            const char *const *pending,
            GVariant          *settings)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&dict, "Name", "s", name);
  g_variant_dict_insert_value (&dict, "Settings", settings);
  g_variant_dict_insert (&dict, "PendingRelisten", "^as", pending);
  sondectl_json_print (context, g_variant_dict_end (&dict));
}

static gboolean
change_settings (SondectlContext *context,
                 const char      *name,
                 char           **assignments,
                 const char      *apply,
                 GError         **error)
{
  g_autoptr (GVariant) settings = sondectl_assign_parse (assignments, NULL, error);
  g_autofree char *path = NULL;
  g_auto (GStrv) pending = NULL;

  if (settings == NULL)
    return FALSE;

  path = sondectl_servers_find (context, name, error);
  if (path == NULL || !update_settings (context, path, settings, apply, error))
    return FALSE;

  pending = get_pending (context, path, error);
  if (pending == NULL)
    return FALSE;

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, name, (const char *const *) pending, settings);
  else
    tell_pending (name, (const char *const *) pending, settings);

  return TRUE;
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
  g_autofree char *apply = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "apply", 0, 0, G_OPTION_ARG_STRING, &apply,
      N_ ("Which connections get it (all)"), "new|existing|all" },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 2, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!change_settings (context, argv[1], argv + 2, apply, &error))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
