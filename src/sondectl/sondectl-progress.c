/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-progress.h"

#include <glib/gi18n.h>
#include <unistd.h>

#include "sondectl-format.h"

/* What is done by then needs no line that comes and goes. */
#define SHOW_AFTER_USEC (500 * G_TIME_SPAN_MILLISECOND)

#define CLEAR_LINE "\r\033[K"

/*
 * sondectl_progress_begin:
 * @self: (out caller-allocates): a line
 *
 * Begins now, and shows nothing yet.
 */
void
sondectl_progress_begin (SondectlProgress *self)
{
  self->started_at = g_get_monotonic_time ();
  self->is_shown = FALSE;
}

static gboolean
is_possible (void)
{
  return isatty (STDERR_FILENO) && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
}

/*
 * sondectl_progress_show:
 * @self: a line
 * @text: what it says from now on
 *
 * Shows how far it has come, if it has taken some time and there is a terminal.
 */
void
sondectl_progress_show (SondectlProgress *self,
                        const char       *text)
{
  if (g_get_monotonic_time () - self->started_at < SHOW_AFTER_USEC || !is_possible ())
    return;

  self->is_shown = TRUE;
  g_printerr (CLEAR_LINE "%s", text);
}

static void
on_progress (SondeProbe       *probe,
             guint64           n_received,
             guint64           n_expected,
             SondectlProgress *self)
{
  const gint64     elapsed = g_get_monotonic_time () - self->started_at;
  const double     rate = (double) n_received * 1e6 / (double) MAX (elapsed, 1);
  const guint64    left = (guint64) ((double) (n_expected - n_received) / MAX (rate, 1)) + 1;
  g_autofree char *done = sondectl_format_bytes (n_received);
  g_autofree char *all = sondectl_format_bytes (n_expected);
  g_autofree char *speed = sondectl_format_bytes ((guint64) rate);
  g_autofree char *time = sondectl_format_duration (left * G_USEC_PER_SEC);
  g_autofree char *text = NULL;

  /* Translators: bytes done, all bytes, how much that is, bytes per second, time. */
  text = g_strdup_printf (_ ("%s of %s  %d%%  %s/s  %s left"),
                          done,
                          all,
                          (int) (100 * ((double) n_received / (double) n_expected)),
                          speed,
                          time);
  sondectl_progress_show (self, text);
}

/*
 * sondectl_progress_watch:
 * @self: a line; must outlive the run
 * @probe: a probe
 *
 * Shows how far a run of a probe has come.
 */
void
sondectl_progress_watch (SondectlProgress *self,
                         SondeProbe       *probe)
{
  g_signal_connect (probe, "progress", G_CALLBACK (on_progress), self);
}

/*
 * sondectl_progress_end:
 * @self: a line
 *
 * Leaves the terminal as it was.
 */
void
sondectl_progress_end (SondectlProgress *self)
{
  if (self->is_shown)
    g_printerr (CLEAR_LINE);
  self->is_shown = FALSE;
}
