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
  { N_ ("MODE"), FALSE },
  { N_ ("ADDRESSES"), FALSE },
  { N_ ("CONNECTIONS"), TRUE },
  { N_ ("ACCEPTED"), TRUE },
  { N_ ("IN"), TRUE },
  { N_ ("OUT"), TRUE },
};

static const char *const server_keys[] = { "Name", "State", "BoundAddresses", NULL };
static const char *const settings_keys[] = { "Mode", NULL };
static const char *const statistics_keys[] = {
  "NConnections", "NAccepted", "BytesReceived", "BytesSent", NULL
};

/* The daemon and its servers. */
typedef struct
{
  JsonNode   *description; /* (owned) */
  GPtrArray  *servers;     /* (owned) (element-type JsonObject): those asked for */
  const char *version;     /* (unowned), part of the description */
  guint       n_servers;   /* of the daemon */
  guint64     n_connections;
} Status;

static void
status_clear (Status *status)
{
  g_clear_pointer (&status->servers, g_ptr_array_unref);
  g_clear_pointer (&status->description, json_node_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Status, status_clear)

static guint64
get_number (JsonObject *server,
            const char *key)
{
  JsonObject *statistics = json_object_get_object_member (server, "Statistics");

  return (guint64) json_object_get_int_member (statistics, key);
}

static gboolean
read_status (SondectlContext   *context,
             const char *const *names,
             Status            *status,
             GError           **error)
{
  JsonObject *daemon = NULL;
  g_autoptr (GPtrArray) all = NULL;

  status->description = sondectl_servers_describe (context, error);
  if (status->description == NULL)
    return FALSE;

  daemon = json_node_get_object (status->description);
  all = sondectl_servers_select (status->description, NULL, NULL);
  status->version = json_object_get_string_member (daemon, "Version");
  status->n_servers = all->len;
  for (guint i = 0; i < all->len; i++)
    status->n_connections += get_number (all->pdata[i], "NConnections");
  status->servers = sondectl_servers_select (status->description, names, error);

  return status->servers != NULL;
}

static JsonObject *
server_to_json (JsonObject *server)
{
  JsonObject *row = json_object_new ();

  sondectl_json_copy (row, server, server_keys);
  sondectl_json_copy (row, json_object_get_object_member (server, "Settings"), settings_keys);
  sondectl_json_copy (row, json_object_get_object_member (server, "Statistics"), statistics_keys);

  return row;
}

static void
print_json (SondectlContext *context,
            Status          *status)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  JsonArray  *array = json_array_new ();

  json_node_take_object (root, object);
  json_object_set_string_member (object, "Version", status->version);
  json_object_set_int_member (object, "NServers", status->n_servers);
  json_object_set_int_member (object, "NConnections", (gint64) status->n_connections);
  json_object_set_array_member (object, "Servers", array);
  for (guint i = 0; i < status->servers->len; i++)
    json_array_add_object_element (array, server_to_json (status->servers->pdata[i]));

  sondectl_json_print_node (context, root);
}

static void
add_count (SondectlTable *table,
           JsonObject    *server,
           const char    *key)
{
  sondectl_table_take_cell (table,
                            g_strdup_printf ("%" G_GUINT64_FORMAT, get_number (server, key)));
}

static void
add_server (SondectlTable *table,
            JsonObject    *server)
{
  JsonObject *settings = json_object_get_object_member (server, "Settings");
  const char *state = json_object_get_string_member (server, "State");
  g_autoptr (GVariant) addresses = sondectl_servers_dup_addresses (server);

  sondectl_table_add_cell (table, json_object_get_string_member (server, "Name"));
  sondectl_table_add_styled_cell (table, state, sondectl_format_get_state_style (state));
  sondectl_table_add_cell (table, json_object_get_string_member (settings, "Mode"));
  sondectl_table_take_cell (table, sondectl_format_addresses (addresses));
  add_count (table, server, "NConnections");
  add_count (table, server, "NAccepted");
  sondectl_table_take_cell (table, sondectl_format_bytes (get_number (server, "BytesReceived")));
  sondectl_table_take_cell (table, sondectl_format_bytes (get_number (server, "BytesSent")));
}

static void
print_summary (Status *status)
{
  const guint      n_connections = (guint) status->n_connections;
  g_autofree char *servers = NULL;
  g_autofree char *connections = NULL;

  servers = g_strdup_printf (ngettext ("%u server", "%u servers", status->n_servers),
                             status->n_servers);
  connections = g_strdup_printf (ngettext ("%u connection", "%u connections", n_connections),
                                 n_connections);

  /* Translators: the version, then '3 servers' and '17 connections' */
  g_print (_ ("sonded %s, %s, %s\n\n"), status->version, servers, connections);
}

static void
print_table (SondectlContext *context,
             Status          *status)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));

  for (guint i = 0; i < status->servers->len; i++)
    add_server (table, status->servers->pdata[i]);

  sondectl_terminal_open_pager ();
  if (context->legend)
    print_summary (status);
  sondectl_table_print (table, context->legend);
}

/*
 * sondectl_status:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Shows the daemon and what its servers do.
 */
SondectlExit
sondectl_status (SondectlContext *context,
                 int              argc,
                 char           **argv)
{
  g_auto (Status) status = { NULL };
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 0, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!read_status (context, (const char *const *) argv + 1, &status, &error))
    return sondectl_exit_with_error ("status", error);

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, &status);
  else
    print_table (context, &status);

  return SONDECTL_EXIT_OK;
}
