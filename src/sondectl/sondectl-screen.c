/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* A screen on a terminal takes a handful of escape sequences that every terminal of today
 * knows, so it needs no library. What was there before comes back with the first screen. */

#include "config.h"

#include "sondectl-screen.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[2J"
#define LEAVE "\033[m\033[?25h\033[?1049l"

/*
 * sondectl_screen_write:
 * @text: what to write
 *
 * Writes all of a text at once, so that nobody sees half a screen.
 */
void
sondectl_screen_write (const char *text)
{
  gsize left = strlen (text);

  while (left > 0)
    {
      const gssize n_bytes = write (STDOUT_FILENO, text, left);

      if (n_bytes < 0 && errno != EINTR && errno != EAGAIN)
        return;
      if (n_bytes > 0)
        {
          text += n_bytes;
          left -= n_bytes;
        }
    }
}

static gboolean
is_possible (void)
{
  return isatty (STDIN_FILENO) && isatty (STDOUT_FILENO) &&
         g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
}

/*
 * sondectl_screen_open:
 * @self: a screen that is closed
 * @error: why it failed
 *
 * Takes over the terminal: keys are read as they are typed, and a screen of our own is
 * shown.
 */
gboolean
sondectl_screen_open (SondectlScreen *self,
                      GError        **error)
{
  struct termios raw;

  if (!is_possible () || tcgetattr (STDIN_FILENO, &self->saved) < 0)
    {
      g_set_error_literal (error,
                           G_IO_ERROR,
                           G_IO_ERROR_NOT_SUPPORTED,
                           _ ("this needs a terminal; --json works without one"));
      return FALSE;
    }

  /* Ctrl-C and Ctrl-Z come as keys, so that the terminal is ours until we gave it back. */
  raw = self->saved;
  raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO | ISIG | IEXTEN);
  raw.c_iflag &= ~(tcflag_t) (IXON | ICRNL);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  tcsetattr (STDIN_FILENO, TCSADRAIN, &raw);
  sondectl_screen_write (ENTER);
  self->is_open = TRUE;

  return TRUE;
}

/*
 * sondectl_screen_close:
 * @self: a screen
 *
 * Gives the terminal back as it was.
 */
void
sondectl_screen_close (SondectlScreen *self)
{
  if (!self->is_open)
    return;

  self->is_open = FALSE;
  sondectl_screen_write (LEAVE);
  /* What was typed too late is not meant for the shell. */
  tcsetattr (STDIN_FILENO, TCSAFLUSH, &self->saved);
}

/*
 * sondectl_screen_suspend:
 * @self: an open screen
 *
 * Gives the terminal to the shell, as Ctrl-Z does, and takes it back when the shell
 * lets us go on.
 */
void
sondectl_screen_suspend (SondectlScreen *self)
{
  sondectl_screen_close (self);
  kill (0, SIGTSTP);
  sondectl_screen_open (self, NULL);
}

/*
 * sondectl_screen_get_size:
 * @columns: (out): how wide it is
 * @lines: (out): how high
 *
 * Gets the size of the terminal at this moment.
 */
void
sondectl_screen_get_size (guint *columns,
                          guint *lines)
{
  struct winsize size = { 0 };

  ioctl (STDOUT_FILENO, TIOCGWINSZ, &size);
  *columns = size.ws_col > 0 ? size.ws_col : 80;
  *lines = size.ws_row > 0 ? size.ws_row : 24;
}
