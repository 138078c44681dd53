/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-probe-options.h"

#include <glib/gi18n.h>

#include "sondectl-format.h"

/* What is given as text and handed to the probe as a number. */
static const struct
{
  const char *option;
  const char *property;
  const char *preset;
  gboolean (*parse) (const char *option,
                     const char *text,
                     guint64    *number,
                     GError    **error);
  const char *argument;
  const char *description;
} numbers[] = {
  { "connect-timeout", "connect-timeout-usec", "3.5s", sondectl_parse_duration, N_ ("TIME"),
    N_ ("How long connecting may take (3.5s); 0 leaves it to the kernel") },
  { "io-timeout", "io-timeout-usec", "5.5s", sondectl_parse_duration, N_ ("TIME"),
    N_ ("How long nothing may be sent or received (5.5s); 0 for any time") },
  { "receive-buffer", "receive-buffer", "0", sondectl_parse_size, N_ ("BYTES"),
    N_ ("Size of the receive buffer; 0 leaves it to the kernel") },
  { "send-buffer", "send-buffer", "0", sondectl_parse_size, N_ ("BYTES"),
    N_ ("Size of the send buffer; 0 leaves it to the kernel") },
};

G_STATIC_ASSERT (G_N_ELEMENTS (numbers) == SONDECTL_PROBE_N_NUMBERS);

static gboolean
parse_numbers (SondectlProbeOptions *self,
               GError              **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      const char *text = self->texts[i] != NULL ? self->texts[i] : numbers[i].preset;

      if (!numbers[i].parse (numbers[i].option, text, &self->numbers[i], error))
        return FALSE;
    }

  return TRUE;
}

/*
 * sondectl_probe_options_parse:
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
sondectl_probe_options_parse (SondectlProbeOptions *self,
                              SondectlContext      *context,
                              int                  *argc,
                              char               ***argv)
{
  GOptionEntry entries[G_N_ELEMENTS (numbers) + 2] = {
    { "upper",
      0,
      0,
      G_OPTION_ARG_NONE,
      &self->upper,
      N_ ("Expect HOST to answer in upper case"),
      NULL },
  };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      GOptionEntry *entry = &entries[i + 1];

      entry->long_name = numbers[i].option;
      entry->arg = G_OPTION_ARG_STRING;
      entry->arg_data = &self->texts[i];
      entry->description = numbers[i].description;
      entry->arg_description = numbers[i].argument;
    }

  if (!sondectl_context_parse_verb (context, entries, 0, G_MAXINT, argc, argv))
    return FALSE;
  if (parse_numbers (self, &error))
    return TRUE;

  sondectl_exit_with_error (context->verb->name, error);

  return FALSE;
}

/*
 * sondectl_probe_options_clear:
 * @self: the options
 *
 * Frees what the options hold.
 */
void
sondectl_probe_options_clear (SondectlProbeOptions *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (self->texts); i++)
    g_clear_pointer (&self->texts[i], g_free);
}

/*
 * sondectl_probe_options_create_probe:
 * @self: the options
 * @target: whom to probe; has a host
 *
 * Makes a probe as the options ask for.
 *
 * Returns: (transfer full): the probe
 */
SondeProbe *
sondectl_probe_options_create_probe (SondectlProbeOptions *self,
                                     SondectlTarget       *target)
{
  SondeProbe *probe = sonde_probe_new (target->host, target->port);

  g_object_set (probe, "mode", target->mode, NULL);
  if (target->read_size > 0)
    g_object_set (probe, "read-size", target->read_size, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    g_object_set (probe, numbers[i].property, self->numbers[i], NULL);

  return probe;
}
