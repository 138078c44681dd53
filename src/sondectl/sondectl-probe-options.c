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

/* A message is in memory as a whole; more of it is what --count is for. */
#define SIZE_MAX_BYTES (G_GUINT64_CONSTANT (1) << 30)

/* What the clients of the recipe's threading server send. */
static const char *const self_test[] = { "Hello World 1", "Hello World 2", "Hello World 3" };

#define TIMEOUT "timeout"

/* Those of the exit statuses that tell how an exchange ended. */
#define FIRST_ENDING SONDECTL_EXIT_CONNECT_TIMEOUT
#define LAST_ENDING SONDECTL_EXIT_IO_TIMEOUT

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

static gboolean
set_usage_error (GError    **error,
                 const char *message)
{
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, message);

  return FALSE;
}

static gboolean
parse_count (SondectlProbeOptions *self,
             GError              **error)
{
  guint64 number = 1;

  if (self->repeat != NULL &&
      !g_ascii_string_to_unsigned (self->repeat, 10, 1, G_MAXUINT, &number, NULL))
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("--count takes a number from 1 to 4294967295, not '%s'"),
                   self->repeat);
      return FALSE;
    }

  self->count = (guint) number;

  return TRUE;
}

/* Bytes of all kinds, in an order that does not repeat: one that is lost, moved or
 * doubled does not go unnoticed. */
static GBytes *
make_pattern (gsize size)
{
  guint64 state = 1;
  guint8 *data = g_try_malloc (size);

  if (data == NULL)
    return NULL;

  for (gsize i = 0; i < size; i++)
    {
      state = state * G_GUINT64_CONSTANT (6364136223846793005) + 1;
      data[i] = state >> 56;
    }

  return g_bytes_new_take (data, size);
}

static gboolean
add_pattern (SondectlProbeOptions *self,
             GError              **error)
{
  guint64 size = 0;
  GBytes *pattern;

  if (!sondectl_parse_size ("size", self->size, &size, error))
    return FALSE;
  if (size == 0 || size > SIZE_MAX_BYTES)
    return set_usage_error (error, _ ("--size takes 1 byte to 1G; for more there is --count"));

  pattern = make_pattern (size);
  if (pattern == NULL)
    return set_usage_error (error, _ ("there is no memory for a message of that --size"));
  g_ptr_array_add (self->messages, pattern);

  return TRUE;
}

static gboolean
parse_messages (SondectlProbeOptions *self,
                GError              **error)
{
  const int n_given = (self->payload != NULL) + (self->size != NULL) + self->seed +
                      self->self_test;

  if (n_given > 1)
    return set_usage_error (error,
                            _ ("only one of --payload, --size, --seed and --self-test "
                               "makes sense"));

  self->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  for (gsize i = 0; self->self_test && i < G_N_ELEMENTS (self_test); i++)
    g_ptr_array_add (self->messages, g_bytes_new_static (self_test[i], strlen (self_test[i])));
  if (self->payload != NULL)
    g_ptr_array_add (self->messages, g_bytes_new (self->payload, strlen (self->payload)));

  return self->size == NULL || add_pattern (self, error);
}

static gboolean
check_expect (SondectlProbeOptions *self,
              GError              **error)
{
  if (self->expect == NULL || g_str_equal (self->expect, TIMEOUT))
    return TRUE;

  for (SondectlExit status = FIRST_ENDING; status <= LAST_ENDING; status++)
    {
      if (g_str_equal (self->expect, sondectl_exit_get_name (status)))
        return TRUE;
    }

  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               _ ("--expect takes timeout, refused, reset or another result of a probe, not '%s'"),
               self->expect);

  return FALSE;
}

