/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Options are parsed twice. The first pass takes those that every verb knows, wherever
 * they stand, and leaves alone what it does not know; the second one belongs to the verb
 * and refuses what is left. So "sondectl probe --upper --json=short" works in any order. */

#include "config.h"

#include "sondectl-context.h"

#include <glib/gi18n.h>
#include <unistd.h>

typedef struct
{
  gboolean session;
  gboolean system;
  gboolean no_legend;
  char    *address; /* (owned) (nullable) */
  char    *json;    /* (owned) (nullable) */
  gboolean version;
} Options;

static void
options_clear (Options *options)
{
  g_clear_pointer (&options->address, g_free);
  g_clear_pointer (&options->json, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static GOptionContext *
create_option_context (Options *options)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  const GOptionEntry entries[] = {
    { "session", 0, 0, G_OPTION_ARG_NONE, &options->session,
      N_ ("Talk to the daemon on the session bus (default when not root)"), NULL },
    { "system", 0, 0, G_OPTION_ARG_NONE, &options->system,
      N_ ("Talk to the daemon on the system bus"), NULL },
    { "address", 0, 0, G_OPTION_ARG_STRING, &options->address,
      N_ ("Talk to the daemon on the bus at ADDRESS"), N_ ("ADDRESS") },
    { "json", 0, 0, G_OPTION_ARG_STRING, &options->json,
      N_ ("Print JSON: 'short' or 'pretty'"), N_ ("FORM") },
    { "no-legend", 0, 0, G_OPTION_ARG_NONE, &options->no_legend,
      N_ ("Print no headings and no summary"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version,
      N_ ("Print the version and exit"), NULL },
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_ignore_unknown_options (context, TRUE);

  return g_steal_pointer (&context);
}

static GBusType
get_default_bus_type (void)
{
  if (g_getenv ("DBUS_SESSION_BUS_ADDRESS") != NULL || getuid () != 0)
    return G_BUS_TYPE_SESSION;

  return G_BUS_TYPE_SYSTEM;
}

static gboolean
set_bus (SondectlContext *self,
         Options         *options,
         GError         **error)
{
  if (options->session + options->system + (options->address != NULL) > 1)
    {
      g_set_error_literal (error,
                           G_OPTION_ERROR,
                           G_OPTION_ERROR_BAD_VALUE,
                           _ ("Only one of --session, --system and --address makes sense"));
      return FALSE;
    }

  self->address = g_steal_pointer (&options->address);
  if (options->session)
    self->bus_type = G_BUS_TYPE_SESSION;
  else if (options->system)
    self->bus_type = G_BUS_TYPE_SYSTEM;
  else
    self->bus_type = get_default_bus_type ();

  return TRUE;
}

static gboolean
set_json (SondectlContext *self,
          const char      *form,
          GError         **error)
{
  if (form == NULL)
    self->json = SONDECTL_JSON_OFF;
  else if (g_str_equal (form, "short"))
    self->json = SONDECTL_JSON_SHORT;
  else if (g_str_equal (form, "pretty"))
    self->json = SONDECTL_JSON_PRETTY;
  else
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("--json takes 'short' or 'pretty', not '%s'"),
                   form);
      return FALSE;
    }

  return TRUE;
}

/*
 * sondectl_context_init:
 * @self: (out caller-allocates): a context
 * @argc: (inout): how many arguments
 * @argv: (inout): the arguments; those that were understood are removed
 * @error: a #GOptionError
 *
 * Takes the options that every verb has from the command line.
 */
gboolean
sondectl_context_init (SondectlContext *self,
                       int             *argc,
                       char          ***argv,
                       GError         **error)
{
  g_auto (Options) options = { FALSE };
  g_autoptr (GOptionContext) context = create_option_context (&options);

  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (!set_bus (self, &options, error))
    return FALSE;
  if (!set_json (self, options.json, error))
    return FALSE;

  self->legend = !options.no_legend;
  self->version = options.version;

  return TRUE;
}

/*
 * sondectl_context_clear:
 * @self: a context
 *
 * Frees what a context holds.
 */
void
sondectl_context_clear (SondectlContext *self)
{
  g_clear_pointer (&self->address, g_free);
}

/*
 * sondectl_context_get_options_help:
 *
 * Describes the options that every verb has.
 */
char *
sondectl_context_get_options_help (void)
{
  g_auto (Options) options = { FALSE };
  g_autoptr (GOptionContext) context = create_option_context (&options);
  g_autofree char *help = g_option_context_get_help (context, TRUE, NULL);
  const char      *listing = strstr (help, "\n\n");

  /* The usage line in front is ours to write. */
  return g_strchomp (g_strdup (listing != NULL ? listing + 2 : help));
}

/*
 * sondectl_verb_get_arguments:
 * @self: a verb
 *
 * Gets what a verb takes, in the language of the user.
 */
const char *
sondectl_verb_get_arguments (const SondectlVerb *self)
{
  /* The translation of nothing is the header of the catalogue. */
  return self->arguments[0] != '\0' ? _ (self->arguments) : "";
}

static gboolean
check_count (int      count,
             int      min,
             int      max,
             GError **error)
{
  if (count >= min && count <= max)
    return TRUE;

  g_set_error_literal (error,
                       G_OPTION_ERROR,
                       G_OPTION_ERROR_FAILED,
                       count < min ? _ ("Too few arguments") : _ ("Too many arguments"));

  return FALSE;
}

/*
 * sondectl_context_parse_verb:
 * @self: a context
 * @entries: (nullable): the options that only this verb has
 * @min: how many arguments it needs
 * @max: how many it takes
 * @argc: (inout): how many arguments, with the verb itself in front
 * @argv: (inout): the arguments; only those that are no options stay
 *
 * Parses what follows the verb, and tells the user what is wrong with it.
 *
 * Returns: %FALSE if it is not valid
 */
gboolean
sondectl_context_parse_verb (SondectlContext    *self,
                             const GOptionEntry *entries,
                             int                 min,
                             int                 max,
                             int                *argc,
                             char             ***argv)
{
  const char      *arguments = sondectl_verb_get_arguments (self->verb);
  g_autofree char *usage = g_strchomp (g_strdup_printf ("%s %s", self->verb->name, arguments));
  g_autoptr (GOptionContext) context = g_option_context_new (usage);
  g_autoptr (GError) error = NULL;

  g_option_context_set_summary (context, _ (self->verb->description));
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  if (g_option_context_parse (context, argc, argv, &error) &&
      check_count (*argc - 1, min, max, &error))
    return TRUE;

  sondectl_exit_with_error (self->verb->name, error);
  g_printerr (_ ("Usage: sondectl %s\n"), usage);

  return FALSE;
}
