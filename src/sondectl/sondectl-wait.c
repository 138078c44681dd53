/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>
#include <string.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-servers.h"
#include "sondectl-wait.h"

#define FOR_EVER G_MAXUINT64

/* What the daemon waits for: counters until they are reached, which never go back, and a
 * gauge until it is right. */
static const struct
{
  const char *name;
  const char *comparison;
  const char *type;
} conditions[] = {
  { "NAccepted", ">=", "t" },
  { "NClosed", ">=", "t" },
  { "BytesReceived", ">=", "t" },
  { "NConnections", "=", "u" },
};

#define ALLOWED "NAccepted>=N, NClosed>=N, BytesReceived>=N, NConnections=N"

/*
 * sondectl_wait_list_conditions:
 *
 * Lists what can be waited for, without the numbers.
 *
 * Returns: (transfer full): such as `NAccepted>=`
 */
char **
sondectl_wait_list_conditions (void)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (conditions); i++)
    {
      g_autofree char *text = g_strconcat (conditions[i].name, conditions[i].comparison, NULL);

      g_strv_builder_add (builder, text);
    }

  return g_strv_builder_end (builder);
}

static gboolean
set_condition_error (const char *text,
                     GError    **error)
{
  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               _ ("'%s' is not a condition; allowed: %s"),
               text,
               ALLOWED);

  return FALSE;
}

static gboolean
add_condition (GVariantDict *dict,
               const char   *text,
               GError      **error)
{
  const gsize name_length = strcspn (text, "<>=!");

  for (gsize i = 0; i < G_N_ELEMENTS (conditions); i++)
    {
      const gboolean is_wide = g_str_equal (conditions[i].type, "t");
      const char    *number = text + name_length + strlen (conditions[i].comparison);
      guint64        value = 0;

      if (strlen (conditions[i].name) != name_length ||
          strncmp (text, conditions[i].name, name_length) != 0)
        continue;
      if (!g_str_has_prefix (text + name_length, conditions[i].comparison) ||
          !g_ascii_string_to_unsigned (number,
                                       10,
                                       0,
                                       is_wide ? G_MAXUINT64 : G_MAXUINT32,
                                       &value,
                                       NULL))
        return set_condition_error (text, error);

      g_variant_dict_insert_value (dict,
                                   conditions[i].name,
                                   is_wide ? g_variant_new_uint64 (value)
                                           : g_variant_new_uint32 ((guint32) value));
      return TRUE;
    }

  return set_condition_error (text, error);
}

static GVariant *
parse_conditions (char   **texts,
                  GError **error)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  for (gsize i = 0; texts[i] != NULL; i++)
    {
      if (!add_condition (&dict, texts[i], error))
        return NULL;
    }

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static gboolean
wait_for (SondectlContext *context,
          const char      *name,
          GVariant        *condition,
          guint64          timeout_usec,
          GError         **error)
{
  g_autofree char *path = sondectl_servers_find (context, name, error);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) snapshot = NULL;

  if (path == NULL)
    return FALSE;

  reply = sondectl_bus_change (context,
                               path,
                               "Server.WaitFor",
                               g_variant_new ("(@a{sv}t)", condition, timeout_usec),
                               "(a{sv})",
                               error);
  if (reply == NULL)
    return FALSE;

  snapshot = g_variant_get_child_value (reply, 0);
  if (context->json != SONDECTL_JSON_OFF)
    sondectl_json_print (context, snapshot);

  return TRUE;
}

/*
 * sondectl_wait:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Waits until counters of a server have reached values.
 */
SondectlExit
sondectl_wait (SondectlContext *context,
               int              argc,
               char           **argv)
{
  guint64          timeout_usec = FOR_EVER;
  g_autofree char *timeout = NULL;
  g_autoptr (GVariant) condition = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "timeout", 0, 0, G_OPTION_ARG_STRING, &timeout,
      N_ ("Give up after this time (never); 0 looks once"), N_ ("TIME") },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 2, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (timeout != NULL && !sondectl_parse_duration ("timeout", timeout, &timeout_usec, &error))
    return sondectl_exit_with_error (context->verb->name, error);

  condition = parse_conditions (argv + 2, &error);
  if (condition == NULL)
    return sondectl_exit_with_error (context->verb->name, error);
  if (!wait_for (context, argv[1], condition, timeout_usec, &error))
    return sondectl_exit_with_error (argv[1], error);

  return SONDECTL_EXIT_OK;
}
