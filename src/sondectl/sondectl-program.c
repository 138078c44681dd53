/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The program of the daemon. What a configuration means it knows best, so it is asked
 * rather than imitated. */

#include "config.h"

#include "sondectl-program.h"

#include <string.h>

#define PREFIX "sonded: "

/*
 * sondectl_program_find:
 *
 * Finds the program: what the environment variable `SONDED` names; of a build that is not
 * installed the one that was built with us; or the one that is installed.
 *
 * Returns: (transfer full): its path
 */
char *
sondectl_program_find (void)
{
  const char      *asked = g_getenv ("SONDED");
  g_autofree char *ours = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = ours != NULL ? g_path_get_dirname (ours) : NULL;
  g_autofree char *beside = NULL;

  if (asked != NULL && asked[0] != '\0')
    return g_strdup (asked);

  if (folder != NULL)
    beside = g_build_filename (folder, "..", "sonded", "sonded", NULL);
  if (beside != NULL && g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&beside);

  return g_build_filename (LIBEXECDIR, "sonded", NULL);
}

static const char *
get_bus_option (SondectlContext *context)
{
  return context->bus_type == G_BUS_TYPE_SYSTEM ? "--system" : "--session";
}

static void
set_error (const char *message,
           GError    **error)
{
  const char *reason = g_str_has_prefix (message, PREFIX) ? message + strlen (PREFIX) : message;

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, reason);
}

/*
 * sondectl_program_ask:
 * @context: whose configuration: that of the system or of the user
 * @what: an option with which it answers and ends
 * @config: (nullable) (type filename): a file, or %NULL for those that it finds
 * @error: what it has to say against it
 *
 * Runs the daemon only to have an answer.
 *
 * Returns: (transfer full): what it says
 */
char *
sondectl_program_ask (SondectlContext *context,
                      const char      *what,
                      const char      *config,
                      GError         **error)
{
  g_autofree char *program = sondectl_program_find ();
  g_autofree char *option = config != NULL ? g_strconcat ("--config=", config, NULL) : NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  g_autoptr (GSubprocess) child = NULL;

  child = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                            error,
                            program,
                            what,
                            get_bus_option (context),
                            option,
                            NULL);
  if (child == NULL || !g_subprocess_communicate_utf8 (child, NULL, NULL, &output, &errors, error))
    return NULL;
  if (g_subprocess_get_successful (child))
    return g_steal_pointer (&output);

  set_error (g_strchomp (errors), error);

  return NULL;
}
