/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <glib/gi18n.h>
#include <locale.h>

#include "sondectl-complete.h"
#include "sondectl-format.h"
#include "sondectl-terminal.h"
#include "sondectl-verbs.h"

#include <libsonde/sonde.h>

#define USAGE_WIDTH 30

static const SondectlVerb verbs[] = {
  { "status", N_ ("[SERVER...]"), sondectl_status,
    N_ ("Show the daemon and what its servers do (default)") },
  { "list", "", sondectl_list,
    N_ ("List the servers and where they listen") },
  { "show", N_ ("SERVER"), sondectl_show,
    N_ ("Show the properties of a server") },
  { "create", N_ ("NAME [KEY=VALUE...]"), sondectl_create,
    N_ ("Make a server, by default on a free port of this machine") },
  { "set", N_ ("SERVER KEY=VALUE..."), sondectl_set,
    N_ ("Change settings, all or none of them") },
  { "start", N_ ("SERVER..."), sondectl_lifecycle,
    N_ ("Let servers listen") },
  { "stop", N_ ("SERVER..."), sondectl_lifecycle,
    N_ ("Stop listening, and let the connections finish") },
  { "drain", N_ ("SERVER..."), sondectl_drain,
    N_ ("The same, with as much time as you give them") },
  { "relisten", N_ ("SERVER..."), sondectl_lifecycle,
    N_ ("Put new listening sockets in the place of the old ones") },
  { "remove", N_ ("SERVER..."), sondectl_lifecycle,
    N_ ("Stop servers and forget them") },
  { "options", N_ ("SERVER"), sondectl_options,
    N_ ("Compare the socket options asked for with what the kernel gave") },
  { "explain", N_ ("[KEY[=VALUE]]"), sondectl_explain,
    N_ ("Tell what a setting does, and what this machine makes of it"), .is_local = TRUE },
  { "limits", "", sondectl_limits,
    N_ ("Show what the kernel allows") },
  { "connections", N_ ("SERVER"), sondectl_connections,
    N_ ("List who is connected") },
  { "tcpinfo", N_ ("SERVER ID"), sondectl_tcpinfo,
    N_ ("Show all that is known about a connection") },
  { "close", N_ ("SERVER ID"), sondectl_close,
    N_ ("Close a connection") },
  { "statistics", N_ ("SERVER"), sondectl_statistics,
    N_ ("Show what a server has done") },
  { "monitor", N_ ("[SERVER]"), sondectl_monitor,
    N_ ("Show changes as they happen, until interrupted") },
  { "wait", N_ ("SERVER CONDITION..."), sondectl_wait,
    N_ ("Wait for counters, as in NAccepted>=3 or NConnections=0") },
  { "run", N_ ("-- COMMAND [ARGUMENT...]"), sondectl_run,
    N_ ("Run a command beside a daemon of its own, which ends with it"), .is_local = TRUE,
    .details = N_ ("The daemon has a server of each mode (echo, echo-once, upper, upper-once,\n"
                   "upper-line) on a free port of the loopback, and a bus that nobody else is\n"
                   "on. The command finds in its environment SONDE_PORT_ECHO,\n"
                   "SONDE_PORT_ECHO_ONCE and so on, and DBUS_SESSION_BUS_ADDRESS.\n\n"
                   "The exit status is that of the command: 126 if it cannot be run, 127 if it\n"
                   "is not found, 128 and the number of the signal if one ended it.") },
  { "verify", N_ ("[FILE...]"), sondectl_verify,
    N_ ("Check configuration files, by default those that there are"), .is_local = TRUE },
  { "cat-config", "", sondectl_cat_config,
    N_ ("Show the configuration, file by file in the order of reading"), .is_local = TRUE },
  { "log-level", N_ ("[LEVEL]"), sondectl_log_level,
    N_ ("Show or change what the daemon logs") },
  { "probe", N_ ("[SERVER... | HOST PORT]"), sondectl_probe,
    N_ ("Send something to servers and compare the answer") },
  { "top", "", sondectl_top,
    N_ ("Show on a screen what the servers do at this moment") },
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
  const int        padding = MAX (0, USAGE_WIDTH - (int) sondectl_format_get_width (usage));

  g_string_append_printf (help, "  %s%*s %s\n", usage, padding, "", description);
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
  sondectl_terminal_open_pager ();
  g_print ("%s", help->str);

  return SONDECTL_EXIT_OK;
}

static SondectlExit
usage_error (const char *message)
{
  g_printerr ("sondectl: %s; %s\n",
              message,
              _ ("'sondectl help' lists the verbs and options"));

  return SONDECTL_EXIT_USAGE;
}

static SondectlExit
unknown_verb (const char *name)
{
  const char      *names[G_N_ELEMENTS (verbs) + 1] = { NULL };
  g_autofree char *excerpt = sonde_error_excerpt (name);
  g_autofree char *printable = sondectl_format_printable (excerpt);
  g_autofree char *message = NULL;
  const char      *nearest = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    names[i] = verbs[i].name;
  nearest = sonde_error_find_nearest (name, names);
  if (name[0] == '-')
    message = g_strdup_printf (_ ("Unknown option: %s"), printable);
  else if (nearest == NULL)
    message = g_strdup_printf (_ ("Unknown verb: %s"), printable);
  else
    message = g_strdup_printf (_ ("Unknown verb: %s; did you mean '%s'?"), printable, nearest);

  return usage_error (message);
}

static SondectlExit
run_verb (SondectlContext *context,
          int              argc,
          char           **argv)
{
  char *default_argv[] = { argv[0], (char *) "status", NULL };

  if (argc < 2)
    return run_verb (context, 2, default_argv);
  if (g_strv_contains ((const char *const[]){ "help", "--help", "-h", NULL }, argv[1]))
    return show_help ();

  if (g_str_equal (argv[1], "complete"))
    return sondectl_complete (context, verbs, G_N_ELEMENTS (verbs));

  context->verb = find_verb (argv[1]);
  if (context->verb == NULL)
    return unknown_verb (argv[1]);
  if (context->verb->is_local && context->host != NULL)
    return usage_error (_ ("This verb looks at this machine only and takes no --host"));

  return context->verb->fn (context, argc - 1, argv + 1);
}

/* Output that did not fit on a disk must not look like all there is. */
static SondectlExit
finish (SondectlExit status)
{
  if (sondectl_terminal_flush ())
    return status;

  g_printerr ("sondectl: %s\n", _ ("not all of the output could be written"));

  return status != SONDECTL_EXIT_OK ? status : SONDECTL_EXIT_FAILED;
}

int
main (int    argc,
      char **argv)
{
  g_auto (SondectlContext) context = { NULL };
  g_autoptr (GError) error = NULL;

  sondectl_terminal_occupy_standard_streams ();
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
      return finish (SONDECTL_EXIT_OK);
    }

  return finish (run_verb (&context, argc, argv));
}
