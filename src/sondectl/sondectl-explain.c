/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What a setting does, and what comes of it on this machine: the library is asked for
 * both, a daemon is not needed. The long text is that of the D-Bus contract. */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>
#include <string.h>

#include "sondectl-assign.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-presets.h"
#include "sondectl-table.h"

#include <libsonde/sonde.h>

#define WIDTH 80
#define LABEL_WIDTH 16
#define PRESET "Preset"

static const struct
{
  const char *name;
  const char *text;
} documentation[] = {
#include "sondectl-documentation.h"
};

static const struct
{
  const char *change;
  const char *description;
} changes[] = {
  { "live", N_ ("at once, on open connections too") },
  { "new", N_ ("at once, for new connections") },
  { "relisten", N_ ("with 'sondectl relisten'") },
};

static const SondectlColumn columns[] = {
  { N_ ("ASKED"), FALSE },
  { N_ ("EFFECTIVE"), FALSE },
  { N_ ("LIMIT"), FALSE },
  { N_ ("WHY"), FALSE },
};

static const SondectlColumn list_columns[] = {
  { N_ ("KEY"), FALSE },
  { N_ ("DESCRIPTION"), FALSE },
};

static const char *
find_documentation (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (documentation); i++)
    {
      if (g_str_equal (documentation[i].name, name))
        return documentation[i].text;
    }

  return "";
}

static const char *
find_change (const char *change)
{
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      if (g_str_equal (changes[i].change, change))
        return _ (changes[i].description);
    }

  return change;
}

/* What the kernel makes of it: a row of the option report, or nothing of a setting that is
 * no socket option. */
static GVariant *
try_settings (GVariant   *values,
              const char *name,
              GError    **error)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (SondeServer) server = NULL;
  g_autoptr (GVariant) report = NULL;

  if (!sonde_settings_update (settings, values, error))
    return NULL;
  server = sonde_server_new ("explain", settings, error);
  if (server == NULL)
    return NULL;

  report = sonde_server_get_option_report (server);
  for (gsize i = 0; i < g_variant_n_children (report); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (report, i);
      const char *option = NULL;

      g_variant_get_child (row, 0, "&s", &option);
      if (g_str_equal (option, name))
        return g_steal_pointer (&row);
    }

  return g_variant_ref_sink (g_variant_new_tuple (NULL, 0));
}

static gboolean
is_row (GVariant *row)
{
  return g_variant_n_children (row) > 0;
}

static GVariant *
row_to_dict (GVariant *row)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);
  const char  *option, *scope, *reason;
  g_autoptr (GVariant) asked = NULL;
  g_autoptr (GVariant) effective = NULL;
  g_autoptr (GVariant) limit = NULL;

  g_variant_get (row, "(&s&svvv&s)", &option, &scope, &asked, &effective, &limit, &reason);
  g_variant_dict_insert_value (&dict, "Asked", asked);
  g_variant_dict_insert_value (&dict, "Effective", effective);
  g_variant_dict_insert_value (&dict, "Limit", limit);
  g_variant_dict_insert (&dict, "Reason", "s", reason);

  return g_variant_dict_end (&dict);
}

static void
print_json (SondectlContext *context,
            GVariant        *description,
            const char      *name,
            GPtrArray       *rows)
{
  GVariantDict    dict = G_VARIANT_DICT_INIT (description);
  GVariantBuilder here = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < rows->len; i++)
    {
      if (is_row (rows->pdata[i]))
        g_variant_builder_add_value (&here, row_to_dict (rows->pdata[i]));
    }
  g_variant_dict_insert (&dict, "Documentation", "s", find_documentation (name));
  g_variant_dict_insert_value (&dict, "Here", g_variant_builder_end (&here));
  sondectl_json_print (context, g_variant_dict_end (&dict));
}

/* Paragraphs are lines, and words go where there is room. */
static void
print_wrapped (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (gsize i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (lines[i], " ", -1);
      glong column = 0;

      for (gsize j = 0; words[j] != NULL; j++)
        {
          const glong    length = g_utf8_strlen (words[j], -1);
          const gboolean breaks = column > 0 && column + 1 + length > WIDTH;

          g_print ("%s%s", breaks ? "\n" : column > 0 ? " "
                                                      : "",
                   words[j]);
          column = breaks ? length : column + (column > 0) + length;
        }
      g_print ("\n");
    }
}

static void
print_fact (const char *label,
            const char *value)
{
  const int padding = MAX (1, LABEL_WIDTH - (int) sondectl_format_get_width (label));

  g_print ("%s%*s%s\n", label, padding, "", value);
}

static void
print_sysctl (GVariant   *description,
              const char *sysctl)
{
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new ();
  g_autoptr (GVariant) value = sonde_kernel_limits_get_sysctl (limits, sysctl);
  g_autofree char *number = value != NULL ? sondectl_format_variant (value) : NULL;
  g_autofree char *text = NULL;
  gboolean         is_capped = FALSE;

  text = g_strdup_printf ("%s = %s", sysctl, number != NULL ? number : _ ("(absent)"));
  g_variant_lookup (description, "IsCapped", "b", &is_capped);
  print_fact (is_capped ? _ ("Limited by") : _ ("If not set"), text);
}

