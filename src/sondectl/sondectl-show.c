/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-servers.h"
#include "sondectl-terminal.h"

#include <libsonde/sonde.h>

static const char *const interfaces[] = { "Server", "SocketOptions", "Statistics", NULL };

/* What is shown of it. */
typedef struct
{
  char   **names; /* (owned) (nullable): all */
  gboolean value_only;
} Selection;

static int
compare_strings (gconstpointer a,
                 gconstpointer b)
{
  return g_strcmp0 (*(const char **) a, *(const char **) b);
}

static GPtrArray *
list_names (GVariant *properties)
{
  GPtrArray   *names = g_ptr_array_new_with_free_func (g_free);
  GVariantIter iter;
  char        *name;

  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_next (&iter, "{sv}", &name, NULL))
    g_ptr_array_add (names, name);
  g_ptr_array_sort (names, compare_strings);
  g_ptr_array_add (names, NULL);

  return names;
}

static void
print_property (GVariant        *properties,
                const char      *name,
                const Selection *selection)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (properties, name, NULL);
  g_autofree char *text = NULL;
  g_autofree char *printable = NULL;

  if (value == NULL)
    return;

  text = g_str_equal (name, "BoundAddresses") ? sondectl_format_addresses (value)
                                              : sondectl_format_setting (name, value);
  printable = sondectl_format_printable (text);
  if (selection->value_only)
    g_print ("%s\n", printable);
  else
    g_print ("%s=%s\n", name, printable);
}

static GVariant *
select_properties (GVariant          *properties,
                   const char *const *names)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (properties, names[i], NULL);

      if (value != NULL)
        g_variant_dict_insert_value (&dict, names[i], value);
    }

  return g_variant_dict_end (&dict);
}

static gboolean
check_names (const char *const *known,
             const char *const *names,
             GError           **error)
{
  for (gsize i = 0; names[i] != NULL; i++)
    {
      const char *nearest = NULL;

      if (g_strv_contains (known, names[i]))
        continue;
      nearest = sonde_error_find_nearest (names[i], known);
      if (nearest != NULL)
        g_set_error (error,
                     SONDE_ERROR,
                     SONDE_ERROR_INVALID_SETTING,
                     _ ("there is no property '%s'; did you mean '%s'?"),
                     names[i],
                     nearest);
      else
        g_set_error (error,
                     SONDE_ERROR,
                     SONDE_ERROR_INVALID_SETTING,
                     _ ("there is no property '%s'; without --property= all are shown"),
                     names[i]);
      return FALSE;
    }

  return TRUE;
}

static gboolean
show_server (SondectlContext *context,
             const char      *name,
             const Selection *selection,
             GError         **error)
{
  g_autofree char *path = sondectl_servers_find (context, name, error);
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GPtrArray) known = NULL;
  const char *const *names = NULL;

  if (path == NULL)
    return FALSE;

  properties = sondectl_bus_get_properties (context, path, interfaces, error);
  if (properties == NULL)
    return FALSE;

  known = list_names (properties);
  names = (const char *const *) known->pdata;
  if (selection->names != NULL)
    names = (const char *const *) selection->names;
  if (!check_names ((const char *const *) known->pdata, names, error))
    return FALSE;

  if (context->json != SONDECTL_JSON_OFF)
    {
      sondectl_json_print (context, select_properties (properties, names));
      return TRUE;
    }

  sondectl_terminal_open_pager ();
  for (gsize i = 0; names[i] != NULL; i++)
    print_property (properties, names[i], selection);

  return TRUE;
}

/*
 * sondectl_show:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Shows all properties of a server, or some, in a form that programs can read.
 */
SondectlExit
sondectl_show (SondectlContext *context,
               int              argc,
               char           **argv)
{
  Selection        selection = { NULL, FALSE };
  g_autofree char *list = NULL;
  g_auto (GStrv) names = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "property", 'p', 0, G_OPTION_ARG_STRING, &list,
      N_ ("Show these only, separated by commas"), N_ ("NAME,...") },
    { "value", 0, 0, G_OPTION_ARG_NONE, &selection.value_only,
      N_ ("Show values without their names"), NULL },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 1, 1, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  if (list != NULL)
    selection.names = names = g_strsplit (list, ",", -1);
  if (!show_server (context, argv[1], &selection, &error))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
