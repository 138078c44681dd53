/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "load-options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_BYTES (16 * 1024 * 1024)

static const char usage[] =
  "Usage: load MODE --port=PORT [OPTION...]\n"
  "\n"
  "Loads a server on 127.0.0.1 that sends back what it gets, compares every byte,\n"
  "and prints a line of JSON.\n"
  "\n"
  "  echo     keeps one message under way on each connection\n"
  "  connect  connects, sends one message, reads it back, closes, again and again\n"
  "  idle     opens connections and holds them until standard input is closed\n"
  "\n"
  "  --connections=N  how many at a time (64)\n"
  "  --size=BYTES     of a message (64)\n"
  "  --seconds=S      how long to measure; 0: until standard input is closed (1)\n"
  "  --warm-up=S      how long to wait before that (0.1)\n"
  "  --count=N        how many connections to make in mode connect (10000)\n"
  "  --server=PID     measure the CPU time of this process too\n"
  "  --cpu=N          run on this CPU\n"
  "  --upper          the server turns a-z into A-Z\n";

static const struct option long_options[] = {
  { "port", required_argument, NULL, 'p' },
  { "connections", required_argument, NULL, 'n' },
  { "size", required_argument, NULL, 's' },
  { "seconds", required_argument, NULL, 't' },
  { "warm-up", required_argument, NULL, 'w' },
  { "count", required_argument, NULL, 'c' },
  { "server", required_argument, NULL, 'S' },
  { "cpu", required_argument, NULL, 'C' },
  { "upper", no_argument, NULL, 'u' },
  { "help", no_argument, NULL, 'h' },
  { NULL, 0, NULL, 0 },
};

static _Noreturn void
fail (void)
{
  fputs (usage, stderr);
  exit (2);
}

static double
parse_number (const char *text,
              double      min,
              double      max)
{
  char        *end = NULL;
  const double number = strtod (text, &end);

  if (end == text || *end != '\0' || !(number >= min && number <= max))
    {
      fprintf (stderr, "load: %s is not a number from %g to %g\n", text, min, max);
      exit (2);
    }

  return number;
}

static void
take_option (LoadOptions *self,
             int          option)
{
  switch (option)
    {
    case 'p':
      self->port = (int) parse_number (optarg, 1, 65535);
      break;
    case 'n':
      self->n_connections = (unsigned) parse_number (optarg, 1, 1000000);
      break;
    case 's':
      self->size = (size_t) parse_number (optarg, 1, SIZE_MAX_BYTES);
      break;
    case 't':
      self->seconds = parse_number (optarg, 0, 86400);
      break;
    case 'w':
      self->warm_up = parse_number (optarg, 0, 3600);
      break;
    case 'c':
      self->count = (uint64_t) parse_number (optarg, 1, 1e12);
      break;
    case 'S':
      self->server = (pid_t) parse_number (optarg, 1, 1 << 30);
      break;
    case 'C':
      self->cpu = (int) parse_number (optarg, 0, 1023);
      break;
    case 'u':
      self->is_upper = true;
      break;
    case 'h':
      fputs (usage, stdout);
      exit (0);
    default:
      fail ();
    }
}

/*
 * load_options_parse:
 * @argc: of main()
 * @argv: of main()
 *
 * Reads the command line; ends the program if it makes no sense.
 */
LoadOptions
load_options_parse (int    argc,
                    char **argv)
{
  LoadOptions self = {
    .n_connections = 64,
    .size = 64,
    .seconds = 1,
    .warm_up = 0.1,
    .count = 10000,
    .cpu = -1,
  };
  int option;

  while ((option = getopt_long (argc, argv, "", long_options, NULL)) != -1)
    take_option (&self, option);
  if (optind != argc - 1 || self.port == 0)
    fail ();

  self.mode = argv[optind];

  return self;
}
