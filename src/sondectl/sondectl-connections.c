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

/* The most that the daemon gives at a time. */
#define PAGE_LENGTH 5000

#define ROW_TYPE "(tsqtttb)"

static const SondectlColumn columns[] = {
  { N_ ("ID"), TRUE },
  { N_ ("PEER"), FALSE },
  { N_ ("AGE"), TRUE },
  { N_ ("IN"), TRUE },
  { N_ ("OUT"), TRUE },
  { N_ ("STALLED"), FALSE },
};

/* The members of a row, and which of them can be sorted by. */
static const struct
{
  const char *key;
  const char *sort; /* (nullable) */
  gboolean    greatest_first;
} members[] = {
  { "Id", "id", FALSE },
  { "PeerAddress", "peer", FALSE },
  { "PeerPort", NULL, FALSE },
  { "AgeUSec", "age", TRUE },
  { "BytesReceived", "in", TRUE },
  { "BytesSent", "out", TRUE },
  { "Stalled", "stalled", TRUE },
};

#define SORT_DEFAULT "id"
#define SORT_KEYS "id, peer, age, in, out, stalled"

typedef struct
{
  guint member; /* an index of the table above */
  int   limit;  /* 0: all */
} Order;

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

/* The daemon sorts by id: then no more is asked for than is shown. */
static guint
get_page_length (const Order *order,
                 guint        n_rows)
{
  if (order->member > 0 || order->limit == 0)
    return PAGE_LENGTH;

  return MIN (PAGE_LENGTH, (guint) order->limit - n_rows);
}

static GPtrArray *
list_connections (SondectlContext *context,
                  const char      *path,
                  const Order     *order,
                  GError         **error)
{
  g_autoptr (GPtrArray) rows = NULL;
  guint64 last_id = 0;
  guint   length = 0;

  rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  while ((length = get_page_length (order, rows->len)) > 0)
    {
      g_autoptr (GVariant) page = NULL;
      /* It tells about peers, which may need authorisation. */
      g_autoptr (GVariant) reply = sondectl_bus_change (context,
                                                        path,
                                                        "Server.ListConnections",
                                                        g_variant_new ("(tu)", last_id, length),
                                                        "(a" ROW_TYPE ")",
                                                        error);

      if (reply == NULL)
        return NULL;

      page = g_variant_get_child_value (reply, 0);
      if (g_variant_n_children (page) == 0)
        break;

      last_id = append_page (rows, page);
    }

  return g_steal_pointer (&rows);
}

static int
compare_rows (gconstpointer a,
              gconstpointer b,
              gpointer      user_data)
{
  const Order *order = user_data;
  g_autoptr (GVariant) value_a = g_variant_get_child_value (*(GVariant **) a, order->member);
  g_autoptr (GVariant) value_b = g_variant_get_child_value (*(GVariant **) b, order->member);
  const int result = g_variant_compare (value_a, value_b);

  return members[order->member].greatest_first ? -result : result;
}

static void
arrange (GPtrArray   *rows,
         const Order *order)
{
  if (order->member > 0)
    g_ptr_array_sort_with_data (rows, compare_rows, (gpointer) order);
  if (order->limit > 0 && rows->len > (guint) order->limit)
    g_ptr_array_set_size (rows, order->limit);
}

static GVariant *
row_to_dict (GVariant *row)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; i < G_N_ELEMENTS (members); i++)
    {
      g_autoptr (GVariant) value = g_variant_get_child_value (row, i);

      g_variant_builder_add (&dict, "{sv}", members[i].key, value);
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
  sondectl_table_add_styled_cell (table,
                                  stalled ? _ ("yes") : _ ("no"),
                                  stalled ? SONDECTL_STYLE_WARN : SONDECTL_STYLE_PLAIN);
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
                  const Order     *order,
                  GError         **error)
{
  g_autofree char *path = sondectl_servers_find (context, name, error);
  g_autoptr (GPtrArray) rows = NULL;

  if (path == NULL)
    return FALSE;

  rows = list_connections (context, path, order, error);
  if (rows == NULL)
    return FALSE;

  arrange (rows, order);
  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, rows);
  else
    print_table (context, rows);

  return TRUE;
}

static gboolean
parse_order (Order      *order,
             const char *sort,
             GError    **error)
{
  if (order->limit < 0)
    {
      g_set_error_literal (error,
                           G_OPTION_ERROR,
                           G_OPTION_ERROR_BAD_VALUE,
                           _ ("--limit takes a number from 0 on, which is for all"));
      return FALSE;
    }

  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    {
      order->member = i;
      if (g_strcmp0 (members[i].sort, sort != NULL ? sort : SORT_DEFAULT) == 0)
        return TRUE;
    }

  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               _ ("--sort takes one of %s, not '%s'"),
               SORT_KEYS,
               sort);

  return FALSE;
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
  Order            order = { 0, 0 };
  g_autofree char *sort = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "sort", 0, 0, G_OPTION_ARG_STRING, &sort,
      N_ ("What to sort by (id)"), "id|peer|age|in|out|stalled" },
    { "limit", 0, 0, G_OPTION_ARG_INT, &order.limit,
      N_ ("Show so many at most, after sorting"), N_ ("NUMBER") },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 1, 1, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!parse_order (&order, sort, &error))
    return sondectl_exit_with_error (context->verb->name, error);
  if (!show_connections (context, argv[1], &order, &error))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