static void
print_facts (GVariant   *description,
             const char *name)
{
  const char *blurb = NULL, *allowed = NULL, *change = NULL, *sysctl = NULL;
  g_autoptr (GVariant) value = g_variant_lookup_value (description, "Default", NULL);
  g_autofree char *text = sondectl_format_setting (name, value);

  g_variant_lookup (description, "Description", "&s", &blurb);
  g_variant_lookup (description, "Allowed", "&s", &allowed);
  g_variant_lookup (description, "Change", "&s", &change);
  g_print ("%s%s%s: %s\n\n",
           sondectl_terminal_begin (SONDECTL_STYLE_HEADING),
           name,
           sondectl_terminal_end (SONDECTL_STYLE_HEADING),
           _ (blurb));
  print_wrapped (find_documentation (name));
  print_fact (_ ("Allowed"), allowed);
  print_fact (_ ("Default"), text[0] != '\0' ? text : "-");
  print_fact (_ ("Takes effect"), find_change (change));
  if (g_variant_lookup (description, "Sysctl", "&s", &sysctl))
    print_sysctl (description, sysctl);
}

static void
add_row (SondectlTable *table,
         GVariant      *row)
{
  const char *option, *reason;
  g_autoptr (GVariant) asked = NULL;
  g_autoptr (GVariant) effective = NULL;
  g_autoptr (GVariant) limit = NULL;

  g_variant_get (row, "(&s&svvv&s)", &option, NULL, &asked, &effective, &limit, &reason);
  if (g_str_equal (reason, "kernel-default"))
    sondectl_table_add_cell (table, NULL);
  else
    sondectl_table_take_cell (table, sondectl_format_setting (option, asked));
  sondectl_table_take_cell (table, sondectl_format_setting (option, effective));
  sondectl_table_take_cell (table, sondectl_format_variant (limit));
  sondectl_table_add_cell (table, reason);
}

static void
print_text (SondectlContext *context,
            GVariant        *description,
            const char      *name,
            GPtrArray       *rows)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));
  gboolean has_rows = FALSE;

  sondectl_terminal_open_pager ();
  print_facts (description, name);
  for (guint i = 0; i < rows->len; i++)
    {
      if (!is_row (rows->pdata[i]))
        continue;
      add_row (table, rows->pdata[i]);
      has_rows = TRUE;
    }
  if (!has_rows)
    return;

  if (context->legend)
    g_print ("\n%s\n", _ ("On this machine:"));
  sondectl_table_print (table, context->legend);
}

static GPtrArray *
try_all (char      **assignments,
         const char *name,
         gboolean    has_value,
         GError    **error)
{
  g_autoptr (GPtrArray) rows =
    g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr (GVariant) nothing = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr (GVariant) values = NULL;
  GVariant *row = try_settings (nothing, name, error);

  if (row == NULL)
    return NULL;
  g_ptr_array_add (rows, row);
  if (!has_value)
    return g_steal_pointer (&rows);

  values = sondectl_assign_parse (assignments, NULL, error);
  row = values != NULL ? try_settings (values, name, error) : NULL;
  if (row == NULL)
    return NULL;
  g_ptr_array_add (rows, row);

  return g_steal_pointer (&rows);
}

static gboolean
explain_one (SondectlContext *context,
             char           **assignments,
             GError         **error)
{
  const char      *equals = strchr (assignments[0], '=');
  g_autofree char *key = NULL;
  const char      *name = NULL;
  g_autoptr (GVariant) description = NULL;
  g_autoptr (GPtrArray) rows = NULL;

  key = equals != NULL ? g_strndup (assignments[0], (gsize) (equals - assignments[0]))
                       : g_strdup (assignments[0]);
  description = sonde_settings_describe (key, error);
  if (description == NULL)
    return FALSE;

  g_variant_lookup (description, "Name", "&s", &name);
  rows = try_all (assignments, name, equals != NULL, error);
  if (rows == NULL)
    return FALSE;

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, description, name, rows);
  else
    print_text (context, description, name, rows);

  return TRUE;
}

static gboolean
explain_preset (SondectlContext *context,
                const char      *assignment,
                GError         **error)
{
  const char       *equals = strchr (assignment, '=');
  const char *const asked[] = { equals != NULL ? equals + 1 : NULL, NULL };

  return sondectl_presets_explain (context,
                                   equals != NULL ? asked : sonde_settings_list_presets (),
                                   error);
}

static gboolean
is_preset (const char *assignment)
{
  const gsize length = strcspn (assignment, "=");

  return length == strlen (PRESET) && strncmp (assignment, PRESET, length) == 0;
}

static void
list_settings (SondectlContext *context)
{
  const char *const *keys = sonde_settings_list_keys ();
  g_autoptr (SondectlTable) table = NULL;
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  table = sondectl_table_new (list_columns, G_N_ELEMENTS (list_columns));
  for (gsize i = 0; keys[i] != NULL; i++)
    {
      g_autoptr (GVariant) description = sonde_settings_describe (keys[i], NULL);
      const char *blurb = NULL;

      g_variant_lookup (description, "Description", "&s", &blurb);
      sondectl_table_add_cell (table, keys[i]);
      sondectl_table_add_cell (table, _ (blurb));
      g_variant_builder_add_value (&builder, description);
    }

  if (context->json != SONDECTL_JSON_OFF)
    sondectl_json_print (context, g_variant_builder_end (&builder));
  else
    sondectl_table_print (table, context->legend);
  g_variant_builder_clear (&builder);
}

/*
 * sondectl_explain:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Explains a setting, and shows what this machine makes of a value; or lists them all.
 */
SondectlExit
sondectl_explain (SondectlContext *context,
                  int              argc,
                  char           **argv)
{
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 0, 1, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  if (argc < 2)
    list_settings (context);
  else if (is_preset (argv[1]) ? !explain_preset (context, argv[1], &error)
                               : !explain_one (context, argv + 1, &error))
    return sondectl_exit_with_error ("explain", error);

  return SONDECTL_EXIT_OK;
}
