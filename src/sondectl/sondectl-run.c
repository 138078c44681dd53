/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdio.h>

#include "sondectl-child.h"
#include "sondectl-ephemeral.h"
#include "sondectl-json.h"
#include "sondectl-servers.h"

/* As env(1) and the shells have them. */
#define STATUS_NOT_RUN 126
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNAL 128

static const char *const keys[] = { "Name", "State", "BoundAddresses", NULL };

/* SONDE_PORT_UPPER_ONCE for a server upper-once. */
static char *
make_variable (const char *server)
{
  g_autofree char *upper = g_ascii_strup (server, -1);

  g_strcanon (upper, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", '_');

  return g_strconcat ("SONDE_PORT_", upper, NULL);
}

static void
set_port (GSubprocessLauncher *launcher,
          JsonObject          *server)
{
  g_autoptr (GVariant) addresses = sondectl_servers_dup_addresses (server);
  g_autofree char *variable = NULL;
  g_autofree char *value = NULL;
  guint16          port;

  if (addresses == NULL || g_variant_n_children (addresses) == 0)
    return;

  g_variant_get_child (addresses, 0, "(&sq)", NULL, &port);
  variable = make_variable (json_object_get_string_member (server, "Name"));
  value = g_strdup_printf ("%u", port);
  g_subprocess_launcher_setenv (launcher, variable, value, TRUE);
}

static void
print_json (SondectlContext *context,
            const char      *address,
            GPtrArray       *servers)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  JsonArray  *array = json_array_new ();

  json_node_take_object (root, object);
  json_object_set_string_member (object, "Address", address);
  json_object_set_array_member (object, "Servers", array);
  for (guint i = 0; i < servers->len; i++)
    {
      JsonObject *row = json_object_new ();

      sondectl_json_copy (row, servers->pdata[i], keys);
      json_array_add_object_element (array, row);
    }
  sondectl_json_print_node (context, root);
  fflush (stdout);
}

static GSubprocess *
start_command (SondectlContext *context,
               const char      *address,
               char           **command,
               GError         **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
    sondectl_child_create_launcher (SONDECTL_CHILD_FOREGROUND, G_SUBPROCESS_FLAGS_STDIN_INHERIT);
  g_autoptr (GPtrArray) servers = sondectl_servers_list (context, NULL, error);

  if (servers == NULL)
    return NULL;

  g_subprocess_launcher_setenv (launcher, "DBUS_SESSION_BUS_ADDRESS", address, TRUE);
  for (guint i = 0; i < servers->len; i++)
    set_port (launcher, servers->pdata[i]);
  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, address, servers);

  return g_subprocess_launcher_spawnv (launcher, (const char *const *) command, error);
}

/* The command, once it runs. */
typedef struct
{
  GSubprocess *command; /* (unowned) (nullable) */
  GMainLoop   *loop;    /* (unowned) */
} Run;

static gboolean
hand_on_term_cb (gpointer user_data)
{
  g_subprocess_send_signal (((Run *) user_data)->command, SIGTERM);

  return G_SOURCE_CONTINUE;
}

static gboolean
hand_on_hup_cb (gpointer user_data)
{
  g_subprocess_send_signal (((Run *) user_data)->command, SIGHUP);

  return G_SOURCE_CONTINUE;
}

/* Before there is a command, so that no signal is lost on it: it is told of them when we
 * wait. Ctrl-C is its own to answer, it hears it as well. */
static void
catch_signals (Run *run)
{
  signal (SIGINT, SIG_IGN);
  signal (SIGQUIT, SIG_IGN);
  g_unix_signal_add (SIGTERM, hand_on_term_cb, run);
  g_unix_signal_add (SIGHUP, hand_on_hup_cb, run);
}

static void
ended_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_subprocess_wait_finish (G_SUBPROCESS (source), result, NULL);
  g_main_loop_quit (user_data);
}

static int
wait_command (Run *run)
{
  g_subprocess_wait_async (run->command, NULL, ended_cb, run->loop);
  g_main_loop_run (run->loop);

  return g_subprocess_get_if_exited (run->command)
           ? g_subprocess_get_exit_status (run->command)
           : STATUS_SIGNAL + g_subprocess_get_term_sig (run->command);
}

static int
run_command (SondectlContext *context,
             const char      *config,
             gboolean         verbose,
             char           **command)
{
  g_autoptr (SondectlEphemeral) daemon = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GSubprocess) child = NULL;
  g_autoptr (GError) error = NULL;
  Run run = { NULL, loop };

  daemon = sondectl_ephemeral_new (config, verbose, &error);
  if (daemon == NULL)
    return sondectl_exit_with_error ("run", error);

  g_clear_pointer (&context->address, g_free);
  context->address = g_strdup (sondectl_ephemeral_get_address (daemon));
  catch_signals (&run);
  run.command = child = start_command (context, context->address, command, &error);
  g_clear_object (&context->connection);
  if (child != NULL)
    return wait_command (&run);

  sondectl_exit_with_error ("run", error);
  if (g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
    return STATUS_NOT_FOUND;

  return error->domain == G_SPAWN_ERROR ? STATUS_NOT_RUN : (int) sondectl_exit_from_error (error);
}

/*
 * sondectl_run:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Runs a command beside a daemon of its own.
 *
 * Returns: the exit status of the command
 */
SondectlExit
sondectl_run (SondectlContext *context,
              int              argc,
              char           **argv)
{
  gboolean           verbose = FALSE;
  g_autofree char   *config = NULL;
  const GOptionEntry entries[] = {
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &config,
      N_ ("Run the servers of this file instead of one of each mode"), N_ ("FILE") },
    { "verbose", 0, 0, G_OPTION_ARG_NONE, &verbose,
      N_ ("Show what the daemon logs"), NULL },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 1, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  return (SondectlExit) run_command (context, config, verbose, argv + 1);
}
