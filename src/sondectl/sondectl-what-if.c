/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-what-if.h"

#include <glib/gi18n.h>
#include <string.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-table.h"

#include <libsonde/sonde.h>

#define TIMEOUT_NAME "ConnectTimeoutUSec"

static const SondectlColumn columns[] = {
  { N_ ("LIMIT"), FALSE },
  { N_ ("NOW"), FALSE },
  { N_ ("WHAT IF"), FALSE },
};

static gboolean
add_assumption (GVariantDict *dict,
                const char   *assignment,
                GError      **error)
{
  const char      *equals = strchr (assignment, '=');
  g_autofree char *name = NULL;
  guint64          number = 0;

  if (equals == NULL || equals == assignment ||
      !g_ascii_string_to_unsigned (equals + 1, 10, 0, G_MAXUINT32, &number, NULL))
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   _ ("'%s' is not of the form SYSCTL=NUMBER"),
                   assignment);
      return FALSE;
    }

  name = g_strndup (assignment, (gsize) (equals - assignment));
  g_variant_dict_insert (dict, name, "u", (guint) number);

  return TRUE;
}

static GVariant *
parse_assumptions (const char *const *assignments,
                   GError           **error)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  for (gsize i = 0; assignments[i] != NULL; i++)
    {
      if (!add_assumption (&dict, assignments[i], error))
        return NULL;
    }

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* As for the limits themselves: the daemon's, and without a daemon ours. */
static gboolean
compute (SondectlContext *context,
         GVariant        *assumptions,
         guint64         *timeout_usec,
         GError         **error)
{
  g_autoptr (SondeKernelLimits) limits = NULL;
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) reply = sondectl_bus_read (context,
                                                  SONDECTL_ROOT_PATH,
                                                  "KernelLimits.ComputeConnectTimeout",
                                                  g_variant_new ("(@a{sv})", assumptions),
                                                  "(t)",
                                                  &local_error);

  if (reply != NULL)
    {
      g_variant_get (reply, "(t)", timeout_usec);
      return TRUE;
    }
  if (sondectl_exit_from_error (local_error) != SONDECTL_EXIT_NO_DAEMON)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  limits = sonde_kernel_limits_new ();

  return sonde_kernel_limits_compute_connect_timeout (limits, assumptions, timeout_usec, error);
}

static void
print_json (SondectlContext *context,
            GVariant        *assumptions,
            GVariant        *timeout,
            guint64          timeout_usec)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);

  if (timeout != NULL)
    g_variant_dict_insert_value (&dict, TIMEOUT_NAME, timeout);
  g_variant_dict_insert_value (&dict, "WhatIf", assumptions);
  g_variant_dict_insert (&dict, "WhatIf" TIMEOUT_NAME, "t", timeout_usec);
  sondectl_json_print (context, g_variant_dict_end (&dict));
}

static void
print_table (SondectlContext *context,
             GVariant        *assumptions,
             GVariant        *timeout,
             guint64          timeout_usec,
             GVariant        *limits)
{
  g_autoptr (SondectlTable) table = sondectl_table_new (columns, G_N_ELEMENTS (columns));
  GVariantIter iter;
  const char  *name;
  GVariant    *value;

  g_variant_iter_init (&iter, assumptions);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) now = g_variant_lookup_value (limits, name, NULL);

      sondectl_table_add_cell (table, name);
      sondectl_table_take_cell (table, now != NULL ? sondectl_format_variant (now) : NULL);
      sondectl_table_take_cell (table, sondectl_format_variant (value));
      g_variant_unref (value);
    }

  sondectl_table_add_cell (table, TIMEOUT_NAME);
  sondectl_table_take_cell (table,
                            timeout != NULL && g_variant_is_of_type (timeout, G_VARIANT_TYPE_UINT64)
                              ? sondectl_format_duration (g_variant_get_uint64 (timeout))
                              : NULL);
  sondectl_table_take_cell (table, sondectl_format_duration (timeout_usec));
  sondectl_table_print (table, context->legend);
}

/*
 * sondectl_what_if:
 * @context: where the daemon is
 * @assignments: (array zero-terminated=1): what to assume, each SYSCTL=NUMBER
 * @timeout: (nullable): the connect timeout as it is
 * @limits: the limits as they are, an `a{sv}`
 * @error: why it failed
 *
 * Shows the connect timeout that a kernel would have which is tuned otherwise.
 */
gboolean
sondectl_what_if (SondectlContext   *context,
                  const char *const *assignments,
                  GVariant          *timeout,
                  GVariant          *limits,
                  GError           **error)
{
  g_autoptr (GVariant) assumptions = parse_assumptions (assignments, error);
  guint64 timeout_usec = 0;

  if (assumptions == NULL || !compute (context, assumptions, &timeout_usec, error))
    return FALSE;

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, assumptions, timeout, timeout_usec);
  else
    print_table (context, assumptions, timeout, timeout_usec, limits);

  return TRUE;
}
