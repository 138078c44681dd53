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
  { N_ ("COUNTER"), FALSE },
  { N_ ("VALUE"), TRUE },
};

/* In the order of the life of a connection; what is not named here comes after it. */
static const char *const order[] = {
  "NConnections", "NAccepted", "NRefused", "NClosed", "NReset", "NTimedOut", "NShed",
  "BytesReceived", "BytesSent", "Stalls", "QuickAckRearms", "AcceptQueueDepth",
  "AcceptQueueLimit", "AcceptQueuePeak", "AcceptErrors", "NAcceptPauses", NULL
};

static void
add_counter (SondectlTable *table,
             const char    *name,
             GVariant      *value)
{
  sondectl_table_add_cell (table, name);
  sondectl_table_take_cell (table, sondectl_format_variant (value));
}

static void
print_table (SondectlContext *context,
             GVariant        *snapshot)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));
  GVariantIter iter;
  const char  *name;
  GVariant    *value;

  for (gsize i = 0; order[i] != NULL; i++)
    {
      g_autoptr (GVariant) known = g_variant_lookup_value (snapshot, order[i], NULL);

      if (known != NULL)
        add_counter (table, order[i], known);
    }

  g_variant_iter_init (&iter, snapshot);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      if (!g_strv_contains (order, name))
        add_counter (table, name, value);
      g_variant_unref (value);
    }
  sondectl_table_print (table, context->legend);
}

static gboolean
show_statistics (SondectlContext *context,
                 const char      *path,
                 GError         **error)
{
  g_autoptr (GVariant) reply =
    sondectl_bus_read (context, path, "Statistics.GetSnapshot", NULL, "(a{sv})", error);
  g_autoptr (GVariant) snapshot = NULL;

  if (reply == NULL)
    return FALSE;

  snapshot = g_variant_get_child_value (reply, 0);
  if (context->json != SONDECTL_JSON_OFF)
    sondectl_json_print (context, snapshot);
  else
    print_table (context, snapshot);

  return TRUE;
}

static gboolean
reset_statistics (SondectlContext *context,
                  const char      *path,
                  GError         **error)
{
  g_autoptr (GVariant) reply =
    sondectl_bus_change (context, path, "Statistics.Reset", NULL, "()", error);

  return reply != NULL;
}

/*
 * sondectl_statistics:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Shows all counters of a server, as they were at one instant.
 */
SondectlExit
sondectl_statistics (SondectlContext *context,
                     int              argc,
                     char           **argv)
{
  gboolean reset = FALSE;
  g_autoptr (GError) error = NULL;
  g_autofree char   *path = NULL;
  const GOptionEntry entries[] = {
    { "reset", 0, 0, G_OPTION_ARG_NONE, &reset,
      N_ ("Set the counters back to 0 afterwards"), NULL },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 1, 1, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  path = sondectl_servers_find (context, argv[1], &error);
  if (path == NULL || !show_statistics (context, path, &error) ||
      (reset && !reset_statistics (context, path, &error)))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
