/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonded-options.h"

#include <gio/gio.h>
#include <libsonde/sonde.h>
#include <unistd.h>

#include "sonded-config-search.h"

static const char description[] =
  "Without --config= the configuration is the first sonded.conf in " SYSCONFDIR "/sonde,\n"
  "/run/sonde and " VENDORDIR "/sonde, and after it all of sonded.conf.d/*.conf there, sorted\n"
  "by name: one hides that of the same name in a later folder, an empty one or a\n"
  "link to /dev/null hides it without a successor. A daemon on a session bus looks\n"
  "in ~/.config/sonde and $XDG_RUNTIME_DIR/sonde first. SONDE_CONFIG_PATH, folders\n"
  "separated by colons, replaces them all. Where there is no sonded.conf, a built-in\n"
  "one is used: echo on port 9999, echo-once on 8888, upper on 9998, upper-once on\n"
  "9997 and upper-line on 9996, all of 127.0.0.1.\n"
  "\n"
  "SIGTERM and SIGINT stop listening, answer what was received and end the daemon;\n"
  "sent twice, they end it at once. SIGHUP reads the configuration again.\n"
  "\n"
  "With --no-bus there is nothing to see or to steer but the configuration. Otherwise the\n"
  "daemon serves on when the bus goes, and comes back to it; where its name is taken it\n"
  "serves on as well, and waits for it.\n"
  "\n"
  "Exit status:\n"
  "  0  stopped in order\n"
  "  1  a server could not listen, or the configuration could not be read\n"
  "  2  wrong usage\n"
  "  3  the bus cannot be reached, and --no-bus was not given\n"
  "  6  the configuration is not valid\n";

/* What stands on the command line. */
typedef struct
{
  gboolean session;
  gboolean system;
  gboolean no_bus;
  gboolean verify;
  gboolean cat;
  gboolean version;
  char    *address; /* (owned) (nullable) */
  char    *config;  /* (owned) (nullable) */
} Arguments;

static void
arguments_clear (Arguments *self)
{
  g_clear_pointer (&self->address, g_free);
  g_clear_pointer (&self->config, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Arguments, arguments_clear)

static char *
find_address (SondedOptions *self,
              const char    *asked,
              GError       **error)
{
  char *address = NULL;

  if (asked != NULL)
    return g_strdup (asked);

  address =
    g_dbus_address_get_for_bus_sync (self->system_bus ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION,
                                     NULL,
                                     error);
  if (address == NULL)
    g_prefix_error (error,
                    "there is no %s bus (--no-bus serves without one): ",
                    self->system_bus ? "system" : "session");

  return address;
}

static gboolean
fail (SondedExit  status,
      const char *message,
      int        *status_out)
{
  g_printerr ("sonded: %s\n", message);
  *status_out = status;

  return FALSE;
}

static gboolean
refuse (const char *why,
        GError    **error)
{
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, why);

  return FALSE;
}

static gboolean
parse (Arguments *self,
       int        argc,
       char     **argv,
       GError   **error)
{
  g_autoptr (GOptionContext) context =
    g_option_context_new ("- TCP servers that can be seen through");
  const GOptionEntry entries[] = {
    { "session", 0, 0, G_OPTION_ARG_NONE, &self->session,
      "Use the session bus (default when not root)", NULL },
    { "system", 0, 0, G_OPTION_ARG_NONE, &self->system,
      "Use the system bus (default when root)", NULL },
    { "address", 0, 0, G_OPTION_ARG_STRING, &self->address,
      "Use the bus at this address", "ADDRESS" },
    { "no-bus", 0, 0, G_OPTION_ARG_NONE, &self->no_bus,
      "Use no bus, and serve TCP only", NULL },
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &self->config,
      "Read this configuration, and no other file", "FILE" },
    { "verify", 0, 0, G_OPTION_ARG_NONE, &self->verify,
      "Check the configuration and exit", NULL },
    { "cat-config", 0, 0, G_OPTION_ARG_NONE, &self->cat,
      "Print the files of the configuration as JSON and exit", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &self->version,
      "Show the version", NULL },
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_description (context, description);

  return g_option_context_parse (context, &argc, &argv, error) &&
         (argc <= 1 || refuse ("no arguments are taken; see --help", error));
}

static gboolean
check (const Arguments *self,
       GError         **error)
{
  if (self->session && self->system)
    return refuse ("--session and --system exclude each other", error);
  if (self->no_bus && (self->session || self->system || self->address != NULL))
    return refuse ("--no-bus excludes --session, --system and --address", error);

  return TRUE;
}

/*
 * sonded_options_parse:
 * @self: where to put what was asked
 * @argc: of main()
 * @argv: of main()
 * @status: (out): with which status to exit if there is nothing to run
 *
 * Reads the command line.
 *
 * Returns: %FALSE if there is nothing to run
 */
gboolean
sonded_options_parse (SondedOptions *self,
                      int            argc,
                      char         **argv,
                      int           *status)
{
  g_auto (Arguments) arguments = { 0 };
  g_autoptr (GError) local_error = NULL;

  if (!parse (&arguments, argc, argv, &local_error) || !check (&arguments, &local_error))
    return fail (SONDED_EXIT_USAGE, local_error->message, status);
  if (arguments.version)
    {
      g_print ("sonded %s\n", PACKAGE_VERSION);
      *status = SONDED_EXIT_OK;
      return FALSE;
    }

  self->system_bus =
    arguments.system || (!arguments.session && arguments.address == NULL && geteuid () == 0);
  self->config_path = g_steal_pointer (&arguments.config);
  self->config_folders = sonded_config_search_dup_folders (arguments.session || geteuid () != 0);
  if (arguments.verify || arguments.cat)
    self->inspection = arguments.verify ? SONDED_INSPECT_VERIFY : SONDED_INSPECT_CAT;
  if (arguments.no_bus || self->inspection != SONDED_INSPECT_NOTHING)
    return TRUE;

  self->bus_address = find_address (self, arguments.address, &local_error);
  if (self->bus_address == NULL)
    return fail (SONDED_EXIT_NO_BUS, local_error->message, status);

  return TRUE;
}

/*
 * sonded_options_clear:
 * @self: options
 *
 * Frees what they hold.
 */
void
sonded_options_clear (SondedOptions *self)
{
  g_clear_pointer (&self->config_path, g_free);
  g_clear_pointer (&self->config_folders, g_strfreev);
  g_clear_pointer (&self->bus_address, g_free);
}

/*
 * sonded_options_get_load_status:
 * @error: why the configuration was not taken into use
 *
 * Gets the status with which the daemon exits then.
 */
int
sonded_options_get_load_status (const GError *error)
{
  return g_error_matches (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING)
           ? SONDED_EXIT_NOT_CONFIGURED
           : SONDED_EXIT_FAILED;
}
