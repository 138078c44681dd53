/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-servers.h"
#include "sondectl-table.h"

static const SondectlColumn columns[] = {
  { N_ ("FIELD"), FALSE },
  { N_ ("VALUE"), FALSE },
};

/* Who it is, what it was asked for, and what the kernel knows: one after the other. */
static guint
get_group (const char *name)
{
  static const char *const identity[] = {
    "Id", "PeerAddress", "PeerPort", "AgeUSec", "BytesReceived", "BytesSent", "Stalled", NULL
  };

  if (g_strv_contains (identity, name))
    return 0;

  return g_str_has_prefix (name, "Tcp") ? 2 : 1;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  const char *name_a = *(const char **) a;
  const char *name_b = *(const char **) b;
  const int   difference = (int) get_group (name_a) - (int) get_group (name_b);

  return difference != 0 ? difference : g_strcmp0 (name_a, name_b);
}

static char *
format_field (const char *name,
              GVariant   *value)
{
  if (g_str_has_suffix (name, "USec") && g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
    return sondectl_format_duration (g_variant_get_uint64 (value));

  return sondectl_format_setting (name, value);
}

static void
print_table (SondectlContext *context,
             GVariant        *connection)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  GVariantIter iter;
  char        *name;

  g_variant_iter_init (&iter, connection);
  while (g_variant_iter_next (&iter, "{sv}", &name, NULL))
    g_ptr_array_add (names, name);
  g_ptr_array_sort (names, compare_names);

  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (connection, names->pdata[i], NULL);

      sondectl_table_add_cell (table, names->pdata[i]);
      sondectl_table_take_cell (table, format_field (names->pdata[i], value));
    }
  sondectl_table_print (table, context->legend);
}

static gboolean
show_connection (SondectlContext *context,
                 const char      *name,
                 guint64          id,
                 GError         **error)
{
  g_autofree char *path = sondectl_servers_find (context, name, error);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) connection = NULL;

  if (path == NULL)
    return FALSE;

  /* It tells about a peer, which may need authorisation. */
  reply = sondectl_bus_change (context,
                               path,
                               "Server.GetConnection",
                               g_variant_new ("(t)", id),
                               "(a{sv})",
                               error);
  if (reply == NULL)
    return FALSE;

  connection = g_variant_get_child_value (reply, 0);
  if (context->json != SONDECTL_JSON_OFF)
    sondectl_json_print (context, connection);
  else
    print_table (context, connection);

  return TRUE;
}

/*
 * sondectl_tcpinfo:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Shows all that is known about a connection: its options, and TCP_INFO of the kernel.
 */
SondectlExit
sondectl_tcpinfo (SondectlContext *context,
                  int              argc,
                  char           **argv)
{
  guint64 id = 0;
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 2, 2, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!sondectl_parse_id (argv[2], &id, &error))
    return sondectl_exit_with_error (context->verb->name, error);
  if (!show_connection (context, argv[1], id, &error))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
