/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-probe-outcome.h"

#include <glib/gi18n.h>

#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-table.h"

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

/* The details have a column of names without a heading. */
static const SondectlColumn detail_columns[] = {
  { NULL, FALSE },
  { NULL, FALSE },
};

static const struct
{
  const char *key;
  char *(*format) (guint64 number);
  const char *name;
} details[] = {
  { "ConnectUSec", sondectl_format_duration, N_ ("Connect") },
  { "FirstByteUSec", sondectl_format_duration, N_ ("First byte") },
  { "RoundTripUSec", sondectl_format_duration, N_ ("Round trip") },
  { "KernelRttUSec", sondectl_format_duration, N_ ("Kernel's RTT") },
  { "BytesSent", sondectl_format_bytes, N_ ("Bytes sent") },
  { "BytesReceived", sondectl_format_bytes, N_ ("Bytes verified") },
};

static const SondectlColumn limit_columns[] = {
  { N_ ("LIMIT"), FALSE },
  { N_ ("ASKED"), TRUE },
  { N_ ("EFFECTIVE"), TRUE },
  { N_ ("KERNEL'S MAXIMUM"), TRUE },
};

static const struct
{
  const char *property;
  const char *key; /* of the result */
  const char *kernel_limit;
  const char *name;
} buffers[] = {
  { "receive-buffer", "ReceiveBuffer", "RmemMax", N_ ("Receive buffer") },
  { "send-buffer", "SendBuffer", "WmemMax", N_ ("Send buffer") },
};

/*
 * sondectl_probe_outcome_free:
 * @self: (transfer full): an outcome
 */
void
sondectl_probe_outcome_free (SondectlProbeOutcome *self)
{
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  g_free (self);
}

static void
add_string (GVariantBuilder *builder,
            const char      *key,
            const char      *value)
{
  if (value != NULL)
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (value));
}

static void
add_payload (GVariantBuilder      *builder,
             SondectlProbeOutcome *outcome)
{
  gsize       length;
  const char *data = g_bytes_get_data (outcome->message, &length);

  g_variant_builder_add (builder,
                         "{sv}",
                         "Payload",
                         g_variant_new_take_string (g_strndup (data, length)));
}

static void
add_entries (GVariantBuilder *builder,
             GVariant        *entries)
{
  GVariantIter iter;
  GVariant    *entry;

  g_variant_iter_init (&iter, entries);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_variant_builder_add_value (builder, entry);
      g_variant_unref (entry);
    }
}

static GVariant *
outcome_to_variant (SondectlProbeOutcome *outcome)
{
  SondectlTarget *target = outcome->target;
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  add_string (&builder, "Server", target->server);
  add_string (&builder, "Host", target->host);
  if (target->host != NULL)
    g_variant_builder_add (&builder, "{sv}", "Port", g_variant_new_uint16 (target->port));
  if (outcome->message != NULL)
    add_payload (&builder, outcome);
  add_string (&builder, "Result", sondectl_exit_get_name (outcome->status));
  g_variant_builder_add (&builder,
                         "{sv}",
                         "Expected",
                         g_variant_new_boolean (outcome->is_expected));
  if (outcome->error != NULL)
    add_string (&builder, "Message", outcome->error->message);
  if (outcome->result != NULL)
    add_entries (&builder, outcome->result);

  return g_variant_builder_end (&builder);
}

/*
 * sondectl_probe_print_json:
 * @context: tells the form
 * @outcomes: (element-type SondectlProbeOutcome): what came of all clients
 *
 * Prints everything as JSON.
 */
void
sondectl_probe_print_json (SondectlContext *context,
                           GPtrArray       *outcomes)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < outcomes->len; i++)
    g_variant_builder_add_value (&builder, outcome_to_variant (outcomes->pdata[i]));
  sondectl_json_print (context, g_variant_builder_end (&builder));
}

static void
add_number (SondectlTable *table,
            GVariant      *result,
            const char    *key,
            char *(*format) (guint64 number))
{
  guint64 number = 0;

  if (result != NULL && g_variant_lookup (result, key, "t", &number))
    sondectl_table_take_cell (table, format (number));
  else
    sondectl_table_add_cell (table, NULL);
}

static void
add_outcome (SondectlTable        *table,
             SondectlProbeOutcome *outcome)
{
  sondectl_table_add_cell (table, outcome->target->server);
  sondectl_table_take_cell (table, sondectl_target_format_address (outcome->target));
  sondectl_table_add_cell (table, sondectl_exit_get_name (outcome->status));
  for (gsize i = 0; i < G_N_ELEMENTS (time_keys); i++)
    add_number (table, outcome->result, time_keys[i], sondectl_format_duration);
}

/*
 * sondectl_probe_print_table:
 * @context: what was asked for
 * @outcomes: (element-type SondectlProbeOutcome): what came of all clients
 *
 * Prints a line for each client.
 */
