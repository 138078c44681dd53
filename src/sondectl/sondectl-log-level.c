/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The daemon's log is controlled as that of systemd's own daemons is. */

#include "config.h"

#include "sondectl-verbs.h"

#include "sondectl-bus.h"
#include "sondectl-json.h"

#define LOG_PATH "/org/freedesktop/LogControl1"
#define LOG_INTERFACE "org.freedesktop.LogControl1"

static gboolean
set_level (SondectlContext *context,
           const char      *level,
           GError         **error)
{
  g_autoptr (GVariant) reply = sondectl_bus_change (
    context,
    LOG_PATH,
    SONDECTL_PROPERTIES ".Set",
    g_variant_new ("(ssv)", LOG_INTERFACE, "LogLevel", g_variant_new_string (level)),
    "()",
    error);

  return reply != NULL;
}

static char *
get_level (SondectlContext *context,
           GError         **error)
{
  g_autoptr (GVariant) reply = sondectl_bus_read (context,
                                                  LOG_PATH,
                                                  SONDECTL_PROPERTIES ".Get",
                                                  g_variant_new ("(ss)", LOG_INTERFACE, "LogLevel"),
                                                  "(v)",
                                                  error);
  g_autoptr (GVariant) value = NULL;

  if (reply == NULL)
    return NULL;

  g_variant_get (reply, "(v)", &value);

  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string (value, NULL)
                                                             : g_strdup ("");
}

static void
print_json (SondectlContext *context,
            const char      *level)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&dict, "LogLevel", "s", level);
  sondectl_json_print (context, g_variant_dict_end (&dict));
}

/*
 * sondectl_log_level:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Shows or changes what the daemon logs.
 */
SondectlExit
sondectl_log_level (SondectlContext *context,
                    int              argc,
                    char           **argv)
{
  g_autofree char *level = NULL;
  g_autoptr (GError) error = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 0, 1, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (argc > 1 && !set_level (context, argv[1], &error))
    return sondectl_exit_with_error (context->verb->name, error);
  if (argc > 1 && context->json == SONDECTL_JSON_OFF)
    return SONDECTL_EXIT_OK;

  level = get_level (context, &error);
  if (level == NULL)
    return sondectl_exit_with_error (context->verb->name, error);

  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, level);
  else
    g_print ("%s\n", level);

  return SONDECTL_EXIT_OK;
}
