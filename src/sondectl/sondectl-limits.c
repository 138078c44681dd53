/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-table.h"
#include "sondectl-what-if.h"

#include <libsonde/sonde.h>

static const SondectlColumn columns[] = {
  { N_ ("LIMIT"), FALSE },
  { N_ ("VALUE"), FALSE },
};

/* What no sysctl tells; all of them are 64 bits wide. */
static const struct
{
  const char *name;
  gboolean    is_duration;
} derived[] = {
  { "MaxOpenFiles", FALSE },
  { "ConnectTimeoutUSec", TRUE },
  { "ConnectTimeoutClassicUSec", TRUE },
  { "AcceptTimeoutUSec", TRUE },
};

#define CONNECT_TIMEOUT 1

typedef struct
{
  GVariant *all;                             /* (owned) */
  GVariant *derived[G_N_ELEMENTS (derived)]; /* (owned) (nullable): absent */
} Limits;

static void
limits_clear (Limits *limits)
{
  g_clear_pointer (&limits->all, g_variant_unref);
  for (gsize i = 0; i < G_N_ELEMENTS (derived); i++)
    g_clear_pointer (&limits->derived[i], g_variant_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Limits, limits_clear)

static gboolean
ask_daemon (SondectlContext *context,
            Limits          *limits,
            GError         **error)
{
  static const char *const interfaces[] = { "KernelLimits", NULL };
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) properties = NULL;

  properties = sondectl_bus_get_properties (context, SONDECTL_ROOT_PATH, interfaces, error);
  if (properties == NULL)
    return FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (derived); i++)
    limits->derived[i] = g_variant_lookup_value (properties, derived[i].name, NULL);

  reply = sondectl_bus_read (context,
                             SONDECTL_ROOT_PATH,
                             "KernelLimits.GetAll",
                             NULL,
                             "(a{sv})",
                             error);
  if (reply == NULL)
    return FALSE;
  limits->all = g_variant_get_child_value (reply, 0);

  return TRUE;
}

static void
look_ourselves (Limits *limits)
{
  g_autoptr (SondeKernelLimits) kernel = sonde_kernel_limits_new ();

  limits->all = sonde_kernel_limits_get_all (kernel);
  for (gsize i = 0; i < G_N_ELEMENTS (derived); i++)
    limits->derived[i] = sonde_kernel_limits_get_value (kernel, derived[i].name);
}

static gboolean
read_limits (SondectlContext *context,
             Limits          *limits,
             GError         **error)
{
  g_autoptr (GError) local_error = NULL;

  if (ask_daemon (context, limits, &local_error))
    return TRUE;
  if (sondectl_exit_from_error (local_error) != SONDECTL_EXIT_NO_DAEMON)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  g_printerr (_ ("sondectl: %s; these are the limits that sondectl itself finds\n"),
              local_error->message);
  look_ourselves (limits);

  return TRUE;
}

static int
compare_strings (gconstpointer a,
                 gconstpointer b)
{
  return g_strcmp0 (*(const char **) a, *(const char **) b);
}

static GPtrArray *
list_keys (GVariant *dict)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  GVariantIter iter;
  char        *key;

  g_variant_iter_init (&iter, dict);
  while (g_variant_iter_next (&iter, "{sv}", &key, NULL))
    g_ptr_array_add (keys, key);
  g_ptr_array_sort (keys, compare_strings);

  return g_steal_pointer (&keys);
}

static void
print_json (SondectlContext *context,
            Limits          *limits)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GPtrArray) keys = list_keys (limits->all);

  for (guint i = 0; i < keys->len; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (limits->all, keys->pdata[i], NULL);

      g_variant_builder_add (&builder, "{sv}", keys->pdata[i], value);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (derived); i++)
    {
      if (limits->derived[i] != NULL)
        g_variant_builder_add (&builder, "{sv}", derived[i].name, limits->derived[i]);
    }

  sondectl_json_print (context, g_variant_builder_end (&builder));
}

static void
add_sysctls (SondectlTable *table,
             GVariant      *all)
{
  g_autoptr (GPtrArray) keys = list_keys (all);

  for (guint i = 0; i < keys->len; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (all, keys->pdata[i], NULL);

      sondectl_table_add_cell (table, keys->pdata[i]);
      sondectl_table_take_cell (table, sondectl_format_variant (value));
    }
}

static void
add_derived (SondectlTable *table,
             Limits        *limits)
{
  for (gsize i = 0; i < G_N_ELEMENTS (derived); i++)
    {
      GVariant *value = limits->derived[i];

      if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
        continue;

      sondectl_table_add_cell (table, derived[i].name);
      sondectl_table_take_cell (table,
                                derived[i].is_duration
                                  ? sondectl_format_duration (g_variant_get_uint64 (value))
                                  : sondectl_format_variant (value));
    }
}

static void
print_table (SondectlContext *context,
             Limits          *limits)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));

  add_sysctls (table, limits->all);
  add_derived (table, limits);
  sondectl_table_print (table, context->legend);
}

static SondectlExit
show_what_if (SondectlContext   *context,
              Limits            *limits,
              const char *const *assignments)
{
  GVariant *timeout = limits->derived[CONNECT_TIMEOUT];
  g_autoptr (GError) error = NULL;

  if (!sondectl_what_if (context, assignments, timeout, limits->all, &error))
    return sondectl_exit_with_error ("limits", error);

  return SONDECTL_EXIT_OK;
}

/*
 * sondectl_limits:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Shows what the kernel allows; where there is no daemon, to us. Or what would come of it
 * if the kernel were tuned otherwise.
 */
SondectlExit
sondectl_limits (SondectlContext *context,
                 int              argc,
                 char           **argv)
{
  g_auto (Limits) limits = { NULL };
  g_auto (GStrv) what_if = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "what-if", 0, 0, G_OPTION_ARG_STRING_ARRAY, &what_if,
      N_ ("Tell the connect timeout with such a value instead; may be repeated"),
      N_ ("SYSCTL=NUMBER") },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 0, 0, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!read_limits (context, &limits, &error))
    return sondectl_exit_with_error ("limits", error);
  if (what_if != NULL)
    return show_what_if (context, &limits, (const char *const *) what_if);

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, &limits);
  else
    print_table (context, &limits);

  return SONDECTL_EXIT_OK;
}
