/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-json.h"

#include <stdio.h>

#include "sondectl-terminal.h"

/*
 * sondectl_json_copy:
 * @to: an object
 * @from: another one
 * @names: (array zero-terminated=1): which of its members
 *
 * Copies members, as far as they are there.
 */
void
sondectl_json_copy (JsonObject        *to,
                    JsonObject        *from,
                    const char *const *names)
{
  for (gsize i = 0; names[i] != NULL; i++)
    {
      if (json_object_has_member (from, names[i]))
        json_object_set_member (to, names[i], json_object_dup_member (from, names[i]));
    }
}

/*
 * sondectl_json_print_node:
 * @context: tells the form
 * @root: what to print
 *
 * Prints one JSON document and a line feed.
 */
void
sondectl_json_print_node (SondectlContext *context,
                          JsonNode        *root)
{
  g_autofree char *text = json_to_string (root, context->json == SONDECTL_JSON_PRETTY);

  if (context->json == SONDECTL_JSON_PRETTY)
    sondectl_terminal_open_pager ();

  /* JSON is UTF-8 in any locale, which g_print() would convert it to. */
  fputs (text, stdout);
  fputc ('\n', stdout);
}

/*
 * sondectl_json_print:
 * @context: tells the form
 * @value: what to print, sunk if it is floating
 *
 * Prints a value as one JSON document and a line feed.
 */
void
sondectl_json_print (SondectlContext *context,
                     GVariant        *value)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (value);
  g_autoptr (JsonNode) root = json_gvariant_serialize (sunk);

  sondectl_json_print_node (context, root);
}
