/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "load-histogram.h"
#include "load-options.h"

#include <time.h>

/* Readings of the three clocks, in ns. */
typedef struct
{
  uint64_t wall;
  uint64_t client;
  uint64_t server;
} LoadClocks;

/* What is measured. Wrong bytes and failures count in the warm-up as well. */
typedef struct
{
  const char   *mode;
  clockid_t     server_clock;
  bool          has_server;
  bool          shows_progress;
  uint64_t      next_progress;
  uint64_t      n_done; /* echoes, or connections */
  uint64_t      n_bytes;
  uint64_t      n_wrong;  /* messages that came back different */
  uint64_t      n_failed; /* connections that ended before they should */
  uint64_t      n_lost;   /* messages that did not come back */
  LoadClocks    began;
  LoadClocks    ended;
  LoadHistogram latency;
} LoadMeter;

uint64_t load_now (void);

void load_meter_init (LoadMeter         *self,
                      const LoadOptions *options);
void load_meter_begin (LoadMeter *self);
void load_meter_end (LoadMeter *self);
void load_meter_show_progress (LoadMeter *self,
                               uint64_t   now);
int  load_meter_print (const LoadMeter *self);
