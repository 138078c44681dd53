/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Values as people write them, in a file or on a command line, and what they are
 * told of the values that there are. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-key-private.h"

static const char *const true_words[] = { "yes", "true", "on", "1", "y", "t", NULL };
static const char *const false_words[] = { "no", "false", "off", "0", "n", "f", NULL };

/*
 * sonde_key_format_number:
 * @key: a key whose values are numbers
 * @number: one
 *
 * Writes a number in the unit that people use for the key.
 */
char *
sonde_key_format_number (const SondeKey *key,
                         guint64         number)
{
  if (key->kind == SONDE_KEY_TIME)
    return sonde_units_format_time (number);

  return g_strdup_printf ("%" G_GUINT64_FORMAT, number);
}

static char *
describe_number_range (const SondeKey *key)
{
  g_autofree char *min = sonde_key_format_number (key, key->min);
  g_autofree char *max = sonde_key_format_number (key, key->max);

  return g_strdup_printf ("%s to %s%s",
                          min,
                          max,
                          key->zero && key->min > 0 ? ", or 0 for the default" : "");
}

static char *
describe_nicks (const SondeKey *key)
{
  g_autoptr (GPtrArray) nicks = sonde_key_list_nicks (key);

  return g_strjoinv (", ", (char **) nicks->pdata);
}

/*
 * sonde_key_describe_range:
 * @key: a key
 *
 * Says what values a key takes, for people.
 */
char *
sonde_key_describe_range (const SondeKey *key)
{
  switch (key->kind)
    {
    case SONDE_KEY_BOOLEAN:
      return g_strdup ("yes or no");
    case SONDE_KEY_STRING:
      return g_strdup_printf ("a name of at most %" G_GUINT64_FORMAT " characters", key->max);
    case SONDE_KEY_ENUM:
      return describe_nicks (key);
    case SONDE_KEY_ADDRESSES:
      return g_strdup_printf ("up to %d addresses, each HOST:PORT", SONDE_ADDRESSES_MAX);
    case SONDE_KEY_COUNT:
    case SONDE_KEY_SIZE:
    case SONDE_KEY_TIME:
    default:
      return describe_number_range (key);
    }
}

/*
 * sonde_key_set_error:
 * @key: a key
 * @name: the name it was called by
 * @value: what was given, as text
 * @error: where to put the error
 *
 * Reports a value that a key does not take: key, value and allowed range.
 */
void
sonde_key_set_error (const SondeKey *key,
                     const char     *name,
                     const char     *value,
                     GError        **error)
{
  g_autofree char *range = sonde_key_describe_range (key);
  g_autofree char *excerpt = sonde_error_excerpt (value);

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "%s=%s is not valid; allowed: %s",
               name,
               excerpt,
               range);
}

static GVariant *
parse_boolean (const char *text)
{
  for (gsize i = 0; true_words[i] != NULL; i++)
    if (g_ascii_strcasecmp (true_words[i], text) == 0)
      return g_variant_new_boolean (TRUE);
  for (gsize i = 0; false_words[i] != NULL; i++)
    if (g_ascii_strcasecmp (false_words[i], text) == 0)
      return g_variant_new_boolean (FALSE);

  return NULL;
}

static GVariant *
parse_addresses (const char *text)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) parts = g_strsplit (text, ";", -1);
  g_auto (GStrv) addresses = NULL;

  for (gsize i = 0; parts[i] != NULL; i++)
    if (g_strstrip (parts[i])[0] != '\0')
      g_strv_builder_add (builder, parts[i]);
  addresses = g_strv_builder_end (builder);

  return g_variant_new_strv ((const char *const *) addresses, -1);
}

/* A key that counts microseconds on D-Bus is written in seconds by people:
 * KeepAliveTimeUSec is KeepAliveTimeSec= in a file, as systemd does it. */
static guint64
default_time_unit (const char *name)
{
  return g_str_has_suffix (name, "USec") ? 1 : SONDE_KEY_SECOND;
}

static GVariant *
parse_number (const SondeKey *key,
              const char     *name,
              const char     *text)
{
  guint64 number = 0;

  if (key->kind == SONDE_KEY_TIME &&
      sonde_units_parse_time (text, default_time_unit (name), &number))
    return g_variant_new_uint64 (number);
  if (key->kind == SONDE_KEY_SIZE && sonde_units_parse_size (text, &number))
    return g_variant_new_uint64 (number);
  if (key->kind == SONDE_KEY_COUNT &&
      g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &number, NULL))
    return g_variant_new_uint64 (number);

  return NULL;
}

/*
 * sonde_key_parse:
 * @key: a key
 * @name: the name it was called by, which decides the unit of a bare number
 * @text: a value as people write it
 * @error: where to put an error
 *
 * Reads a value from text.
 *
 * Returns: (transfer full): the checked value, or %NULL with
 *   %SONDE_ERROR_INVALID_SETTING
 */
GVariant *
sonde_key_parse (const SondeKey *key,
                 const char     *name,
                 const char     *text,
                 GError        **error)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) checked = NULL;
  g_autoptr (GError) local_error = NULL;

  if (sonde_key_is_number (key))
    value = parse_number (key, name, text);
  else if (key->kind == SONDE_KEY_BOOLEAN)
    value = parse_boolean (text);
  else if (key->kind == SONDE_KEY_ADDRESSES)
    value = parse_addresses (text);
  else if (g_utf8_validate (text, -1, NULL))
    value = g_variant_new_string (text);

  if (value != NULL)
    checked = sonde_key_check (key, g_variant_ref_sink (value), &local_error);
  if (checked != NULL)
    return g_steal_pointer (&checked);

  /* An address says itself what is wrong with it; of all else, people know what
   * they wrote, and under which name. */
  if (local_error != NULL && key->kind == SONDE_KEY_ADDRESSES)
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    sonde_key_set_error (key, name, text, error);

  return NULL;
}

/*
 * sonde_key_format:
 * @key: a key
 * @value: a valid value of it
 *
 * Writes a value in the form that sonde_key_parse() reads.
 */
char *
sonde_key_format (const SondeKey *key,
                  GVariant       *value)
{
  if (key->kind == SONDE_KEY_BOOLEAN)
    return g_strdup (g_variant_get_boolean (value) ? "yes" : "no");
  if (key->kind == SONDE_KEY_ADDRESSES)
    {
      g_autofree const char **addresses = g_variant_get_strv (value, NULL);

      return g_strjoinv (";", (char **) addresses);
    }
  if (!sonde_key_is_number (key))
    return g_variant_dup_string (value, NULL);

  if (key->kind == SONDE_KEY_COUNT)
    return sonde_key_format_number (key, g_variant_get_uint32 (value));

  return sonde_key_format_number (key, g_variant_get_uint64 (value));
}
