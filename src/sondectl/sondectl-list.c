/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-servers.h"
#include "sondectl-table.h"

static const SondectlColumn columns[] = {
  { N_ ("SERVER"), FALSE },
  { N_ ("STATE"), FALSE },
  { N_ ("ADDRESSES"), FALSE },
};

static const char *const keys[] = { "Name", "State", "BoundAddresses", NULL };

static void
print_json (SondectlContext *context,
            GPtrArray       *servers)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();

  json_node_take_array (root, array);
  for (guint i = 0; i < servers->len; i++)
    {
      JsonObject *row = json_object_new ();

      sondectl_json_copy (row, servers->pdata[i], keys);
      json_array_add_object_element (array, row);
    }

  sondectl_json_print_node (context, root);
}

static void
add_server (SondectlTable *table,
            JsonObject    *server)
{
  g_autoptr (GVariant) addresses = sondectl_servers_dup_addresses (server);
  const char *state = json_object_get_string_member (server, "State");

  sondectl_table_add_cell (table, json_object_get_string_member (server, "Name"));
  sondectl_table_add_styled_cell (table, state, sondectl_format_get_state_style (state));
  sondectl_table_take_cell (table, sondectl_format_addresses (addresses));
}

static void
print_table (SondectlContext *context,
             GPtrArray       *servers)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));

  for (guint i = 0; i < servers->len; i++)
    add_server (table, servers->pdata[i]);
  sondectl_table_print (table, context->legend);
}

/*
 * sondectl_list:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Lists the servers and where they listen.
 */
SondectlExit
sondectl_list (SondectlContext *context,
               int              argc,
               char           **argv)
{
  g_autoptr (GPtrArray) servers = NULL;
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 0, 0, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  servers = sondectl_servers_list (context, NULL, &error);
  if (servers == NULL)
    return sondectl_exit_with_error ("list", error);

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, servers);
  else
    print_table (context, servers);

  return SONDECTL_EXIT_OK;
}
