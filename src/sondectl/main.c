/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <glib/gi18n.h>
#include <locale.h>

#include "sondectl-verbs.h"

#define USAGE_WIDTH 30

static const SondectlVerb verbs[] = {
  { "status", N_ ("[SERVER...]"), sondectl_status,
    N_ ("Show the daemon and what its servers do (default)") },
  { "list", "", sondectl_list,
    N_ ("List the servers and where they listen") },
  { "limits", "", sondectl_limits,
    N_ ("Show what the kernel allows") },
  { "options", N_ ("SERVER"), sondectl_options,
    N_ ("Compare the socket options asked for with what the kernel gave") },
  { "set", N_ ("SERVER KEY=VALUE..."), sondectl_set,
    N_ ("Change settings, all or none of them") },
  { "connections", N_ ("SERVER"), sondectl_connections,
    N_ ("List who is connected") },
  { "probe", N_ ("[SERVER... | HOST PORT]"), sondectl_probe,
    N_ ("Send something to servers and compare the answer") },
  { "bench", N_ ("SERVER | HOST PORT"), sondectl_bench,
    N_ ("Load a server over many connections and measure how long it takes") },
};

static const SondectlVerb *
find_verb (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      if (g_str_equal (verbs[i].name, name))
        return &verbs[i];
    }

  return NULL;
}

static void
append_verb (GString    *help,
             const char *name,
             const char *arguments,
             const char *description)
{
  g_autofree char *usage = g_strdup_printf ("%s %s", name, arguments);
  const glong      padding = MAX (0, USAGE_WIDTH - g_utf8_strlen (usage, -1));

  g_string_append_printf (help, "  %s%*s %s\n", usage, (int) padding, "", description);
}

static SondectlExit
show_help (void)
{
  g_autoptr (GString) help = g_string_new (NULL);
  g_autofree char *options = sondectl_context_get_options_help ();

  g_string_append_printf (help,
                          "%s\n\n%s\n",
                          _ ("Usage: sondectl [OPTION...] [VERB [ARGUMENT...]]"),
                          _ ("Verbs:"));
  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    append_verb (help,
                 verbs[i].name,
                 sondectl_verb_get_arguments (&verbs[i]),
                 _ (verbs[i].description));
  append_verb (help, "help", "", _ ("Show this; 'sondectl VERB --help' tells more of a verb"));
  g_string_append_printf (help, "\n%s\n\n%s\n", options, _ ("Exit status:"));
  sondectl_exit_append_help (help);
  g_print ("%s", help->str);

  return SONDECTL_EXIT_OK;
}

static SondectlExit
usage_error (const char *message)
{
  g_printerr ("sondectl: %s\n%s\n",
              message,
              _ ("'sondectl help' lists the verbs and options."));

  return SONDECTL_EXIT_USAGE;
}

static SondectlExit
run_verb (SondectlContext *context,
          int              argc,
          char           **argv)
{
  char            *default_argv[] = { argv[0], (char *) "status", NULL };
  g_autofree char *message = NULL;

  if (argc < 2)
    return run_verb (context, 2, default_argv);
  if (g_strv_contains ((const char *const[]){ "help", "--help", "-h", NULL }, argv[1]))
    return show_help ();

  context->verb = find_verb (argv[1]);
  if (context->verb != NULL)
    return context->verb->fn (context, argc - 1, argv + 1);

  message = g_strdup_printf (argv[1][0] == '-' ? _ ("Unknown option: %s")
                                               : _ ("Unknown verb: %s"),
                             argv[1]);

  return usage_error (message);
}

int
main (int    argc,
      char **argv)
{
  g_auto (SondectlContext) context = { NULL };
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  g_set_prgname ("sondectl");

  if (!sondectl_context_init (&context, &argc, &argv, &error))
    return usage_error (error->message);
  if (context.version)
    {
      g_print ("sondectl %s\n", PACKAGE_VERSION);
      return SONDECTL_EXIT_OK;
    }

  return run_verb (&context, argc, argv);
}
