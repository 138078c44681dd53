/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "load-meter.h"
#include "load-options.h"
#include "load-pattern.h"

/* A mode says that it is ready in a line of its own: all connections are there
 * and have echoed once. Both lines are JSON. */
void load_say_ready (void);

void load_run_connect (const LoadOptions *options,
                       const LoadPattern *pattern,
                       LoadMeter         *meter);
void load_run_echo (const LoadOptions *options,
                    const LoadPattern *pattern,
                    LoadMeter         *meter);
void load_run_idle (const LoadOptions *options,
                    const LoadPattern *pattern,
                    LoadMeter         *meter);
