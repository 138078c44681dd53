/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Options are parsed twice. The first pass takes those that every verb knows, wherever
 * they stand, and leaves alone what it does not know; the second one belongs to the verb
 * and refuses what is left. So "sondectl probe --upper --json=short" works in any order.
 * What follows "--" is nobody's option: it is set aside in between. */

#include "config.h"

#include "sondectl-context.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "sondectl-terminal.h"

typedef struct
{
  gboolean session;
  gboolean user; /* as busctl and systemctl call it */
  gboolean system;
  gboolean no_legend;
  gboolean no_pager;
  gboolean no_user_interaction;
  char    *address; /* (owned) (nullable) */
  char    *host;    /* (owned) (nullable) */
  char    *json;    /* (owned) (nullable) */
  gboolean version;
} Options;

static void
options_clear (Options *options)
{
  g_clear_pointer (&options->address, g_free);
  g_clear_pointer (&options->host, g_free);
  g_clear_pointer (&options->json, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* The options that every verb has. */
static GOptionEntry *
create_entries (Options *options)
{
  const GOptionEntry entries[] = {
    { "session", 0, 0, G_OPTION_ARG_NONE, &options->session,
      N_ ("Talk to the daemon on the session bus (default when not root)"), NULL },
    { "user", 0, 0, G_OPTION_ARG_NONE, &options->user, N_ ("The same as --session"), NULL },
    { "system", 0, 0, G_OPTION_ARG_NONE, &options->system,
      N_ ("Talk to the daemon on the system bus"), NULL },
    { "address", 0, 0, G_OPTION_ARG_STRING, &options->address,
      N_ ("Talk to the daemon on the bus at ADDRESS"), N_ ("ADDRESS") },
    { "host", 'H', 0, G_OPTION_ARG_STRING, &options->host,
      N_ ("Talk to the daemon of another machine, over ssh"), N_ ("[USER@]HOST") },
    { "json", 0, 0, G_OPTION_ARG_STRING, &options->json,
      N_ ("Print JSON, on one line or for people"), "short|pretty|off" },
    { "no-legend", 0, 0, G_OPTION_ARG_NONE, &options->no_legend,
      N_ ("Print no headings and no summary"), NULL },
    { "no-pager", 0, 0, G_OPTION_ARG_NONE, &options->no_pager,
      N_ ("Do not pipe output into a pager"), NULL },
    { "no-user-interaction", 0, 0, G_OPTION_ARG_NONE, &options->no_user_interaction,
      N_ ("Let nobody be asked for a password"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version,
      N_ ("Print the version and exit"), NULL },
    G_OPTION_ENTRY_NULL,
  };

  return g_memdup2 (entries, sizeof entries);
}

static GOptionContext *
create_option_context (Options *options)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree GOptionEntry *entries = create_entries (options);

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
set_bus_error (const char *message,
               GError    **error)
{
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, message);

  return FALSE;
}

/* Over ssh it is the system bus by default: a session is of who sits there. */
static gboolean
set_bus (SondectlContext *self,
         Options         *options,
         GError         **error)
{
  const gboolean session = options->session || options->user;

  if (session + options->system + (options->address != NULL) > 1)
    return set_bus_error (_ ("Only one of --session, --system and --address makes sense"), error);
  if (options->host != NULL && options->address != NULL)
    return set_bus_error (_ ("Only one of --host and --address makes sense"), error);
  if (options->host != NULL && (options->host[0] == '\0' || options->host[0] == '-'))
    return set_bus_error (_ ("--host takes the name or address of a machine"), error);

  self->address = g_steal_pointer (&options->address);
  self->host = g_steal_pointer (&options->host);
  if (session)
    self->bus_type = G_BUS_TYPE_SESSION;
  else if (options->system || self->host != NULL)
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
  if (form == NULL || g_str_equal (form, "off"))
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
                   _ ("--json takes 'short', 'pretty' or 'off', not '%s'"),
                   form);
      return FALSE;
    }

  return TRUE;
}

