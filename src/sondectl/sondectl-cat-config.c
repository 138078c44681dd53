/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>
#include <stdio.h>

#include "sondectl-json.h"
#include "sondectl-program.h"
#include "sondectl-terminal.h"

#include <libsonde/sonde.h>

static JsonNode *
read_files (SondectlContext *context,
            GError         **error)
{
  g_autofree char *answer = sondectl_program_ask (context, "--cat-config", NULL, error);
  g_autoptr (JsonNode) root = answer != NULL ? json_from_string (answer, NULL) : NULL;

  if (answer == NULL)
    return NULL;
  if (root != NULL && JSON_NODE_HOLDS_ARRAY (root))
    return g_steal_pointer (&root);

  g_set_error_literal (error,
                       SONDE_ERROR,
                       SONDE_ERROR_FAILED,
                       _ ("the daemon does not tell its configuration in a way that is "
                          "understood"));

  return NULL;
}

static void
print_file (JsonObject *file,
            gboolean    is_first)
{
  const char *name = json_object_get_string_member_with_default (file, "File", "");
  const char *content = json_object_get_string_member_with_default (file, "Content", "");

  /* As it is, in any locale: it is a file. */
  printf ("%s%s# %s%s\n%s%s",
          is_first ? "" : "\n",
          sondectl_terminal_begin (SONDECTL_STYLE_HEADING),
          name,
          sondectl_terminal_end (SONDECTL_STYLE_HEADING),
          content,
          g_str_has_suffix (content, "\n") ? "" : "\n");
}

/*
 * sondectl_cat_config:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Shows the files of the configuration, in the order in which the daemon reads them.
 */
SondectlExit
sondectl_cat_config (SondectlContext *context,
                     int              argc,
                     char           **argv)
{
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GError) error = NULL;
  JsonArray *files = NULL;

  if (!sondectl_context_parse_verb (context, NULL, 0, 0, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  root = read_files (context, &error);
  if (root == NULL)
    return sondectl_exit_with_error (context->verb->name, error);
  if (context->json != SONDECTL_JSON_OFF)
    {
      sondectl_json_print_node (context, root);
      return SONDECTL_EXIT_OK;
    }

  files = json_node_get_array (root);
  sondectl_terminal_open_pager ();
  for (guint i = 0; i < json_array_get_length (files); i++)
    {
      JsonNode *file = json_array_get_element (files, i);

      if (JSON_NODE_HOLDS_OBJECT (file))
        print_file (json_node_get_object (file), i == 0);
    }

  return SONDECTL_EXIT_OK;
}