void
sondectl_probe_print_table (SondectlContext *context,
                            GPtrArray       *outcomes)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));

  for (guint i = 0; i < outcomes->len; i++)
    add_outcome (table, outcomes->pdata[i]);
  sondectl_table_print (table, context->legend);
}

static void
add_rate (SondectlTable *table,
          GVariant      *result)
{
  guint64 n_bytes = 0;
  guint64 usec = 0;

  g_variant_lookup (result, "BytesReceived", "t", &n_bytes);
  g_variant_lookup (result, "RoundTripUSec", "t", &usec);
  if (usec == 0)
    return;

  sondectl_table_add_cell (table, _ ("Bytes per second"));
  sondectl_table_take_cell (table,
                            sondectl_format_bytes ((guint64) ((double) n_bytes * 1e6 /
                                                              (double) usec)));
}

static void
add_local_address (SondectlTable *table,
                   GVariant      *result)
{
  const char *address;
  guint16     port;

  if (!g_variant_lookup (result, "LocalAddress", "&s", &address) ||
      !g_variant_lookup (result, "LocalPort", "q", &port))
    return;

  sondectl_table_add_cell (table, _ ("From"));
  sondectl_table_take_cell (table, sondectl_format_address (address, port));
}

static void
print_measurements (SondectlProbeOutcome *outcome)
{
  g_autoptr (SondectlTable) table = NULL;

  table = sondectl_table_new (detail_columns, G_N_ELEMENTS (detail_columns));
  sondectl_table_add_cell (table, _ ("Address"));
  sondectl_table_take_cell (table, sondectl_target_format_address (outcome->target));
  sondectl_table_add_cell (table, _ ("Result"));
  sondectl_table_add_cell (table, sondectl_exit_get_name (outcome->status));
  if (outcome->result != NULL)
    add_local_address (table, outcome->result);
  for (gsize i = 0; outcome->result != NULL && i < G_N_ELEMENTS (details); i++)
    {
      sondectl_table_add_cell (table, _ (details[i].name));
      add_number (table, outcome->result, details[i].key, details[i].format);
    }
  if (outcome->result != NULL)
    add_rate (table, outcome->result);
  sondectl_table_print (table, FALSE);
}

static guint64
get_kernel_limit (SondeKernelLimits *limits,
                  const char        *name)
{
  g_autoptr (GVariant) value = sonde_kernel_limits_get_value (limits, name);

  return value != NULL ? g_variant_get_uint64 (value) : 0;
}

static char *
format_exactly (guint64 number)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT, number);
}

/* What is not known, not asked for or not limited is 0, and shows as a dash. */
static void
add_cell_unless_0 (SondectlTable *table,
                   guint64        number,
                   char *(*format) (guint64 number))
{
  sondectl_table_take_cell (table, number > 0 ? format (number) : NULL);
}

static void
add_timeouts (SondectlTable        *table,
              SondeKernelLimits    *limits,
              SondectlProbeOptions *options)
{
  const guint64 own = sondectl_probe_options_get_number (options, "connect-timeout-usec");
  const guint64 io = sondectl_probe_options_get_number (options, "io-timeout-usec");
  const guint64 kernel = get_kernel_limit (limits, "ConnectTimeoutUSec");
  const guint64 effective = own == 0 || (kernel > 0 && kernel < own) ? kernel : own;

  sondectl_table_add_cell (table, _ ("Connect timeout"));
  add_cell_unless_0 (table, own, sondectl_format_duration);
  add_cell_unless_0 (table, effective, sondectl_format_duration);
  add_cell_unless_0 (table, kernel, sondectl_format_duration);

  sondectl_table_add_cell (table, _ ("I/O timeout"));
  add_cell_unless_0 (table, io, sondectl_format_duration);
  add_cell_unless_0 (table, io, sondectl_format_duration);
  sondectl_table_add_cell (table, NULL);
}

/*
 * sondectl_probe_print_details:
 * @context: what was asked for
 * @outcome: what came of the one client
 * @options: how it probed
 *
 * Prints what was measured, and the limits in force beside those of the kernel.
 */
void
sondectl_probe_print_details (SondectlContext      *context,
                              SondectlProbeOutcome *outcome,
                              SondectlProbeOptions *options)
{
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new ();
  g_autoptr (SondectlTable) table = NULL;

  print_measurements (outcome);
  table = sondectl_table_new (limit_columns, G_N_ELEMENTS (limit_columns));
  add_timeouts (table, limits, options);
  for (gsize i = 0; i < G_N_ELEMENTS (buffers); i++)
    {
      sondectl_table_add_cell (table, _ (buffers[i].name));
      add_cell_unless_0 (table,
                         sondectl_probe_options_get_number (options, buffers[i].property),
                         format_exactly);
      add_number (table, outcome->result, buffers[i].key, format_exactly);
      add_cell_unless_0 (table, get_kernel_limit (limits, buffers[i].kernel_limit), format_exactly);
    }
  g_print ("\n");
  sondectl_table_print (table, context->legend);
}
