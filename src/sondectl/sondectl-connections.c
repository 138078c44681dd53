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

#define PAGE_LENGTH 1000

static const SondectlColumn columns[] = {
  { N_ ("ID"), TRUE },
  { N_ ("PEER"), FALSE },
  { N_ ("AGE"), TRUE },
  { N_ ("IN"), TRUE },
  { N_ ("OUT"), TRUE },
  { N_ ("STALLED"), FALSE },
};

static guint64
append_page (GPtrArray *rows,
             GVariant  *page)
{
  guint64 last_id = 0;

  for (gsize i = 0; i < g_variant_n_children (page); i++)
    g_ptr_array_add (rows, g_variant_get_child_value (page, i));
  g_variant_get_child (rows->pdata[rows->len - 1], 0, "t", &last_id);

  return last_id;
}

static GPtrArray *
list_connections (SondectlContext *context,
                  const char      *path,
                  GError         **error)
{
  g_autoptr (GPtrArray)
    rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  guint64 last_id = 0;

  while (TRUE)
    {
      g_autoptr (GVariant) page = NULL;
      g_autoptr (GVariant) reply =
        sondectl_bus_read (context,
                           path,
                           "Server.ListConnections",
                           g_variant_new ("(tu)", last_id, PAGE_LENGTH),
                           "(a(tsqtttb))",
                           error);

      if (reply == NULL)
        return NULL;

      page = g_variant_get_child_value (reply, 0);
      if (g_variant_n_children (page) == 0)
        return g_steal_pointer (&rows);

      last_id = append_page (rows, page);
    }
}

static GVariant *
row_to_dict (GVariant *row)
{
  static const char *const keys[] = {
    "Id", "PeerAddress", "PeerPort", "AgeUSec", "BytesReceived", "BytesSent", "Stalled"
  };
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) value = g_variant_get_child_value (row, i);

      g_variant_builder_add (&dict, "{sv}", keys[i], value);
    }

  return g_variant_builder_end (&dict);
}

static void
print_json (SondectlContext *context,
            GPtrArray       *rows)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < rows->len; i++)
    g_variant_builder_add_value (&builder, row_to_dict (rows->pdata[i]));
  sondectl_json_print (context, g_variant_builder_end (&builder));
}

static void
add_row (SondectlTable *table,
         GVariant      *row)
{
  guint64     id, age, received, sent;
  const char *address;
  guint16     port;
  gboolean    stalled;

  g_variant_get (row, "(t&sqtttb)", &id, &address, &port, &age, &received, &sent, &stalled);
  sondectl_table_take_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, id));
  sondectl_table_take_cell (table, sondectl_format_address (address, port));
  sondectl_table_take_cell (table, sondectl_format_duration (age));
  sondectl_table_take_cell (table, sondectl_format_bytes (received));
  sondectl_table_take_cell (table, sondectl_format_bytes (sent));
  sondectl_table_add_cell (table, stalled ? _ ("yes") : _ ("no"));
}

static void
print_table (SondectlContext *context,
             GPtrArray       *rows)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));

  for (guint i = 0; i < rows->len; i++)
    add_row (table, rows->pdata[i]);
  sondectl_table_print (table, context->legend);
}

static gboolean
show_connections (SondectlContext *context,
                  const char      *name,
                  GError         **error)
{
  g_autofree char *path = sondectl_servers_find (context, name, error);
  g_autoptr (GPtrArray) rows = NULL;

  if (path == NULL)
    return FALSE;

  rows = list_connections (context, path, error);
  if (rows == NULL)
    return FALSE;

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, rows);
  else
    print_table (context, rows);

  return TRUE;
}

/*
 * sondectl_connections:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Lists who is connected to a server.
 */
SondectlExit
sondectl_connections (SondectlContext *context,
                      int              argc,
                      char           **argv)
{
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 1, 1, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!show_connections (context, argv[1], &error))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
