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

#include <libsonde/sonde.h>

static const SondectlColumn columns[] = {
  { N_ ("OPTION"), FALSE },
  { N_ ("SCOPE"), FALSE },
  { N_ ("ASKED"), FALSE },
  { N_ ("EFFECTIVE"), FALSE },
  { N_ ("LIMIT"), FALSE },
  { N_ ("WHY"), FALSE },
};

static GVariant *
get_report (SondectlContext *context,
            const char      *name,
            GError         **error)
{
  g_autofree char *path = sondectl_servers_find (context, name, error);
  g_autoptr (GVariant) reply = NULL;

  if (path == NULL)
    return NULL;

  reply = sondectl_bus_read (context,
                             path,
                             "SocketOptions.GetOptionReport",
                             NULL,
                             "(a(ssvvvs))",
                             error);

  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

static GVariant *
row_to_dict (GVariant *row)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const char     *option, *scope, *reason;
  g_autoptr (GVariant) asked = NULL;
  g_autoptr (GVariant) effective = NULL;
  g_autoptr (GVariant) limit = NULL;

  g_variant_get (row, "(&s&svvv&s)", &option, &scope, &asked, &effective, &limit, &reason);
  g_variant_builder_add (&dict, "{sv}", "Option", g_variant_new_string (option));
  g_variant_builder_add (&dict, "{sv}", "Scope", g_variant_new_string (scope));
  g_variant_builder_add (&dict, "{sv}", "Asked", asked);
  g_variant_builder_add (&dict, "{sv}", "Effective", effective);
  g_variant_builder_add (&dict, "{sv}", "Limit", limit);
  g_variant_builder_add (&dict, "{sv}", "Reason", g_variant_new_string (reason));

  return g_variant_builder_end (&dict);
}

static void
print_json (SondectlContext *context,
            GVariant        *report)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; i < g_variant_n_children (report); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (report, i);

      g_variant_builder_add_value (&builder, row_to_dict (row));
    }

  sondectl_json_print (context, g_variant_builder_end (&builder));
}

/* Where the kernel lacks the option the effective value is an empty string. */
static char *
format_effective (const char *option,
                  GVariant   *effective,
                  GVariant   *asked)
{
  if (g_variant_is_of_type (effective, g_variant_get_type (asked)))
    return sonde_settings_format (option, effective);

  return sondectl_format_variant (effective);
}

static void
add_row (SondectlTable *table,
         GVariant      *row)
{
  const char *option, *scope, *reason;
  g_autoptr (GVariant) asked = NULL;
  g_autoptr (GVariant) effective = NULL;
  g_autoptr (GVariant) limit = NULL;

  g_variant_get (row, "(&s&svvv&s)", &option, &scope, &asked, &effective, &limit, &reason);
  sondectl_table_add_cell (table, option);
  sondectl_table_add_cell (table, scope);
  sondectl_table_take_cell (table, sonde_settings_format (option, asked));
  sondectl_table_take_cell (table, format_effective (option, effective, asked));
  sondectl_table_take_cell (table, sondectl_format_variant (limit));
  sondectl_table_add_cell (table, reason);
}

static void
print_table (SondectlContext *context,
             GVariant        *report)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));

  for (gsize i = 0; i < g_variant_n_children (report); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (report, i);

      add_row (table, row);
    }

  sondectl_table_print (table, context->legend);
}

static gboolean
show_options (SondectlContext *context,
              const char      *name,
              GError         **error)
{
  g_autoptr (GVariant) report = get_report (context, name, error);

  if (report == NULL)
    return FALSE;

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, report);
  else
    print_table (context, report);

  return TRUE;
}

/*
 * sondectl_options:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Compares the socket options asked for with what the kernel gave.
 */
SondectlExit
sondectl_options (SondectlContext *context,
                  int              argc,
                  char           **argv)
{
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 1, 1, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!show_options (context, argv[1], &error))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
