/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#include "sondectl-bench-load.h"
#include "sondectl-bench-options.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-plot.h"
#include "sondectl-table.h"

#define NSEC_PER_USEC 1000
#define MEASURED_COLOUR "#1f77b4"
#define CORRECTED_COLOUR "#d62728"

static const SondectlColumn columns[] = {
  { N_ ("PERCENTILE"), TRUE },
  { N_ ("MEASURED"), TRUE },
  { N_ ("CORRECTED"), TRUE },
};

static const struct
{
  double      percentile;
  const char *name;
} percentiles[] = {
  { 50, "50" },
  { 75, "75" },
  { 90, "90" },
  { 95, "95" },
  { 99, "99" },
  { 99.9, "99.9" },
  { 99.99, "99.99" },
  { 100, "100" },
};

/* Finds out whether the target answers as it should, and at which of its addresses. */
static GSocketAddress *
find_address (SondectlTarget       *target,
              SondectlBenchOptions *options,
              GError              **error)
{
  g_autoptr (SondeProbe) probe = sonde_probe_new (target->host, target->port);
  g_autoptr (GVariant) found = NULL;
  const char *address;
  guint16     port;

  g_object_set (probe,
                "mode", target->mode,
                "connect-timeout-usec", options->connect_timeout_usec,
                "io-timeout-usec", options->io_timeout_usec,
                NULL);
  found = sonde_probe_run (probe, NULL, error);
  if (found == NULL)
    return NULL;

  g_variant_lookup (found, "PeerAddress", "&s", &address);
  g_variant_lookup (found, "PeerPort", "q", &port);

  return g_inet_socket_address_new_from_string (address, port);
}

static gboolean
check_target (SondectlTarget *target,
              GError        **error)
{
  if (target->host == NULL)
    {
      g_set_error_literal (error,
                           SONDE_ERROR,
                           SONDE_ERROR_CONNECT_REFUSED,
                           _ ("the server does not listen"));
      return FALSE;
    }
  if (target->mode == SONDE_MODE_ECHO || target->mode == SONDE_MODE_UPPER)
    return TRUE;

  g_set_error_literal (error,
                       G_OPTION_ERROR,
                       G_OPTION_ERROR_BAD_VALUE,
                       _ ("the server closes after one answer; bench takes Mode=echo or "
                          "Mode=upper"));

  return FALSE;
}

static gboolean
run (SondectlTarget       *target,
     SondectlBenchOptions *options,
     SondectlLoadResult   *result,
     GError              **error)
{
  g_autoptr (GSocketAddress) address = NULL;
  SondectlLoadOptions load = {
    .n_connections = options->n_connections,
    .rate = options->rate,
    .duration_usec = options->duration_usec,
    .size = options->size,
    .is_upper = target->mode == SONDE_MODE_UPPER,
    .connect_timeout_usec = options->connect_timeout_usec,
    .io_timeout_usec = options->io_timeout_usec,
  };

  address = find_address (target, options, error);
  load.address = address;

  return address != NULL && sondectl_load_run (&load, result, error);
}

static double
get_rate (const SondectlLoadResult *result)
{
  return (double) result->n_answered * G_USEC_PER_SEC / (double) MAX (result->duration_usec, 1);
}

static void
add_times (GVariantBuilder         *builder,
           const SondectlHistogram *histogram,
           const char              *key,
           double                   percentile)
{
  const guint64 nsec = sondectl_histogram_get_percentile (histogram, percentile);

  g_variant_builder_add (builder,
                         "{sv}",
                         key,
                         g_variant_new_double ((double) nsec / NSEC_PER_USEC));
}

static GVariant *
percentiles_to_variant (const SondectlLoadResult *result)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; i < G_N_ELEMENTS (percentiles); i++)
    {
      const double percentile = percentiles[i].percentile;

      g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&builder, "{sv}", "Percentile", g_variant_new_double (percentile));
      add_times (&builder, &result->measured, "MeasuredUSec", percentile);
      add_times (&builder, &result->corrected, "CorrectedUSec", percentile);
      g_variant_builder_close (&builder);
    }

  return g_variant_builder_end (&builder);
}

static void
print_json (SondectlContext          *context,
            SondectlTarget           *target,
            SondectlBenchOptions     *options,
            const SondectlLoadResult *result)
{
  const guint64 n_bytes = result->n_answered * options->size;
  const struct
  {
    const char *key;
    GVariant   *value;
  } rows[] = {
    { "Host", g_variant_new_string (target->host) },
    { "Port", g_variant_new_uint16 (target->port) },
    { "Connections", g_variant_new_uint32 (options->n_connections) },
    { "Size", g_variant_new_uint64 (options->size) },
    { "Rate", g_variant_new_uint64 (options->rate) },
    { "DurationUSec", g_variant_new_uint64 (result->duration_usec) },
    { "Requests", g_variant_new_uint64 (result->n_answered) },
    { "Unanswered", g_variant_new_uint64 (result->n_unanswered) },
    { "RequestsPerSecond", g_variant_new_double (get_rate (result)) },
    { "BytesVerified", g_variant_new_uint64 (n_bytes) },
    { "Percentiles", percentiles_to_variant (result) },
  };
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_variant_builder_add (&builder, "{sv}", rows[i].key, rows[i].value);
  sondectl_json_print (context, g_variant_builder_end (&builder));
}

