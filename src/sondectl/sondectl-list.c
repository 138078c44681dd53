/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
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
  GVariantBuilder array = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < servers->len; i++)
    {
      SondeDBusServer *server = sonde_dbus_object_peek_server (servers->pdata[i]);

      g_variant_builder_open (&array, G_VARIANT_TYPE_VARDICT);
      sondectl_json_add_properties (&array, server, keys);
      g_variant_builder_close (&array);
    }

  sondectl_json_print (context, g_variant_builder_end (&array));
}

static void
print_table (SondectlContext *context,
             GPtrArray       *servers)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));

  for (guint i = 0; i < servers->len; i++)
    {
      SondeDBusServer *server = sonde_dbus_object_peek_server (servers->pdata[i]);
      GVariant        *addresses = sonde_dbus_server_get_bound_addresses (server);

      sondectl_table_add_cell (table, sonde_dbus_server_get_name (server));
      sondectl_table_add_cell (table, sonde_dbus_server_get_state (server));
      sondectl_table_take_cell (table, sondectl_format_addresses (addresses));
    }

  sondectl_table_print (table, context->legend);
}

static gboolean
show_list (SondectlContext *context,
           GError         **error)
{
  g_autoptr (GDBusConnection) connection = sondectl_bus_connect (context, error);
  g_autoptr (GPtrArray) servers = NULL;

  if (connection == NULL)
    return FALSE;

  servers = sondectl_bus_list_servers (connection, NULL, error);
  if (servers == NULL)
    return FALSE;

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, servers);
  else
    print_table (context, servers);

  return TRUE;
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
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 0, 0, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!show_list (context, &error))
    return sondectl_exit_with_error ("list", error);

  return SONDECTL_EXIT_OK;
}
