/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Reads the clocks of both ends at the same two moments, counts what happens
 * between them, and prints what came of it. */

#include "load-meter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S 1000000000u
#define PROGRESS_NS (NS_PER_S / 5)

static uint64_t
read_clock (clockid_t clock)
{
  struct timespec time = { 0 };

  if (clock_gettime (clock, &time) != 0)
    {
      fprintf (stderr, "load: cannot read the clock of the server: %s\n", strerror (errno));
      exit (1);
    }

  return (uint64_t) time.tv_sec * NS_PER_S + (uint64_t) time.tv_nsec;
}

/*
 * load_now:
 *
 * Reads the monotonic clock.
 *
 * Returns: ns
 */
uint64_t
load_now (void)
{
  return read_clock (CLOCK_MONOTONIC);
}

static LoadClocks
read_clocks (const LoadMeter *self)
{
  /* clock_getcpuclockid(3): user and system time of all threads of a process,
   * past and present, to the nanosecond. */
  const LoadClocks clocks = {
    .wall = load_now (),
    .client = read_clock (CLOCK_PROCESS_CPUTIME_ID),
    .server = self->has_server ? read_clock (self->server_clock) : 0,
  };

  return clocks;
}

/*
 * load_meter_init:
 * @self: memory for a meter
 * @options: what is asked for
 *
 * Makes a meter that has measured nothing.
 */
void
load_meter_init (LoadMeter         *self,
                 const LoadOptions *options)
{
  memset (self, 0, sizeof *self);
  self->mode = options->mode;
  self->has_server = options->server > 0;
  self->shows_progress = isatty (STDERR_FILENO);
  if (self->has_server && clock_getcpuclockid (options->server, &self->server_clock) != 0)
    {
      fprintf (stderr, "load: there is no process %d\n", (int) options->server);
      exit (1);
    }
}

/*
 * load_meter_begin:
 * @self: a meter
 *
 * Measures from now on.
 */
void
load_meter_begin (LoadMeter *self)
{
  self->n_done = 0;
  self->n_bytes = 0;
  load_histogram_clear (&self->latency);
  self->began = read_clocks (self);
}

/*
 * load_meter_end:
 * @self: a meter
 *
 * Measures until now.
 */
void
load_meter_end (LoadMeter *self)
{
  self->ended = read_clocks (self);
  if (self->shows_progress)
    fputs ("\r\033[K", stderr);
}

/*
 * load_meter_show_progress:
 * @self: a meter
 * @now: the monotonic time
 *
 * Shows now and then on a terminal how far it has come.
 */
void
load_meter_show_progress (LoadMeter *self,
                          uint64_t   now)
{
  if (!self->shows_progress || now < self->next_progress)
    return;

  self->next_progress = now + PROGRESS_NS;
  fprintf (stderr,
           "\r%s: %.1f s, %llu done, %llu wrong, %llu failed\033[K",
           self->mode,
           self->began.wall > 0 ? (double) (now - self->began.wall) / NS_PER_S : 0,
           (unsigned long long) self->n_done,
           (unsigned long long) self->n_wrong,
           (unsigned long long) self->n_failed);
}

static void
print_seconds (const char *name,
               uint64_t    began,
               uint64_t    ended)
{
  printf (", \"%s\": %.9f", name, (double) (ended - began) / NS_PER_S);
}

static void
print_count (const char *name,
             uint64_t    count)
{
  printf (", \"%s\": %llu", name, (unsigned long long) count);
}

static void
print_latency (const LoadHistogram *latency)
{
  const double percentiles[] = { 50, 99, 99.9 };

  fputs (", \"latency_us\": {", stdout);
  for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
    printf ("\"%g\": %.3f, ",
            percentiles[i],
            (double) load_histogram_get_percentile (latency, percentiles[i]) / 1000);
  printf ("\"100\": %.3f}", (double) latency->max / 1000);
}

/*
 * load_meter_print:
 * @self: a meter that has begun and ended
 *
 * Prints a line of JSON.
 *
 * Returns: the exit status: 0 if all that was sent came back as it should
 */
int
load_meter_print (const LoadMeter *self)
{
  printf ("{\"mode\": \"%s\"", self->mode);
  print_count ("done", self->n_done);
  print_count ("bytes", self->n_bytes);
  print_count ("wrong", self->n_wrong);
  print_count ("failed", self->n_failed);
  print_count ("lost", self->n_lost);
  print_seconds ("wall_s", self->began.wall, self->ended.wall);
  print_seconds ("client_s", self->began.client, self->ended.client);
  print_seconds ("server_s", self->began.server, self->ended.server);
  print_latency (&self->latency);
  puts ("}");
  fflush (stdout);

  return self->n_wrong + self->n_failed + self->n_lost > 0;
}
