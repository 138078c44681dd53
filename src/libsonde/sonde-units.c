/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Numbers with units, as systemd.time(7) and systemd.syntax(7) write them:
 * "30min", "1h 30min", "250ms", "1.5s", "64K". */

#include "config.h"

#include "sonde-units-private.h"

#include <string.h>

typedef struct
{
  const char *name;
  guint64     factor;
} Unit;

/* The first name of a factor is the one that is written. */
static const Unit time_units[] = {
  { "w", 604800 * SONDE_UNITS_SECOND },
  { "week", 604800 * SONDE_UNITS_SECOND },
  { "weeks", 604800 * SONDE_UNITS_SECOND },
  { "d", 86400 * SONDE_UNITS_SECOND },
  { "day", 86400 * SONDE_UNITS_SECOND },
  { "days", 86400 * SONDE_UNITS_SECOND },
  { "h", 3600 * SONDE_UNITS_SECOND },
  { "hr", 3600 * SONDE_UNITS_SECOND },
  { "hour", 3600 * SONDE_UNITS_SECOND },
  { "hours", 3600 * SONDE_UNITS_SECOND },
  { "min", 60 * SONDE_UNITS_SECOND },
  { "m", 60 * SONDE_UNITS_SECOND },
  { "minute", 60 * SONDE_UNITS_SECOND },
  { "minutes", 60 * SONDE_UNITS_SECOND },
  { "s", SONDE_UNITS_SECOND },
  { "sec", SONDE_UNITS_SECOND },
  { "second", SONDE_UNITS_SECOND },
  { "seconds", SONDE_UNITS_SECOND },
  { "ms", 1000 },
  { "msec", 1000 },
  { "us", 1 },
  { "usec", 1 },
  { "µs", 1 },
};

static const Unit size_units[] = {
  { "K", G_GUINT64_CONSTANT (1) << 10 },
  { "M", G_GUINT64_CONSTANT (1) << 20 },
  { "G", G_GUINT64_CONSTANT (1) << 30 },
  { "T", G_GUINT64_CONSTANT (1) << 40 },
};

static gsize
unit_length (const char *text)
{
  return strcspn (text, " \t.0123456789+-");
}

static guint64
find_unit (const Unit *units,
           gsize       n_units,
           const char *text,
           gsize       length)
{
  for (gsize i = 0; i < n_units; i++)
    if (strlen (units[i].name) == length && strncmp (units[i].name, text, length) == 0)
      return units[i].factor;

  return 0;
}

static gboolean
take_digits (const char **text,
             guint64     *number)
{
  char *end = NULL;

  if (!g_ascii_isdigit (**text))
    return FALSE;

  *number = g_ascii_strtoull (*text, &end, 10);
  *text = end;

  return *number != G_MAXUINT64;
}

/* The fraction ".25" of @factor. Digits beyond a millionth of it are nothing:
 * so many fit, with the greatest factor, into 64 bits. */
static gboolean
take_fraction (const char **text,
               guint64      factor,
               guint64     *number)
{
  guint64 digits = 0, scale = 1;

  if (!g_ascii_isdigit (**text))
    return FALSE;

  for (; g_ascii_isdigit (**text); (*text)++)
    if (scale < 1000000)
      {
        digits = digits * 10 + (guint64) g_ascii_digit_value (**text);
        scale *= 10;
      }
  *number = factor * digits / scale;

  return TRUE;
}

static const char *
skip_space (const char *text)
{
  return text + strspn (text, " \t");
}

/* One number with its unit: "1.5 h". */
static gboolean
take_quantity (const char **text,
               const Unit  *units,
               gsize        n_units,
               guint64      default_unit,
               guint64     *quantity)
{
  const char *fraction_text = NULL;
  guint64     whole = 0, fraction = 0, factor = default_unit;
  gsize       length;

  if (!take_digits (text, &whole))
    return FALSE;

  if (**text == '.')
    {
      fraction_text = *text + 1;
      *text = fraction_text + strspn (fraction_text, "0123456789");
    }

  *text = skip_space (*text);
  length = unit_length (*text);
  if (length > 0)
    factor = find_unit (units, n_units, *text, length);
  *text += length;

  if (factor == 0 || !g_uint64_checked_mul (quantity, whole, factor))
    return FALSE;
  if (fraction_text != NULL && !take_fraction (&fraction_text, factor, &fraction))
    return FALSE;

  return g_uint64_checked_add (quantity, *quantity, fraction);
}

/*
 * sonde_units_parse_time:
 * @text: a time, such as `30min` or `1h 30min`
 * @default_unit: how many microseconds a bare number counts
 * @usec: (out): the time in microseconds
 *
 * Reads a time as systemd.time(7) writes it.
 */
gboolean
sonde_units_parse_time (const char *text,
                        guint64     default_unit,
                        guint64    *usec)
{
  guint64 sum = 0;

  text = skip_space (text);
  do
    {
      guint64 quantity = 0;

      if (!take_quantity (&text, time_units, G_N_ELEMENTS (time_units), default_unit, &quantity) ||
          !g_uint64_checked_add (&sum, sum, quantity))
        return FALSE;
      text = skip_space (text);
    }
  while (*text != '\0');

  *usec = sum;

  return TRUE;
}

/*
 * sonde_units_parse_size:
 * @text: a number of bytes, such as `65536` or `64K`
 * @size: (out): the number
 *
 * Reads a size; K, M, G and T are powers of 1024.
 */
gboolean
sonde_units_parse_size (const char *text,
                        guint64    *size)
{
  text = skip_space (text);

  return take_quantity (&text, size_units, G_N_ELEMENTS (size_units), 1, size) &&
         *skip_space (text) == '\0';
}

/*
 * sonde_units_format_time:
 * @usec: a time in microseconds
 *
 * Writes a time in the form that sonde_units_parse_time() reads.
 */
char *
sonde_units_format_time (guint64 usec)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint64 last_factor = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (time_units); i++)
    {
      const guint64 factor = time_units[i].factor;

      if (factor == last_factor || usec < factor)
        continue;

      g_string_append_printf (text,
                              "%s%" G_GUINT64_FORMAT "%s",
                              text->len > 0 ? " " : "",
                              usec / factor,
                              time_units[i].name);
      usec %= factor;
      last_factor = factor;
    }

  return g_strdup (text->len > 0 ? text->str : "0");
}
