/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-probe-options.h"
#include "sondectl-table.h"
#include "sondectl-target.h"

static const SondectlColumn columns[] = {
  { N_ ("SERVER"), FALSE },
  { N_ ("ADDRESS"), FALSE },
  { N_ ("RESULT"), FALSE },
  { N_ ("CONNECT"), TRUE },
  { N_ ("FIRST BYTE"), TRUE },
  { N_ ("ROUND TRIP"), TRUE },
};

static const char *const time_keys[] = { "ConnectUSec", "FirstByteUSec", "RoundTripUSec" };

G_STATIC_ASSERT (G_N_ELEMENTS (columns) == 3 + G_N_ELEMENTS (time_keys));

/* One target and what came of it. */
typedef struct
{
  SondectlTarget *target; /* (unowned) */
  SondectlExit    status;
  GVariant       *result; /* (owned) (nullable) */
  GError         *error;  /* (owned) (nullable) */
} Outcome;

static void
outcome_free (Outcome *outcome)
{
  g_clear_pointer (&outcome->result, g_variant_unref);
  g_clear_error (&outcome->error);
  g_free (outcome);
}

static gboolean
is_number (const char *text)
{
  return text[0] != '\0' && text[strspn (text, "0123456789")] == '\0';
}

static gboolean
add_host (GPtrArray            *targets,
          const char           *host,
          const char           *port,
          SondectlProbeOptions *options,
          GError              **error)
{
  SondectlTarget *target = sondectl_target_new_for_host (host, port, error);

  if (target == NULL)
    return FALSE;

  target->mode = options->upper ? SONDE_MODE_UPPER : SONDE_MODE_ECHO;
  g_ptr_array_add (targets, target);

  return TRUE;
}

static gboolean
add_servers (GPtrArray         *targets,
             SondectlContext   *context,
             const char *const *names,
             GError           **error)
{
  g_autoptr (GDBusConnection) connection = sondectl_bus_connect (context, error);
  g_autoptr (GPtrArray) servers = NULL;

  if (connection == NULL)
    return FALSE;

  servers = sondectl_bus_list_servers (connection, names, error);
  if (servers == NULL)
    return FALSE;

  for (guint i = 0; i < servers->len; i++)
    sondectl_target_list_for_server (sonde_dbus_object_peek_server (servers->pdata[i]),
                                     targets);

  return TRUE;
}

static GPtrArray *
list_targets (SondectlContext      *context,
              SondectlProbeOptions *options,
              int                   argc,
              char                **argv,
              GError              **error)
{
  g_autoptr (GPtrArray) targets = NULL;
  gboolean added;

  targets = g_ptr_array_new_with_free_func ((GDestroyNotify) sondectl_target_free);
  if (argc == 3 && is_number (argv[2]))
    added = add_host (targets, argv[1], argv[2], options, error);
  else
    added = add_servers (targets, context, (const char *const *) argv + 1, error);

  return added ? g_steal_pointer (&targets) : NULL;
}

static GVariant *
run_probe (SondectlTarget       *target,
           SondectlProbeOptions *options,
           GError              **error)
{
  g_autoptr (SondeProbe) probe = NULL;

  if (target->host == NULL)
    {
      g_set_error_literal (error,
                           SONDE_ERROR,
                           SONDE_ERROR_CONNECT_REFUSED,
                           _ ("the server does not listen"));
      return NULL;
    }

  probe = sondectl_probe_options_create_probe (options, target);

  return sonde_probe_run (probe, NULL, error);
}

static Outcome *
probe_target (SondectlTarget       *target,
              SondectlProbeOptions *options)
{
  Outcome *outcome = g_new0 (Outcome, 1);

  outcome->target = target;
  outcome->result = run_probe (target, options, &outcome->error);
  if (outcome->result == NULL)
    outcome->status = sondectl_exit_with_error (target->server != NULL ? target->server
                                                                       : "probe",
                                                outcome->error);

  return outcome;
}

static void
add_string (GVariantBuilder *builder,
            const char      *key,
            const char      *value)
{
  if (value != NULL)
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (value));
}

static GVariant *
outcome_to_variant (Outcome *outcome)
{
  SondectlTarget *target = outcome->target;
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantIter    iter;
  GVariant       *entry;

  add_string (&builder, "Server", target->server);
  add_string (&builder, "Host", target->host);
  if (target->host != NULL)
    g_variant_builder_add (&builder, "{sv}", "Port", g_variant_new_uint16 (target->port));
  add_string (&builder, "Result", sondectl_exit_get_name (outcome->status));
  if (outcome->result == NULL)
    {
      add_string (&builder, "Message", outcome->error->message);
      return g_variant_builder_end (&builder);
    }

  g_variant_iter_init (&iter, outcome->result);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_variant_builder_add_value (&builder, entry);
      g_variant_unref (entry);
    }

  return g_variant_builder_end (&builder);
}

static void
print_json (SondectlContext *context,
            GPtrArray       *outcomes)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < outcomes->len; i++)
    g_variant_builder_add_value (&builder, outcome_to_variant (outcomes->pdata[i]));
  sondectl_json_print (context, g_variant_builder_end (&builder));
}

static void
add_outcome (SondectlTable *table,
             Outcome       *outcome)
{
  sondectl_table_add_cell (table, outcome->target->server);
  sondectl_table_take_cell (table, sondectl_target_format_address (outcome->target));
  sondectl_table_add_cell (table, sondectl_exit_get_name (outcome->status));

  for (gsize i = 0; i < G_N_ELEMENTS (time_keys); i++)
    {
      guint64 usec = 0;

      if (outcome->result != NULL &&
          g_variant_lookup (outcome->result, time_keys[i], "t", &usec))
        sondectl_table_take_cell (table, sondectl_format_duration (usec));
      else
        sondectl_table_add_cell (table, NULL);
    }
}

static void
print_table (SondectlContext *context,
             GPtrArray       *outcomes)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));

  for (guint i = 0; i < outcomes->len; i++)
    add_outcome (table, outcomes->pdata[i]);
  sondectl_table_print (table, context->legend);
}

static SondectlExit
find_first_failure (GPtrArray *outcomes)
{
  for (guint i = 0; i < outcomes->len; i++)
    {
      Outcome *outcome = outcomes->pdata[i];

      if (outcome->status != SONDECTL_EXIT_OK)
        return outcome->status;
    }

  return SONDECTL_EXIT_OK;
}

static SondectlExit
probe_targets (SondectlContext      *context,
               GPtrArray            *targets,
               SondectlProbeOptions *options)
{
  g_autoptr (GPtrArray) outcomes = NULL;

  outcomes = g_ptr_array_new_with_free_func ((GDestroyNotify) outcome_free);
  for (guint i = 0; i < targets->len; i++)
    g_ptr_array_add (outcomes, probe_target (targets->pdata[i], options));

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, outcomes);
  else
    print_table (context, outcomes);

  return find_first_failure (outcomes);
}

/*
 * sondectl_probe:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Sends something to servers and compares the answer.
 *
 * Returns: the exit status of the first one that failed
 */
SondectlExit
sondectl_probe (SondectlContext *context,
                int              argc,
                char           **argv)
{
  g_auto (SondectlProbeOptions) options = { FALSE };
  g_autoptr (GPtrArray) targets = NULL;
  g_autoptr (GError) error = NULL;

  if (!sondectl_probe_options_parse (&options, context, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  targets = list_targets (context, &options, argc, argv, &error);
  if (targets == NULL)
    return sondectl_exit_with_error ("probe", error);

  return probe_targets (context, targets, &options);
}
