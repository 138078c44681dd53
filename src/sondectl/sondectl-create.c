/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-assign.h"
#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-servers.h"

#include <libsonde/sonde.h>

#define DEFAULT_ADDRESS "127.0.0.1:0"

static const char *const keys[] = { "Name", "State", "BoundAddresses", NULL };

/* Somebody who names no address wants a server to try something with. */
static GVariant *
add_default_address (GVariant *settings)
{
  const char *const addresses[] = { DEFAULT_ADDRESS, NULL };
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (settings);

  if (!g_variant_dict_contains (&dict, "Preset") &&
      !g_variant_dict_contains (&dict, "ListenAddresses"))
    g_variant_dict_insert (&dict, "ListenAddresses", "^as", addresses);

  return g_variant_dict_end (&dict);
}

static gboolean
create_server (SondectlContext *context,
               const char      *name,
               const char      *preset,
               char           **assignments,
               GError         **error)
{
  g_autoptr (GVariant) settings = sondectl_assign_parse (assignments, preset, error);
  g_autoptr (GVariant) reply = NULL;

  if (settings == NULL)
    return FALSE;

  reply = sondectl_bus_change (context,
                               SONDECTL_ROOT_PATH,
                               "Manager.CreateServer",
                               g_variant_new ("(s@a{sv})", name, add_default_address (settings)),
                               "(o)",
                               error);

  return reply != NULL;
}

static gboolean
print_port (GVariant *addresses,
            GError  **error)
{
  guint16 port;

  if (addresses == NULL || g_variant_n_children (addresses) == 0)
    {
      g_set_error_literal (error,
                           SONDE_ERROR,
                           SONDE_ERROR_FAILED,
                           _ ("it does not listen, so there is no port"));
      return FALSE;
    }

  g_variant_get_child (addresses, 0, "(&sq)", NULL, &port);
  g_print ("%u\n", port);

  return TRUE;
}

static void
print_addresses (const char *name,
                 GVariant   *addresses)
{
  g_autofree char *text = sondectl_format_addresses (addresses);

  g_print (_ ("%s listens on %s\n"), name, text);
}

static void
print_json (SondectlContext *context,
            JsonObject      *server)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (root, json_object_new ());
  sondectl_json_copy (json_node_get_object (root), server, keys);
  sondectl_json_print_node (context, root);
}

static gboolean
show_server (SondectlContext *context,
             const char      *name,
             gboolean         port_only,
             GError         **error)
{
  const char *const names[] = { name, NULL };
  g_autoptr (GPtrArray) servers = sondectl_servers_list (context, names, error);
  g_autoptr (GVariant) addresses = NULL;

  if (servers == NULL)
    return FALSE;

  addresses = sondectl_servers_dup_addresses (servers->pdata[0]);
  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, servers->pdata[0]);
  else if (port_only)
    return print_port (addresses, error);
  else if (context->legend)
    print_addresses (name, addresses);

  return TRUE;
}

/*
 * sondectl_create:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Makes a server and tells where it listens.
 */
SondectlExit
sondectl_create (SondectlContext *context,
                 int              argc,
                 char           **argv)
{
  gboolean         port_only = FALSE;
  g_autofree char *preset = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "preset", 0, 0, G_OPTION_ARG_STRING, &preset,
      N_ ("Settings to begin with, such as 'asyncio'"), N_ ("PRESET") },
    { "print-port", 0, 0, G_OPTION_ARG_NONE, &port_only,
      N_ ("Print the port and nothing else"), NULL },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 1, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!create_server (context, argv[1], preset, argv + 2, &error) ||
      !show_server (context, argv[1], port_only, &error))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
