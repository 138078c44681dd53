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
  { N_ ("MODE"), FALSE },
  { N_ ("ADDRESSES"), FALSE },
  { N_ ("CONNECTIONS"), TRUE },
  { N_ ("ACCEPTED"), TRUE },
  { N_ ("IN"), TRUE },
  { N_ ("OUT"), TRUE },
};

static const char *const manager_keys[] = { "Version", "NServers", "NConnections", NULL };
static const char *const server_keys[] = { "Name", "State", "Mode", "BoundAddresses", NULL };
static const char *const statistics_keys[] = {
  "NConnections", "NAccepted", "BytesReceived", "BytesSent", NULL
};

static GVariant *
server_to_variant (SondeDBusObject *object)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  sondectl_json_add_properties (&builder, sonde_dbus_object_peek_server (object), server_keys);
  sondectl_json_add_properties (&builder,
                                sonde_dbus_object_peek_statistics (object),
                                statistics_keys);

  return g_variant_builder_end (&builder);
}

static void
print_json (SondectlContext  *context,
            SondeDBusManager *manager,
            GPtrArray        *servers)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantBuilder array = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < servers->len; i++)
    g_variant_builder_add_value (&array, server_to_variant (servers->pdata[i]));

  sondectl_json_add_properties (&builder, manager, manager_keys);
  g_variant_builder_add (&builder, "{sv}", "Servers", g_variant_builder_end (&array));
  sondectl_json_print (context, g_variant_builder_end (&builder));
}

static void
add_server (SondectlTable   *table,
            SondeDBusObject *object)
{
  SondeDBusServer     *server = sonde_dbus_object_peek_server (object);
  SondeDBusStatistics *statistics = sonde_dbus_object_peek_statistics (object);
  GVariant            *addresses = sonde_dbus_server_get_bound_addresses (server);
  const guint          n_connections = sonde_dbus_statistics_get_n_connections (statistics);
  const guint64        n_accepted = sonde_dbus_statistics_get_n_accepted (statistics);
  const guint64        received = sonde_dbus_statistics_get_bytes_received (statistics);
  const guint64        sent = sonde_dbus_statistics_get_bytes_sent (statistics);

  sondectl_table_add_cell (table, sonde_dbus_server_get_name (server));
  sondectl_table_add_cell (table, sonde_dbus_server_get_state (server));
  sondectl_table_add_cell (table, sonde_dbus_server_get_mode (server));
  sondectl_table_take_cell (table, sondectl_format_addresses (addresses));
  sondectl_table_take_cell (table, g_strdup_printf ("%u", n_connections));
  sondectl_table_take_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, n_accepted));
  sondectl_table_take_cell (table, sondectl_format_bytes (received));
  sondectl_table_take_cell (table, sondectl_format_bytes (sent));
}

static void
print_summary (SondeDBusManager *manager)
{
  const char      *version = sonde_dbus_manager_get_version (manager);
  const guint      n_servers = sonde_dbus_manager_get_n_servers (manager);
  const guint      n_connections = sonde_dbus_manager_get_n_connections (manager);
  g_autofree char *servers = NULL;
  g_autofree char *connections = NULL;

  servers = g_strdup_printf (ngettext ("%u server", "%u servers", n_servers), n_servers);
  connections = g_strdup_printf (ngettext ("%u connection", "%u connections", n_connections),
                                 n_connections);

  /* Translators: the version, then '3 servers' and '17 connections' */
  g_print (_ ("sonded %s, %s, %s\n\n"), version, servers, connections);
}

static void
print_table (SondectlContext  *context,
             SondeDBusManager *manager,
             GPtrArray        *servers)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));

  for (guint i = 0; i < servers->len; i++)
    add_server (table, servers->pdata[i]);

  if (context->legend)
    print_summary (manager);
  sondectl_table_print (table, context->legend);
}

static gboolean
show_status (SondectlContext   *context,
             const char *const *names,
             GError           **error)
{
  g_autoptr (GDBusConnection) connection = sondectl_bus_connect (context, error);
  g_autoptr (SondeDBusManager) manager = NULL;
  g_autoptr (GPtrArray) servers = NULL;

  if (connection == NULL)
    return FALSE;

  manager = sondectl_bus_get_manager (connection, error);
  if (manager == NULL)
    return FALSE;

  servers = sondectl_bus_list_servers (connection, names, error);
  if (servers == NULL)
    return FALSE;

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, manager, servers);
  else
    print_table (context, manager, servers);

  return TRUE;
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
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 0, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!show_status (context, (const char *const *) argv + 1, &error))
    return sondectl_exit_with_error ("status", error);

  return SONDECTL_EXIT_OK;
}