static void
take_tail (SondectlContext *self,
           int             *argc,
           char           **argv)
{
  for (int i = 1; i < *argc; i++)
    {
      if (!g_str_equal (argv[i], "--"))
        continue;
      self->tail = argv + i + 1;
      self->n_tail = *argc - i - 1;
      *argc = i;
    }
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

  take_tail (self, argc, *argv);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (!set_bus (self, &options, error))
    return FALSE;

  self->legend = !options.no_legend;
  self->interactive = !options.no_user_interaction;
  self->version = options.version;
  sondectl_terminal_init (!options.no_pager);

  return set_json (self, options.json, error);
}

/*
 * sondectl_context_clear:
 * @self: a context
 *
 * Frees what the context holds.
 */
void
sondectl_context_clear (SondectlContext *self)
{
  g_clear_object (&self->connection);
  g_clear_pointer (&self->address, g_free);
  g_clear_pointer (&self->host, g_free);
}

/*
 * sondectl_context_get_options_help:
 *
 * Describes the options that every verb has.
 *
 * Returns: (transfer full): the text
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
 * sondectl_context_visit_options:
 * @func: whom to tell
 * @user_data: data for @func
 *
 * Tells of all options that every verb has.
 */
void
sondectl_context_visit_options (SondectlOptionFunc func,
                                gpointer           user_data)
{
  g_auto (Options) options = { FALSE };
  g_autofree GOptionEntry *entries = create_entries (&options);

  for (gsize i = 0; entries[i].long_name != NULL; i++)
    func (&entries[i], user_data);
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

/* They stand further back in the same array. */
static void
append_tail (SondectlContext *self,
             int             *argc,
             char           **argv)
{
  for (int i = 0; i < self->n_tail; i++)
    argv[(*argc)++] = self->tail[i];
  if (self->n_tail > 0)
    argv[*argc] = NULL;
}

static GOptionContext *
create_verb_context (const SondectlVerb *verb,
                     const GOptionEntry *entries)
{
  const char      *arguments = sondectl_verb_get_arguments (verb);
  g_autofree char *usage = g_strchomp (g_strdup_printf ("%s %s", verb->name, arguments));
  g_autoptr (GOptionContext) context = g_option_context_new (usage);
  g_autofree char *summary = NULL;

  summary = g_strconcat (_ (verb->description),
                         verb->details != NULL ? "\n\n" : NULL,
                         verb->details != NULL ? _ (verb->details) : NULL,
                         NULL);
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (
    context, _ ("'sondectl help' lists the options that every verb has."));
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);

  return g_steal_pointer (&context);
}

static void
page_help (int    argc,
           char **argv)
{
  for (int i = 1; i < argc; i++)
    {
      if (g_str_equal (argv[i], "--help") || g_str_equal (argv[i], "-h"))
        sondectl_terminal_open_pager ();
    }
}

/* What is sent to a bus must be UTF-8; the name of a file may be anything. */
static gboolean
check_encoding (SondectlContext *self,
                int              argc,
                char           **argv,
                GError         **error)
{
  for (int i = 1; i < argc && !self->verb->is_local; i++)
    {
      if (g_utf8_validate (argv[i], -1, NULL))
        continue;
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("Argument %d is not UTF-8"),
                   i);
      return FALSE;
    }

  return TRUE;
}

static void
visit_entries (SondectlContext    *self,
               const GOptionEntry *entries)
{
  for (gsize i = 0; entries != NULL && entries[i].long_name != NULL; i++)
    self->visit (&entries[i], self->visit_data);
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
  g_autoptr (GOptionContext) context = NULL;
  g_autoptr (GError) error = NULL;

  if (self->visit != NULL)
    {
      visit_entries (self, entries);
      return FALSE;
    }

  context = create_verb_context (self->verb, entries);
  page_help (*argc, *argv);
  if (g_option_context_parse (context, argc, argv, &error))
    {
      append_tail (self, argc, *argv);
      if (check_count (*argc - 1, min, max, &error) &&
          check_encoding (self, *argc, *argv, &error))
        return TRUE;
    }

  sondectl_exit_with_error (self->verb->name, error);

  return FALSE;
}
