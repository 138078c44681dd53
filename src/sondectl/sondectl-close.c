/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-servers.h"

static gboolean
close_connection (SondectlContext *context,
                  const char      *name,
                  guint64          id,
                  const char      *how,
                  GError         **error)
{
  g_autofree char *path = sondectl_servers_find (context, name, error);
  g_autoptr (GVariant) reply = NULL;

  if (path == NULL)
    return FALSE;

  reply = sondectl_bus_change (context,
                               path,
                               "Server.CloseConnection",
                               g_variant_new ("(ts)", id, how),
                               "()",
                               error);

  return reply != NULL;
}

static void
print_json (SondectlContext *context,
            const char      *name,
            guint64          id,
            const char      *how)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&dict, "Name", "s", name);
  g_variant_dict_insert (&dict, "Id", "t", id);
  g_variant_dict_insert (&dict, "How", "s", how);
  sondectl_json_print (context, g_variant_dict_end (&dict));
}

/*
 * sondectl_close:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Closes a connection.
 */
SondectlExit
sondectl_close (SondectlContext *context,
                int              argc,
                char           **argv)
{
  gboolean    reset = FALSE;
  const char *how = NULL;
  guint64     id = 0;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "reset", 0, 0, G_OPTION_ARG_NONE, &reset,
      N_ ("Send a RST, which throws away what is unsent, instead of a FIN"), NULL },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 2, 2, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!sondectl_parse_id (argv[2], &id, &error))
    return sondectl_exit_with_error (context->verb->name, error);

  how = reset ? "reset" : "fin";
  if (!close_connection (context, argv[1], id, how, &error))
    return sondectl_exit_with_error (argv[1], error);
  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, argv[1], id, how);

  return SONDECTL_EXIT_OK;
}