static char *
describe (SondectlTarget       *target,
          SondectlBenchOptions *options)
{
  g_autofree char *address = sondectl_target_format_address (target);
  g_autofree char *size = sondectl_format_bytes (options->size);
  g_autofree char *rate = NULL;

  if (options->rate > 0)
    rate = g_strdup_printf (_ ("%" PRIu64 " requests per second"), options->rate);

  /* Translators: the address, connections, bytes of a request, "closed loop" or a rate. */
  return g_strdup_printf (_ ("%s: %u connections, %s bytes, %s"),
                          address,
                          options->n_connections,
                          size,
                          rate != NULL ? rate : _ ("closed loop"));
}

static void
print_summary (SondectlBenchOptions     *options,
               const SondectlLoadResult *result)
{
  g_autofree char *duration = sondectl_format_duration (result->duration_usec);
  g_autofree char *bytes = sondectl_format_bytes (result->n_answered * options->size);

  /* Translators: requests, a time, requests per second, bytes. */
  g_print (_ ("%" PRIu64 " requests in %s, %.0f/s, %s bytes each way, all verified\n"),
           result->n_answered,
           duration,
           get_rate (result),
           bytes);
  if (result->n_unanswered > 0)
    g_print (_ ("%" PRIu64 " more were due and not sent: the server is slower than "
                "this rate\n"),
             result->n_unanswered);
}

static void
print_table (SondectlContext          *context,
             SondectlTarget           *target,
             SondectlBenchOptions     *options,
             const SondectlLoadResult *result)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));
  g_autofree char *title = describe (target, options);

  if (context->legend)
    {
      g_print ("%s\n", title);
      print_summary (options, result);
      g_print ("\n");
    }

  for (gsize i = 0; i < G_N_ELEMENTS (percentiles); i++)
    {
      const double  percentile = percentiles[i].percentile;
      const guint64 measured = sondectl_histogram_get_percentile (&result->measured, percentile);
      const guint64 corrected = sondectl_histogram_get_percentile (&result->corrected, percentile);

      sondectl_table_add_cell (table, percentiles[i].name);
      sondectl_table_take_cell (table, sondectl_format_duration (measured / NSEC_PER_USEC));
      sondectl_table_take_cell (table, sondectl_format_duration (corrected / NSEC_PER_USEC));
    }
  sondectl_table_print (table, context->legend);
}

static gboolean
plot (SondectlTarget           *target,
      SondectlBenchOptions     *options,
      const SondectlLoadResult *result,
      GError                  **error)
{
  const SondectlCurve curves[] = {
    { &result->corrected, _ ("corrected for coordinated omission"), CORRECTED_COLOUR },
    { &result->measured, _ ("measured"), MEASURED_COLOUR },
  };
  g_autofree char *title = describe (target, options);
  g_autofree char *svg = NULL;

  if (options->plot == NULL)
    return TRUE;

  svg = sondectl_plot_percentiles (title, curves, G_N_ELEMENTS (curves));

  return g_file_set_contents (options->plot, svg, -1, error);
}

static SondectlExit
bench_target (SondectlContext      *context,
              SondectlTarget       *target,
              SondectlBenchOptions *options)
{
  const char                    *subject = target->server != NULL ? target->server : "bench";
  g_autofree SondectlLoadResult *result = g_new0 (SondectlLoadResult, 1);
  g_autoptr (GError) error = NULL;

  if (!run (target, options, result, &error))
    return sondectl_exit_with_error (subject, error);

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, target, options, result);
  else
    print_table (context, target, options, result);
  if (!plot (target, options, result, &error))
    return sondectl_exit_with_error (subject, error);

  return SONDECTL_EXIT_OK;
}

/*
 * sondectl_bench:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Asks a server again and again over many connections, and tells how long it took.
 */
SondectlExit
sondectl_bench (SondectlContext *context,
                int              argc,
                char           **argv)
{
  g_auto (SondectlBenchOptions) options = { 0 };
  g_autoptr (GPtrArray) targets = NULL;
  g_autoptr (GError) error = NULL;

  if (!sondectl_bench_options_parse (&options, context, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  targets = sondectl_target_list (context, argc - 1, argv + 1, options.mode, &error);
  if (targets == NULL)
    return sondectl_exit_with_error ("bench", error);
  if (!check_target (targets->pdata[0], &error))
    return sondectl_exit_with_error (argv[1], error);

  return bench_target (context, targets->pdata[0], &options);
}