static void
add_numbers (SondectlProbeOptions *self,
             GOptionEntry         *entries)
{
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    entries[i] = (GOptionEntry){
      .long_name = numbers[i].option,
      .arg = G_OPTION_ARG_STRING,
      .arg_data = &self->texts[i],
      .description = numbers[i].description,
      .arg_description = numbers[i].argument,
    };
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
  const GOptionEntry own[] = {
    { "payload", 0, 0, G_OPTION_ARG_STRING, &self->payload,
      N_ ("Send TEXT instead of the two messages data1 and data2"), N_ ("TEXT") },
    { "size", 0, 0, G_OPTION_ARG_STRING, &self->size,
      N_ ("Send so many bytes of a pattern instead"), N_ ("BYTES") },
    { "count", 0, 0, G_OPTION_ARG_STRING, &self->repeat,
      N_ ("Send it so many times over the same connection"), N_ ("NUMBER") },
    { "seed", 0, 0, G_OPTION_ARG_NONE, &self->seed,
      N_ ("Send data1 and data2, as the recipe's client does (default)"), NULL },
    { "self-test", 0, 0, G_OPTION_ARG_NONE, &self->self_test,
      N_ ("Be three clients at once that send Hello World 1 to 3; implies --upper"), NULL },
    { "upper", 0, 0, G_OPTION_ARG_NONE, &self->upper,
      N_ ("Expect HOST to answer in upper case"), NULL },
    { "expect", 0, 0, G_OPTION_ARG_STRING, &self->expect,
      N_ ("Succeed only if it ends so, or with another failure such as 'mismatch'"),
      "timeout|refused|reset" },
  };
  GOptionEntry entries[G_N_ELEMENTS (own) + G_N_ELEMENTS (numbers) + 1] = { 0 };
  g_autoptr (GError) error = NULL;

  memcpy (entries, own, sizeof own);
  add_numbers (self, entries + G_N_ELEMENTS (own));
  if (!sondectl_context_parse_verb (context, entries, 0, G_MAXINT, argc, argv))
    return FALSE;
  self->mode = self->upper || self->self_test ? SONDE_MODE_UPPER : SONDE_MODE_ECHO;
  if (parse_numbers (self, &error) && parse_count (self, &error) &&
      parse_messages (self, &error) && check_expect (self, &error))
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
  g_clear_pointer (&self->payload, g_free);
  g_clear_pointer (&self->size, g_free);
  g_clear_pointer (&self->repeat, g_free);
  g_clear_pointer (&self->expect, g_free);
  g_clear_pointer (&self->messages, g_ptr_array_unref);
}

/*
 * sondectl_probe_options_create_probe:
 * @self: the options
 * @target: whom to probe; has a host
 *
 * Makes a probe as the options ask for, but for the messages.
 *
 * Returns: (transfer full): the probe
 */
SondeProbe *
sondectl_probe_options_create_probe (SondectlProbeOptions *self,
                                     SondectlTarget       *target)
{
  SondeProbe *probe = sonde_probe_new (target->host, target->port);

  g_object_set (probe, "mode", target->mode, "count", self->count, NULL);
  if (target->read_size > 0)
    g_object_set (probe, "read-size", target->read_size, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    g_object_set (probe, numbers[i].property, self->numbers[i], NULL);

  return probe;
}

/*
 * sondectl_probe_options_get_number:
 * @self: the options
 * @property: which property of a probe
 *
 * Gets what a property of the probe is set to.
 */
guint64
sondectl_probe_options_get_number (SondectlProbeOptions *self,
                                   const char           *property)
{
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      if (g_str_equal (numbers[i].property, property))
        return self->numbers[i];
    }

  g_return_val_if_reached (0);
}

/*
 * sondectl_probe_options_is_expected:
 * @self: the options
 * @status: how a probe ended
 *
 * Checks whether that is what the user expects.
 */
gboolean
sondectl_probe_options_is_expected (SondectlProbeOptions *self,
                                    SondectlExit          status)
{
  if (self->expect == NULL)
    return status == SONDECTL_EXIT_OK;
  if (g_str_equal (self->expect, TIMEOUT))
    return status == SONDECTL_EXIT_CONNECT_TIMEOUT || status == SONDECTL_EXIT_IO_TIMEOUT;

  return g_str_equal (self->expect, sondectl_exit_get_name (status));
}
