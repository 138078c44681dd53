/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What is done for people only: colour, and a pager. Programs, which read from a pipe or
 * a file, get neither. */

#include "config.h"

#include "sondectl-terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define LESS_OPTIONS "FRSXMK"

static const char *const escapes[] = {
  [SONDECTL_STYLE_PLAIN] = "",
  [SONDECTL_STYLE_HEADING] = "\033[1m",
  [SONDECTL_STYLE_GOOD] = "\033[32m",
  [SONDECTL_STYLE_WARN] = "\033[33m",
  [SONDECTL_STYLE_BAD] = "\033[1;31m",
  [SONDECTL_STYLE_FAINT] = "\033[2m",
};

/* Of the process: there is one terminal, and at most one pager. */
static gboolean has_colour;
static gboolean wants_pager;
static GPid     pager_pid;

static gboolean
is_dumb (void)
{
  return g_strcmp0 (g_getenv ("TERM"), "dumb") == 0;
}

static gboolean
is_set (const char *variable)
{
  const char *value = g_getenv (variable);

  return value != NULL && value[0] != '\0';
}

/*
 * sondectl_terminal_init:
 * @pager: whether a pager is wanted where one makes sense
 *
 * Finds out, once and before a pager stands between, whether people look at the output.
 */
void
sondectl_terminal_init (gboolean pager)
{
  const gboolean is_terminal = isatty (STDOUT_FILENO) && !is_dumb ();

  has_colour = is_terminal && !is_set ("NO_COLOR");
  wants_pager = is_terminal && pager;
}

/*
 * sondectl_terminal_occupy_standard_streams:
 *
 * Opens what the caller has closed, so that no connection to a bus takes the number of a
 * standard stream. What is read or written there still fails, as gnulib's stdopen() has it.
 */
void
sondectl_terminal_occupy_standard_streams (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    {
      if (fcntl (fd, F_GETFD) < 0 &&
          open ("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
        abort ();
    }
}

/*
 * sondectl_terminal_flush:
 *
 * Writes what has been printed.
 *
 * Returns: %FALSE if some of it is lost; a reader who does not want it all is no loss
 */
gboolean
sondectl_terminal_flush (void)
{
  struct pollfd output = { STDOUT_FILENO, POLLOUT, 0 };

  if (fflush (stdout) == 0 && !ferror (stdout))
    return TRUE;

  /* GIO ignores SIGPIPE, and what errno was is not known any more. */
  return poll (&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

/*
 * sondectl_terminal_begin:
 * @style: a style
 *
 * Gets what turns a style on: nothing where there is no colour.
 */
const char *
sondectl_terminal_begin (SondectlStyle style)
{
  return has_colour ? escapes[style] : "";
}

/*
 * sondectl_terminal_end:
 * @style: a style
 *
 * Gets what turns it off again.
 */
const char *
sondectl_terminal_end (SondectlStyle style)
{
  return has_colour && style != SONDECTL_STYLE_PLAIN ? "\033[0m" : "";
}

/* What people see is complete only when the pager has ended. */
static void
close_pager (void)
{
  fflush (stdout);
  close (STDOUT_FILENO);
  while (waitpid (pager_pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}

/* Whoever became root by sudo must not get a shell out of the pager. */
static char **
dup_pager_environment (void)
{
  char **environment = g_get_environ ();

  environment = g_environ_setenv (environment, "LESS", LESS_OPTIONS, TRUE);
  if (geteuid () == 0 && is_set ("SUDO_UID"))
    environment = g_environ_setenv (environment, "LESSSECURE", "1", TRUE);

  return environment;
}

static gboolean
spawn_pager (const char *command,
             int        *pipe_fd)
{
  g_auto (GStrv) argv = NULL;
  g_auto (GStrv) environment = dup_pager_environment ();

  return g_shell_parse_argv (command, NULL, &argv, NULL) &&
         g_spawn_async_with_pipes (NULL,
                                   argv,
                                   environment,
                                   G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                   NULL,
                                   NULL,
                                   &pager_pid,
                                   pipe_fd,
                                   NULL,
                                   NULL,
                                   NULL);
}

/* The one that was asked for or none: who wants another says so. */
static gboolean
choose_pager (int *pipe_fd)
{
  const char *asked = g_getenv ("SONDE_PAGER");

  if (asked == NULL)
    asked = g_getenv ("PAGER");
  if (asked == NULL)
    return spawn_pager ("less", pipe_fd) || spawn_pager ("more", pipe_fd);

  return asked[0] != '\0' && g_strcmp0 (asked, "cat") != 0 && spawn_pager (asked, pipe_fd);
}

/*
 * sondectl_terminal_open_pager:
 *
 * Sends what is printed from now on through a pager, if it goes to a terminal.
 */
void
sondectl_terminal_open_pager (void)
{
  int pipe_fd = -1;

  if (!wants_pager)
    return;

  wants_pager = FALSE;
  fflush (stdout);
  if (!choose_pager (&pipe_fd))
    return;

  /* Ctrl-C is for the pager, which goes on; q ends both. */
  signal (SIGINT, SIG_IGN);
  dup2 (pipe_fd, STDOUT_FILENO);
  close (pipe_fd);
  atexit (close_pager);
}
