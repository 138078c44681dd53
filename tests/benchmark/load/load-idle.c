/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Opens connections, each of which echoes one message to show that the server
 * has accepted it, and does nothing with them after that. */

#include "load-dial.h"
#include "load-modes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Opened at a time: fewer than any accept queue holds. */
#define BATCH 100

/*
 * load_say_ready:
 *
 * Tells whoever waits that all connections are there.
 */
void
load_say_ready (void)
{
  puts ("{\"ready\": true}");
  fflush (stdout);
}

static void
open_batch (const LoadOptions *options,
            const LoadPattern *pattern,
            int               *fds,
            unsigned           first,
            unsigned           end)
{
  for (unsigned i = first; i < end; i++)
    {
      fds[i] = load_dial (options->port, i);
      load_prepare (fds[i]);
      load_send_all (fds[i], pattern->sent + load_pattern_get_offset (i, 0), options->size);
    }
}

static void
check_batch (const LoadOptions *options,
             const LoadPattern *pattern,
             LoadMeter         *meter,
             const int         *fds,
             unsigned           first,
             unsigned           end,
             uint8_t           *buffer)
{
  for (unsigned i = first; i < end; i++)
    {
      const uint8_t *expected = pattern->expected + load_pattern_get_offset (i, 0);

      if (!load_receive_all (fds[i], buffer, options->size))
        meter->n_failed++;
      else if (memcmp (buffer, expected, options->size) != 0)
        meter->n_wrong++;
      meter->n_done++;
      meter->n_bytes += options->size;
    }
  load_meter_show_progress (meter, load_now ());
}

static void
wait_for_end_of_input (void)
{
  char    byte;
  ssize_t n;

  do
    n = read (STDIN_FILENO, &byte, 1);
  while (n > 0 || (n < 0 && errno == EINTR));
}

/* Nothing may have come meanwhile, not even a FIN. */
static void
close_all (LoadMeter *meter,
           const int *fds,
           unsigned   n_fds)
{
  char byte;

  for (unsigned i = 0; i < n_fds; i++)
    {
      if (recv (fds[i], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
        meter->n_failed++;
      close (fds[i]);
    }
}

/*
 * load_run_idle:
 * @options: what is asked for
 * @pattern: the bytes
 * @meter: what is measured
 *
 * Opens connections and holds them until standard input is closed.
 */
void
load_run_idle (const LoadOptions *options,
               const LoadPattern *pattern,
               LoadMeter         *meter)
{
  const unsigned n = options->n_connections;
  int           *fds = calloc (n, sizeof *fds);
  uint8_t       *buffer = malloc (options->size);

  if (fds == NULL || buffer == NULL)
    abort ();

  load_meter_begin (meter);
  for (unsigned i = 0; i < n; i += BATCH)
    {
      const unsigned end = i + BATCH < n ? i + BATCH : n;

      open_batch (options, pattern, fds, i, end);
      check_batch (options, pattern, meter, fds, i, end, buffer);
    }
  load_meter_end (meter);
  load_say_ready ();
  wait_for_end_of_input ();
  close_all (meter, fds, n);
  free (buffer);
  free (fds);
}
