/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Children that do not outlive us, not even if we are killed. */

#include "config.h"

#include "sondectl-child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE };

/* Between fork() and exec(): only what signal-safety(7) allows. */
static void
setup_child (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
  /* Too late if we were killed meanwhile. */
  if (getppid () != (pid_t) GPOINTER_TO_INT (user_data))
    _exit (1);

  /* What is ignored stays so in the next program. */
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    signal (signals[i], SIG_DFL);
}

static void
setup_background_child (gpointer user_data)
{
  /* Ctrl-C reaches all of a process group. */
  setpgid (0, 0);
  setup_child (user_data);
}

/*
 * sondectl_child_create_launcher:
 * @kind: how it lives beside us
 * @flags: what becomes of its standard streams
 *
 * Makes a launcher of such children.
 *
 * Returns: (transfer full): the launcher
 */
GSubprocessLauncher *
sondectl_child_create_launcher (SondectlChildKind kind,
                                GSubprocessFlags  flags)
{
  GSubprocessLauncher *launcher = g_subprocess_launcher_new (flags);

  g_subprocess_launcher_set_child_setup (launcher,
                                         kind == SONDECTL_CHILD_BACKGROUND
                                           ? setup_background_child
                                           : setup_child,
                                         GINT_TO_POINTER ((int) getpid ()),
                                         NULL);

  return launcher;
}

/*
 * sondectl_child_end:
 * @child: (nullable): a child
 *
 * Ends a child in order, and waits until it is gone.
 */
void
sondectl_child_end (GSubprocess *child)
{
  if (child == NULL)
    return;

  g_subprocess_send_signal (child, SIGTERM);
  g_subprocess_wait (child, NULL, NULL);
}
