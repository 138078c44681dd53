/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-bench-options.h"

#include <glib/gi18n.h>

#include "sondectl-format.h"

#define RATE_MAX 1000000000
#define CONNECTIONS_MAX 1000000
#define SIZE_MAX_BYTES (G_GUINT64_CONSTANT (64) << 20)
#define DURATION_MAX (G_TIME_SPAN_DAY)

enum
{
  CONNECTIONS,
  SIZE,
  DURATION,
  RATE,
  CONNECT_TIMEOUT,
  IO_TIMEOUT,
};

/* What is given as text and is a number. */
static const struct
{
  const char *option;
  const char *preset;
  guint64     min;
  guint64     max;
  gboolean (*parse) (const char *option,
                     const char *text,
                     guint64    *number,
                     GError    **error); /* (nullable): a plain number */
  const char *range;
  const char *argument;
  const char *description;
} numbers[] = {
  [CONNECTIONS] = { "connections", "10", 1, CONNECTIONS_MAX, NULL, "1 to 1000000", N_ ("NUMBER"),
                    N_ ("How many connections there are (10)") },
  [SIZE] = { "size", "64", 1, SIZE_MAX_BYTES, sondectl_parse_size, "1 to 64M", N_ ("BYTES"),
             N_ ("Size of each request (64)") },
  [DURATION] = { "duration", "10s", 1000, DURATION_MAX, sondectl_parse_duration, "1ms to 24h",
                 N_ ("TIME"), N_ ("How long to go on (10s); Ctrl-C ends it earlier") },
  [RATE] = { "rate", "0", 0, RATE_MAX, NULL, "0 to 1000000000", N_ ("NUMBER"),
             N_ ("Requests per second of all connections; 0 asks again after each answer") },
  [CONNECT_TIMEOUT] = { "connect-timeout", "3.5s", 0, G_MAXUINT64, sondectl_parse_duration, "",
                        N_ ("TIME"), N_ ("How long connecting may take (3.5s); 0 for any time") },
  [IO_TIMEOUT] = { "io-timeout", "5.5s", 0, G_MAXUINT64, sondectl_parse_duration, "", N_ ("TIME"),
                   N_ ("How long an answer may take (5.5s); 0 for any time") },
};

G_STATIC_ASSERT (G_N_ELEMENTS (numbers) == SONDECTL_BENCH_N_NUMBERS);

static gboolean
parse_number (SondectlBenchOptions *self,
              guint                 row,
              guint64              *number,
              GError              **error)
{
  const char   *text = self->texts[row] != NULL ? self->texts[row] : numbers[row].preset;
  const guint64 min = numbers[row].min;
  const guint64 max = numbers[row].max;

  if (numbers[row].parse == NULL &&
      g_ascii_string_to_unsigned (text, 10, min, max, number, NULL))
    return TRUE;
  if (numbers[row].parse != NULL)
    {
      if (!numbers[row].parse (numbers[row].option, text, number, error))
        return FALSE;
      if (*number >= min && *number <= max)
        return TRUE;
    }

  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               _ ("--%s takes %s, not '%s'"),
               numbers[row].option,
               numbers[row].range,
               text);

  return FALSE;
}

static gboolean
parse_numbers (SondectlBenchOptions *self,
               GError              **error)
{
  guint64 n_connections = 0;

  if (!parse_number (self, CONNECTIONS, &n_connections, error) ||
      !parse_number (self, SIZE, &self->size, error) ||
      !parse_number (self, DURATION, &self->duration_usec, error) ||
      !parse_number (self, RATE, &self->rate, error) ||
      !parse_number (self, CONNECT_TIMEOUT, &self->connect_timeout_usec, error) ||
      !parse_number (self, IO_TIMEOUT, &self->io_timeout_usec, error))
    return FALSE;

  self->n_connections = (guint) n_connections;

  return TRUE;
}

/*
 * sondectl_bench_options_parse:
 * @self: (out caller-allocates): the options
 * @context: what else was asked for
 * @argc: (inout): how many arguments, with the verb itself in front
 * @argv: (inout): the arguments; only those that are no options stay
 *
 * Parses what follows the verb, and tells the user what is wrong with it.
 *
 * Returns: %FALSE if it is not valid
 */
gboolean
sondectl_bench_options_parse (SondectlBenchOptions *self,
                              SondectlContext      *context,
                              int                  *argc,
                              char               ***argv)
{
  GOptionEntry entries[G_N_ELEMENTS (numbers) + 3] = {
    { "upper", 0, 0, G_OPTION_ARG_NONE, &self->upper,
      N_ ("Expect HOST to answer in upper case"), NULL },
    { "plot", 0, 0, G_OPTION_ARG_FILENAME, &self->plot,
      N_ ("Draw the times by percentile into FILE, as SVG"), N_ ("FILE") },
  };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      GOptionEntry *entry = &entries[i + 2];

      entry->long_name = numbers[i].option;
      entry->arg = G_OPTION_ARG_STRING;
      entry->arg_data = &self->texts[i];
      entry->description = numbers[i].description;
      entry->arg_description = numbers[i].argument;
    }

  if (!sondectl_context_parse_verb (context, entries, 1, 2, argc, argv))
    return FALSE;

  self->mode = self->upper ? SONDE_MODE_UPPER : SONDE_MODE_ECHO;
  if (parse_numbers (self, &error))
    return TRUE;

  sondectl_exit_with_error (context->verb->name, error);

  return FALSE;
}

/*
 * sondectl_bench_options_clear:
 * @self: the options
 *
 * Frees what the options hold.
 */
void
sondectl_bench_options_clear (SondectlBenchOptions *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (self->texts); i++)
    g_clear_pointer (&self->texts[i], g_free);
  g_clear_pointer (&self->plot, g_free);
}
