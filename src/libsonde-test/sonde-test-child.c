/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The processes of a test: they begin, and end, in time or by force. */

#include "config.h"

#include "sonde-test-child-private.h"

#include <signal.h>
#include <sys/prctl.h>

/* A test that crashes leaves nobody behind. */
static void
die_with_parent (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

/*
 * sonde_test_child_spawn:
 * @argv: (array zero-terminated=1): the program, which is looked for in the
 *   search path, and its arguments
 * @environment: (array zero-terminated=1): names and values in turn, to be set
 * @log_path: (nullable): where all that it writes goes; %NULL for a pipe, which
 *   has its standard output
 * @error: where to put an error
 *
 * Starts a child.
 *
 * Returns: (transfer full): the child
 */
GSubprocess *
sonde_test_child_spawn (const char *const *argv,
                        const char *const *environment,
                        const char        *log_path,
                        GError           **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
    g_subprocess_launcher_new (log_path != NULL ? G_SUBPROCESS_FLAGS_STDERR_MERGE
                                                : G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                                    G_SUBPROCESS_FLAGS_STDERR_SILENCE);

  g_subprocess_launcher_set_child_setup (launcher, die_with_parent, NULL, NULL);
  if (log_path != NULL)
    g_subprocess_launcher_set_stdout_file_path (launcher, log_path);
  for (gsize i = 0; environment[i] != NULL; i += 2)
    g_subprocess_launcher_setenv (launcher, environment[i], environment[i + 1], TRUE);

  return g_subprocess_launcher_spawnv (launcher, argv, error);
}

typedef struct
{
  gboolean ended;
  gboolean timed_out;
} Wait;

static void
ended_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Wait *wait = user_data;

  wait->ended = TRUE;
}

static gboolean
timed_out_cb (gpointer user_data)
{
  Wait *wait = user_data;

  wait->timed_out = TRUE;

  return G_SOURCE_REMOVE;
}

/* Runs the context, which is the thread's default, until it is decided. */
static void
run_wait (Wait          *wait,
          GSubprocess   *child,
          GMainContext  *context,
          SondeTestCheck check,
          gpointer       user_data)
{
  g_autoptr (GSource) timer = g_timeout_source_new_seconds (SONDE_TEST_PATIENCE_S);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  g_source_set_callback (timer, timed_out_cb, wait, NULL);
  g_source_attach (timer, context);
  g_subprocess_wait_async (child, cancellable, ended_cb, wait);
  while (!wait->ended && !wait->timed_out && (check == NULL || !check (user_data)))
    g_main_context_iteration (context, TRUE);
  g_source_destroy (timer);

  /* The callback must not come when its data is gone. */
  if (!wait->ended)
    {
      const gboolean timed_out = wait->timed_out;

      g_cancellable_cancel (cancellable);
      while (!wait->ended)
        g_main_context_iteration (context, TRUE);
      *wait = (Wait){ FALSE, timed_out };
    }
}

/*
 * sonde_test_child_wait:
 * @child: a child
 * @context: what @check depends on, and the default of this thread
 * @check: (nullable): what must become true; %NULL for the end of the child
 * @user_data: what @check is called with
 * @error: where to put an error
 *
 * Waits for a condition, or for the end of a child.
 *
 * Returns: %FALSE if the child ended before the condition held, or if it took
 *   too long
 */
gboolean
sonde_test_child_wait (GSubprocess   *child,
                       GMainContext  *context,
                       SondeTestCheck check,
                       gpointer       user_data,
                       GError       **error)
{
  Wait wait = { FALSE, FALSE };

  run_wait (&wait, child, context, check, user_data);
  if (wait.timed_out)
    g_set_error (error,
                 G_IO_ERROR,
                 G_IO_ERROR_TIMED_OUT,
                 "It took more than %d s",
                 SONDE_TEST_PATIENCE_S);
  else if (wait.ended && check != NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "It ended too early");
  else
    return TRUE;

  return FALSE;
}

/*
 * sonde_test_child_stop:
 * @child: a child
 * @error: where to put an error
 *
 * Ends a child with SIGTERM, and by force if it does not end in time.
 *
 * Returns: %TRUE if it ended with status 0
 */
gboolean
sonde_test_child_stop (GSubprocess *child,
                       GError     **error)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  gboolean in_time;

  g_main_context_push_thread_default (context);
  g_subprocess_send_signal (child, SIGTERM);
  in_time = sonde_test_child_wait (child, context, NULL, NULL, error);
  g_main_context_pop_thread_default (context);
  if (!in_time)
    {
      g_subprocess_force_exit (child);
      g_subprocess_wait (child, NULL, NULL);
      return FALSE;
    }

  return g_spawn_check_wait_status (g_subprocess_get_status (child), error);
}
