/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "load-dial.h"
#include "load-modes.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

typedef void (*ModeFunc) (const LoadOptions *options,
                          const LoadPattern *pattern,
                          LoadMeter         *meter);

static const struct
{
  const char *name;
  ModeFunc    run;
} modes[] = {
  { "connect", load_run_connect },
  { "echo", load_run_echo },
  { "idle", load_run_idle },
};

static ModeFunc
find_mode (const char *name)
{
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    if (strcmp (modes[i].name, name) == 0)
      return modes[i].run;

  return NULL;
}

static bool
stay_on_cpu (int cpu)
{
  cpu_set_t set;

  if (cpu < 0)
    return true;

  CPU_ZERO (&set);
  CPU_SET ((size_t) cpu, &set);

  return sched_setaffinity (0, sizeof set, &set) == 0;
}

int
main (int    argc,
      char **argv)
{
  const LoadOptions options = load_options_parse (argc, argv);
  const ModeFunc    run = find_mode (options.mode);
  static LoadMeter  meter;
  LoadPattern       pattern;

  if (run == NULL)
    {
      fprintf (stderr, "load: unknown mode: %s\n", options.mode);
      return 2;
    }
  if (!stay_on_cpu (options.cpu))
    {
      fprintf (stderr, "load: cannot run on CPU %d: %s\n", options.cpu, strerror (errno));
      return 1;
    }

  load_raise_file_limit ();
  load_pattern_init (&pattern, options.size, options.is_upper);
  load_meter_init (&meter, &options);
  run (&options, &pattern, &meter);
  load_pattern_clear (&pattern);

  return load_meter_print (&meter);
}
