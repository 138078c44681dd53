/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Values as people read and write them. What is a time or a size is decided by the
 * library, through the keys of a server that have the same kind of value. */

#include "config.h"

#include "sondectl-format.h"

#include <glib/gi18n.h>
#include <string.h>

#include <libsonde/sonde.h>

/* A bare number given to the first is in seconds, to the second in microseconds. */
#define TIME_KEY "IdleTimeoutSec"
#define TIME_KEY_USEC "IdleTimeoutUSec"
#define SIZE_KEY "ReceiveBuffer"

/*
 * sondectl_format_address:
 * @address: an IPv4 or IPv6 address
 * @port: a port
 *
 * Writes an address and a port as in `127.0.0.1:9999` or `[::1]:9999`.
 */
char *
sondectl_format_address (const char *address,
                         guint16     port)
{
  const gboolean is_ipv6 = strchr (address, ':') != NULL;

  return g_strdup_printf (is_ipv6 ? "[%s]:%u" : "%s:%u", address, port);
}

/*
 * sondectl_format_addresses:
 * @addresses: (nullable): an `a(sq)`
 *
 * Writes addresses in a row, or nothing if there are none.
 */
char *
sondectl_format_addresses (GVariant *addresses)
{
  g_autoptr (GString) text = g_string_new (NULL);
  GVariantIter iter;
  const char  *address;
  guint16      port;

  if (addresses == NULL)
    return NULL;

  g_variant_iter_init (&iter, addresses);
  while (g_variant_iter_next (&iter, "(&sq)", &address, &port))
    {
      g_autofree char *one = sondectl_format_address (address, port);

      g_string_append_printf (text, "%s%s", text->len > 0 ? " " : "", one);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

/*
 * sondectl_format_bytes:
 * @bytes: a number of bytes
 *
 * Writes a number of bytes in four digits at most, with a unit that is a power of 1024.
 */
char *
sondectl_format_bytes (guint64 bytes)
{
  static const char units[] = "KMGTPE";
  double            scaled = (double) bytes;
  int               unit = -1;

  if (bytes < 10000)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, bytes);

  do
    {
      scaled /= 1024;
      unit++;
    }
  while (scaled >= 1000);

  return g_strdup_printf ("%.1f%c", scaled, units[unit]);
}

/* Nobody wants the microseconds of an hour. */
static guint64
drop_detail (guint64 usec)
{
  const guint64 second = G_TIME_SPAN_SECOND;

  if (usec >= 10 * second)
    return usec - usec % second;
  if (usec >= 10 * G_TIME_SPAN_MILLISECOND)
    return usec - usec % G_TIME_SPAN_MILLISECOND;

  return usec;
}

/*
 * sondectl_format_duration:
 * @usec: a time in microseconds
 *
 * Writes a time that was measured in the units that suit it, as in `85us` or `2min 11s`.
 */
char *
sondectl_format_duration (guint64 usec)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_uint64 (drop_detail (usec)));

  return sonde_settings_format (TIME_KEY_USEC, value);
}

/*
 * sondectl_format_variant:
 * @value: a value of any kind
 *
 * Writes a value for which there is no setting: without types, brackets and quotes.
 */
char *
sondectl_format_variant (GVariant *value)
{
  g_autoptr (GString) text = NULL;
  GVariantIter iter;
  GVariant    *child;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_strdup (g_variant_get_boolean (value) ? "yes" : "no");
  if (!g_variant_is_container (value))
    return g_variant_print (value, FALSE);

  text = g_string_new (NULL);
  g_variant_iter_init (&iter, value);
  while ((child = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autofree char *one = sondectl_format_variant (child);

      g_string_append_printf (text, "%s%s", text->len > 0 ? " " : "", one);
      g_variant_unref (child);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

/*
 * sondectl_format_setting:
 * @key: the name of a setting, or of something else
 * @value: its value
 *
 * Writes a value as people write that setting; any other as sondectl_format_variant() does.
 */
char *
sondectl_format_setting (const char *key,
                         GVariant   *value)
{
  if (g_strv_contains (sonde_settings_list_keys (), key))
    return sonde_settings_format (key, value);

  return sondectl_format_variant (value);
}

/*
 * sondectl_format_get_width:
 * @text: a text
 *
 * Counts the columns that a text takes on a terminal: a Chinese character takes two.
 */
guint
sondectl_format_get_width (const char *text)
{
  guint width = 0;

  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    {
      const gunichar character = g_utf8_get_char (c);

      if (!g_unichar_iszerowidth (character))
        width += g_unichar_iswide (character) ? 2 : 1;
    }

  return width;
}

/*
 * sondectl_format_printable:
 * @text: anything, perhaps from another process
 *
 * Replaces control characters, so that the text cannot steer the terminal.
 */
char *
sondectl_format_printable (const char *text)
{
  char *printable = g_strdup (text);

  for (char *c = printable; *c != '\0'; c++)
    {
      if (g_ascii_iscntrl (*c))
        *c = '?';
    }

  return printable;
}

/*
 * sondectl_format_get_state_style:
 * @state: the state of a server
 *
 * Gets how a state looks on a terminal.
 */
SondectlStyle
sondectl_format_get_state_style (const char *state)
{
  static const struct
  {
    const char   *state;
    SondectlStyle style;
  } styles[] = {
    { "listening", SONDECTL_STYLE_GOOD },
    { "draining", SONDECTL_STYLE_WARN },
    { "failed", SONDECTL_STYLE_BAD },
    { "stopped", SONDECTL_STYLE_FAINT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (styles); i++)
    {
      if (g_strcmp0 (styles[i].state, state) == 0)
        return styles[i].style;
    }

  return SONDECTL_STYLE_PLAIN;
}

static gboolean
parse_as (const char *key,
          const char *text,
          guint64    *number)
{
  g_autoptr (GVariant) value = sonde_settings_parse (key, text, NULL, NULL);

  if (value == NULL)
    return FALSE;

  *number = g_variant_get_uint64 (value);

  return TRUE;
}

/*
 * sondectl_parse_duration:
 * @option: the option that it was given to, for the error
 * @text: a time such as `3.5s` or `250ms`; a bare number counts seconds
 * @usec: (out): the time in microseconds
 * @error: a #GOptionError
 *
 * Reads a time.
 */
gboolean
sondectl_parse_duration (const char *option,
                         const char *text,
                         guint64    *usec,
                         GError    **error)
{
  if (parse_as (TIME_KEY, text, usec))
    return TRUE;

  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               _ ("--%s takes a time such as 3.5s or 250ms, not '%s'"),
               option,
               text);

  return FALSE;
}

/*
 * sondectl_parse_size:
 * @option: the option that it was given to, for the error
 * @text: a number of bytes such as `4096` or `64K`
 * @size: (out): the number
 * @error: a #GOptionError
 *
 * Reads a size.
 */
gboolean
sondectl_parse_size (const char *option,
                     const char *text,
                     guint64    *size,
                     GError    **error)
{
  if (parse_as (SIZE_KEY, text, size))
    return TRUE;

  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               _ ("--%s takes a number of bytes such as 4096 or 64K, not '%s'"),
               option,
               text);

  return FALSE;
}

/*
 * sondectl_parse_id:
 * @text: what the user typed
 * @id: (out): the id
 * @error: a #GOptionError
 *
 * Reads the id of a connection.
 */
gboolean
sondectl_parse_id (const char *text,
                   guint64    *id,
                   GError    **error)
{
  if (g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT64, id, NULL))
    return TRUE;

  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               _ ("'%s' is not the id of a connection, which is a number"),
               text);

  return FALSE;
}
