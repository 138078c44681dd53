/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <string.h>

#include <libsonde/sonde-mode-private.h>

/* Longer than three blocks of any vector unit, and not a multiple of one. */
#define LENGTH_MAX 200
#define OFFSET_MAX 15
#define GUARD 'g'

static const struct
{
  SondeMode    mode;
  const char  *name;
  gboolean     upper;
  SondeModeEnd end;
} rows[] = {
  { SONDE_MODE_ECHO, "echo", FALSE, SONDE_MODE_ENDS_AT_EOF },
  { SONDE_MODE_ECHO_ONCE, "echo-once", FALSE, SONDE_MODE_ENDS_AFTER_READ },
  { SONDE_MODE_UPPER, "upper", TRUE, SONDE_MODE_ENDS_AT_EOF },
  { SONDE_MODE_UPPER_ONCE, "upper-once", TRUE, SONDE_MODE_ENDS_AFTER_READ },
  { SONDE_MODE_UPPER_LINE, "upper-line", TRUE, SONDE_MODE_ENDS_AFTER_LINE },
};

/* The rule itself, a byte at a time. */
static guint8
expect (SondeMode mode,
        guint8    byte)
{
  if (!sonde_mode_is_upper (mode))
    return byte;

  return byte >= 'a' && byte <= 'z' ? byte - 'a' + 'A' : byte;
}

static void
test_names (void)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (SONDE_TYPE_MODE);

  g_test_summary ("A mode has one name, as a string and as the nick of the enumeration.");

  g_assert_cmpuint (enum_class->n_values, ==, G_N_ELEMENTS (rows));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GEnumValue *value = g_enum_get_value_by_nick (enum_class, rows[i].name);

      g_assert_cmpstr (sonde_mode_to_string (rows[i].mode), ==, rows[i].name);
      g_assert_nonnull (value);
      g_assert_cmpint (value->value, ==, rows[i].mode);
    }

  g_assert_null (g_enum_get_value_by_nick (enum_class, "ECHO"));
}

static void
test_traits (void)
{
  g_test_summary ("A mode knows whether it changes what it gets, and when it is done.");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_assert_cmpint (sonde_mode_is_upper (rows[i].mode), ==, rows[i].upper);
      g_assert_cmpint (sonde_mode_get_end (rows[i].mode), ==, rows[i].end);
    }
}

static void
test_every_byte (void)
{
  g_test_summary ("Of the 256 bytes, upper case changes a to z and nothing else.");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      guint8 bytes[256];
      guint  n_changed = 0;

      for (guint j = 0; j < G_N_ELEMENTS (bytes); j++)
        bytes[j] = j;

      sonde_mode_transform (rows[i].mode, bytes, sizeof (bytes));

      for (guint j = 0; j < G_N_ELEMENTS (bytes); j++)
        {
          g_assert_cmpint (bytes[j], ==, expect (rows[i].mode, j));
          n_changed += bytes[j] != j;
        }

      g_assert_cmpuint (n_changed, ==, rows[i].upper ? 26 : 0);
    }
}

static void
check_piece (SondeMode mode,
             gsize     offset,
             gsize     length)
{
  /* Of just this size on the heap, so that a sanitizer sees a byte too many. */
  gsize              size = offset + length;
  g_autofree guint8 *data = g_malloc (size + 1);
  g_autofree guint8 *expected = g_malloc (size + 1);

  memset (data, GUARD, size + 1);
  memset (expected, GUARD, size + 1);
  for (gsize i = 0; i < length; i++)
    {
      /* Letters and their neighbours; 37 has no factor in common with 64. */
      data[offset + i] = '@' + (i * 37 + offset) % 64;
      expected[offset + i] = expect (mode, data[offset + i]);
    }

  sonde_mode_transform (mode, data + offset, length);
  g_assert_cmpmem (data, size + 1, expected, size + 1);
}

static void
test_lengths (void)
{
  g_test_summary ("At any length and alignment just the bytes that were meant are changed.");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      for (gsize length = 0; length <= LENGTH_MAX; length++)
        {
          for (gsize offset = 0; offset <= OFFSET_MAX; offset++)
            check_piece (rows[i].mode, offset, length);
        }
    }
}

static void
test_nothing (void)
{
  g_test_summary ("No bytes are no work, not even for a pointer that leads nowhere.");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    sonde_mode_transform (rows[i].mode, NULL, 0);
}

static void
test_utf8 (void)
{
  /* z and the umlauts, sharp s, a Greek, a Cyrillic and a Japanese word, an emoji. */
  const char *text = "z\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f \xce\xb1\xce\xb2 \xd0\xb4\xd0\xb0 "
                     "\xe6\x97\xa5\xe6\x9c\xac abc \xf0\x9f\x98\x80!";
  const char *upper = "Z\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f \xce\xb1\xce\xb2 \xd0\xb4\xd0\xb0 "
                      "\xe6\x97\xa5\xe6\x9c\xac ABC \xf0\x9f\x98\x80!";

  g_test_summary ("UTF-8 passes whole: only its ASCII letters become upper case.");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *data = g_strdup (text);

      sonde_mode_transform (rows[i].mode, (guint8 *) data, strlen (data));
      g_assert_true (g_utf8_validate (data, -1, NULL));
      g_assert_cmpstr (data, ==, rows[i].upper ? upper : text);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/mode/names", test_names);
  g_test_add_func ("/mode/traits", test_traits);
  g_test_add_func ("/mode/every-byte", test_every_byte);
  g_test_add_func ("/mode/lengths", test_lengths);
  g_test_add_func ("/mode/nothing", test_nothing);
  g_test_add_func ("/mode/utf8", test_utf8);

  return g_test_run ();
}
