/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The verbs that send a server from one state to another. All of them take any number of
 * servers, do what they can, and say nothing where it went well. */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-servers.h"

#include <libsonde/sonde.h>

#define DRAIN_TIMEOUT "30s"

static const char *const keys[] = { "Name", "State", "BoundAddresses", NULL };

#define REMOVE "Manager.RemoveServer"

static const struct
{
  const char *verb;
  const char *method;
} methods[] = {
  { "start", "Server.Start" },
  { "stop", "Server.Stop" },
  { "relisten", "Server.Relisten" },
  { "remove", REMOVE },
};

/* What to call for each server. */
typedef struct
{
  const char *method; /* (unowned) */
  gboolean    has_timeout;
  guint64     timeout_usec;
} Step;

static const char *
find_method (const char *verb)
{
  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      if (g_str_equal (methods[i].verb, verb))
        return methods[i].method;
    }

  g_return_val_if_reached (NULL);
}

static gboolean
call_server (SondectlContext *context,
             const char      *name,
             const Step      *step,
             GError         **error)
{
  const gboolean   is_removal = g_str_equal (step->method, REMOVE);
  g_autofree char *path = sondectl_servers_find (context, name, error);
  g_autoptr (GVariant) reply = NULL;
  GVariant *parameters = NULL;

  if (path == NULL)
    return FALSE;

  if (is_removal)
    parameters = g_variant_new ("(s)", name);
  else if (step->has_timeout)
    parameters = g_variant_new ("(t)", step->timeout_usec);
  reply = sondectl_bus_change (context,
                               is_removal ? SONDECTL_ROOT_PATH : path,
                               step->method,
                               parameters,
                               "()",
                               error);

  return reply != NULL;
}

static void
add_json (SondectlContext *context,
          JsonArray       *array,
          const char      *name)
{
  const char *const names[] = { name, NULL };
  g_autoptr (GPtrArray) servers = sondectl_servers_list (context, names, NULL);
  JsonObject *row = json_object_new ();

  if (servers != NULL)
    sondectl_json_copy (row, servers->pdata[0], keys);
  else
    json_object_set_string_member (row, "Name", name);
  json_array_add_object_element (array, row);
}

static SondectlExit
call_servers (SondectlContext   *context,
              const char *const *names,
              const Step        *step)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_ARRAY);
  JsonArray   *array = json_array_new ();
  SondectlExit status = SONDECTL_EXIT_OK;

  json_node_take_array (root, array);
  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;
      SondectlExit one_status = SONDECTL_EXIT_OK;

      if (!call_server (context, names[i], step, &error))
        one_status = sondectl_exit_with_error (names[i], error);
      else if (context->json != SONDECTL_JSON_OFF)
        add_json (context, array, names[i]);
      if (status == SONDECTL_EXIT_OK)
        status = one_status;
    }
  if (context->json != SONDECTL_JSON_OFF)
    sondectl_json_print_node (context, root);

  return status;
}

/*
 * sondectl_lifecycle:
 * @context: what was asked for, and with which verb
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Starts, stops or removes servers, or lets them listen anew.
 *
 * Returns: the exit status of the first one that failed
 */
SondectlExit
sondectl_lifecycle (SondectlContext *context,
                    int              argc,
                    char           **argv)
{
  Step step = { find_method (context->verb->name), FALSE, 0 };

  if (!sondectl_context_parse_verb (context, NULL, 1, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  return call_servers (context, (const char *const *) argv + 1, &step);
}

/*
 * sondectl_drain:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Lets servers take no more connections, and waits until those there are have ended.
 *
 * Returns: the exit status of the first one that failed
 */
SondectlExit
sondectl_drain (SondectlContext *context,
                int              argc,
                char           **argv)
{
  Step             step = { "Server.Drain", TRUE, 0 };
  g_autofree char *timeout = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "timeout", 0, 0, G_OPTION_ARG_STRING, &timeout,
      N_ ("Reset what has not ended after this time (30s); 0 for at once"), N_ ("TIME") },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 1, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!sondectl_parse_duration ("timeout",
                                timeout != NULL ? timeout : DRAIN_TIMEOUT,
                                &step.timeout_usec,
                                &error))
    return sondectl_exit_with_error (context->verb->name, error);

  return call_servers (context, (const char *const *) argv + 1, &step);
}
