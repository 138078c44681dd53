/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "parse-value.h"

#include <string.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-key-private.h>
#include <libsonde/sonde-mode.h>

#define SECOND SONDE_KEY_SECOND

static const SondeKey flag = { "Flag", "flag", "A flag", SONDE_KEY_BOOLEAN };
static const SondeKey set_flag = { "SetFlag", "set-flag", "Another", SONDE_KEY_BOOLEAN,
                                   .default_value = 1 };
static const SondeKey count = { "Count", "count", "From 10, or 0", SONDE_KEY_COUNT, 10, 100, TRUE };
static const SondeKey strict = { "Strict", "strict", "From 1", SONDE_KEY_COUNT, 1, 64, FALSE, 7 };
static const SondeKey size = { "Size", "size", "Bytes", SONDE_KEY_SIZE, 1, G_MAXUINT64 - 1, TRUE };
static const SondeKey delay = { "DelayUSec", "delay-usec", "A time", SONDE_KEY_TIME,
                                SECOND, 3600 * SECOND, TRUE };
static const SondeKey word = { "Word", "word", "A name", SONDE_KEY_STRING, 0, 15 };
static const SondeKey mode = { "Mode", "mode", "An enum", SONDE_KEY_ENUM,
                               .default_value = SONDE_MODE_UPPER,
                               .enum_type = sonde_mode_get_type };
static const SondeKey places = { "Places", "places", "Addresses", SONDE_KEY_ADDRESSES };

#define MODES "echo, echo-once, upper, upper-once, upper-line"

static const struct
{
  const SondeKey *key;
  const char     *type;
  const char     *range;
  const char     *fallback;
} kinds[] = {
  { &flag, "b", "yes or no", "false" },
  { &set_flag, "b", "yes or no", "true" },
  { &count, "u", "10 to 100, or 0 for the default", "uint32 0" },
  { &strict, "u", "1 to 64", "uint32 7" },
  { &size, "t", "1 to 18446744073709551614, or 0 for the default", "uint64 0" },
  { &delay, "t", "1s to 1h, or 0 for the default", "uint64 0" },
  { &word, "s", "a name of at most 15 characters", "''" },
  { &mode, "s", MODES, "'upper'" },
  { &places, "as", "up to 1024 addresses, each HOST:PORT", "@as []" },
};

/* A value, and what a key makes of it; nothing, if it refuses it. */
static const struct
{
  const SondeKey *key;
  const char     *value;
  const char     *checked;
} checks[] = {
  { &flag, "true", "true" },
  { &flag, "false", "false" },
  { &flag, "1", NULL },
  { &flag, "'yes'", NULL },
  { &flag, "<true>", NULL },
  { &flag, "@mb true", NULL },
  { &count, "byte 0x0a", "uint32 10" },
  { &count, "int16 10", "uint32 10" },
  { &count, "uint16 10", "uint32 10" },
  { &count, "10", "uint32 10" },
  { &count, "uint32 10", "uint32 10" },
  { &count, "int64 100", "uint32 100" },
  { &count, "uint64 100", "uint32 100" },
  { &count, "0", "uint32 0" },
  { &count, "9", NULL },
  { &count, "101", NULL },
  { &count, "-1", NULL },
  { &count, "int16 -10", NULL },
  { &count, "int64 -9223372036854775808", NULL },
  { &count, "uint64 4294967306", NULL },
  { &count, "uint64 18446744073709551615", NULL },
  { &count, "10.0", NULL },
  { &count, "'10'", NULL },
  { &count, "true", NULL },
  { &count, "handle 10", NULL },
  { &count, "<10>", NULL },
  { &count, "[10]", NULL },
  { &strict, "0", NULL },
  { &strict, "1", "uint32 1" },
  { &strict, "64", "uint32 64" },
  { &strict, "65", NULL },
  { &size, "byte 0x01", "uint64 1" },
  { &size, "uint64 18446744073709551614", "uint64 18446744073709551614" },
  { &size, "uint64 18446744073709551615", NULL },
  { &size, "int64 -1", NULL },
  { &delay, "1000000", "uint64 1000000" },
  { &delay, "999999", NULL },
  { &delay, "uint64 3600000001", NULL },
  { &word, "'reno'", "'reno'" },
  { &word, "''", "''" },
  { &word, "'exactly15chars_'", "'exactly15chars_'" },
  { &word, "'sixteen_chars_!!'", NULL },
  { &word, "'two words'", NULL },
  { &word, "'tab\\there'", NULL },
  { &word, "'ümlaut'", NULL },
  { &word, "objectpath '/a'", NULL },
  { &mode, "'echo'", "'echo'" },
  { &mode, "'upper-line'", "'upper-line'" },
  { &mode, "'Echo'", NULL },
  { &mode, "''", NULL },
  { &mode, "'echo '", NULL },
  { &mode, "0", NULL },
  { &places, "@as []", "@as []" },
  { &places, "['127.0.0.1:0', '[::1]:0']", "['127.0.0.1:0', '[::1]:0']" },
  { &places, "['127.0.0.1:0', '127.0.0.1']", NULL },
  { &places, "'127.0.0.1:0'", NULL },
  { &places, "[<'127.0.0.1:0'>]", NULL },
  { &places, "@ao []", NULL },
};

/* Key, value and range: whoever reads the message can do better at once. */
static void
assert_refused (const SondeKey *key,
                GVariant       *value,
                const char     *shown)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *prefix = g_strdup_printf ("%s=%s is not valid; allowed: ", key->name, shown);
  g_autofree char *range = sonde_key_describe_range (key);

  g_assert_null (sonde_key_check (key, value, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, prefix));
  g_assert_true (g_str_has_suffix (error->message, range));
  g_assert_null (sonde_key_check (key, value, NULL));
}

static void
test_kinds (void)
{
  g_test_summary ("A key has the type and the default of its kind, and says what it takes.");

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *range = sonde_key_describe_range (kinds[i].key);
      g_autoptr (GVariant) fallback = sonde_key_dup_default (kinds[i].key);
      g_autoptr (GVariant) expected = parse_value (kinds[i].fallback);

      g_assert_true (g_variant_type_equal (sonde_key_get_variant_type (kinds[i].key),
                                           G_VARIANT_TYPE (kinds[i].type)));
      g_assert_cmpstr (range, ==, kinds[i].range);
      g_assert_false (g_variant_is_floating (fallback));
      g_assert_cmpvariant (fallback, expected);
    }
}

static void
test_check (void)
{
  g_test_summary ("A value of the right type and range comes back in the key's own type.");

  for (gsize i = 0; i < G_N_ELEMENTS (checks); i++)
    {
      g_autoptr (GVariant) value = parse_value (checks[i].value);
      g_autoptr (GVariant) expected = NULL;
      g_autoptr (GVariant) checked = NULL;
      g_autoptr (GError) error = NULL;

      if (checks[i].checked == NULL)
        continue;
      expected = parse_value (checks[i].checked);
      checked = sonde_key_check (checks[i].key, value, &error);
      g_assert_no_error (error);
      g_assert_false (g_variant_is_floating (checked));
      g_assert_cmpvariant (checked, expected);
      g_assert_true (g_variant_is_of_type (checked, sonde_key_get_variant_type (checks[i].key)));
    }
}

static void
test_refused (void)
{
  g_test_summary ("A value of another type or out of range is refused: key, value and range.");

  for (gsize i = 0; i < G_N_ELEMENTS (checks); i++)
    {
      g_autoptr (GVariant) value = parse_value (checks[i].value);
      g_autofree char *shown = NULL;

      if (checks[i].checked != NULL || checks[i].key == &places)
        continue;
      if (g_variant_is_container (value))
        shown = g_strdup_printf ("(a value of type %s)", g_variant_get_type_string (value));
      else
        shown = g_variant_print (value, FALSE);
      assert_refused (checks[i].key, value, shown);
    }
}

static void
test_refused_addresses (void)
{
  g_test_summary ("Of addresses the one that is wrong is named, and a wrong type is no crash.");

  for (gsize i = 0; i < G_N_ELEMENTS (checks); i++)
    {
      g_autoptr (GVariant) value = parse_value (checks[i].value);
      g_autoptr (GError) error = NULL;

      if (checks[i].checked != NULL || checks[i].key != &places)
        continue;
      g_assert_null (sonde_key_check (&places, value, &error));
      g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
      g_assert_nonnull (strstr (error->message, "HOST:PORT"));
    }
}

static void
test_hostile (void)
{
  g_autofree char *megabyte = g_strnfill (1024 * 1024, 'x');
  g_autoptr (GVariant) nested = NULL;
  GVariant *inner = g_variant_new_boolean (TRUE);
  g_autoptr (GVariant) huge = g_variant_ref_sink (g_variant_new_string (megabyte));
  const SondeKey *const keys[] = { &flag, &count, &size, &delay, &word, &mode };

  g_test_summary ("A value that is huge or deeply nested is refused in a short message.");

  for (guint i = 0; i < 60; i++)
    inner = g_variant_new_variant (inner);
  nested = g_variant_ref_sink (inner);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      assert_refused (keys[i], huge, "(a value of type s)");
      assert_refused (keys[i], nested, "(a value of type v)");
    }
}

static void
test_message_utf8 (void)
{
  g_test_summary ("A message is UTF-8 wherever a long value is cut.");

  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *padding = g_strnfill (94 + i, 'x');
      g_autofree char *text = g_strconcat (padding, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", NULL);
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_string (text));
      g_autoptr (GError) error = NULL;

      g_assert_null (sonde_key_check (&mode, value, &error));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_ownership (void)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_string ("reno"));
  GVariant *checked = sonde_key_check (&word, value, NULL);

  g_test_summary ("A checked value lives on when the one that was checked is gone.");

  g_clear_pointer (&value, g_variant_unref);
  g_assert_cmpstr (g_variant_get_string (checked, NULL), ==, "reno");
  g_variant_unref (checked);
}

static void
test_names (void)
{
  g_test_summary ("A time is called with Sec for USec as well, nothing else has two names.");

  g_assert_true (sonde_key_is_named (&delay, "DelayUSec"));
  g_assert_true (sonde_key_is_named (&delay, "DelaySec"));
  g_assert_false (sonde_key_is_named (&delay, "Delay"));
  g_assert_false (sonde_key_is_named (&delay, "DelayMSec"));
  g_assert_false (sonde_key_is_named (&delay, "DelaySecs"));
  g_assert_false (sonde_key_is_named (&delay, "Dela"));
  g_assert_false (sonde_key_is_named (&delay, ""));
  g_assert_false (sonde_key_is_named (&delay, "delay-usec"));
  g_assert_true (sonde_key_is_named (&count, "Count"));
  g_assert_false (sonde_key_is_named (&count, "count"));
  g_assert_false (sonde_key_is_named (&count, "CountSec"));
}

static void
test_param_specs (void)
{
  g_test_summary ("A key makes a GObject property of its type, default and range.");

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      const SondeKey *key = kinds[i].key;
      g_autoptr (GParamSpec) pspec = g_param_spec_ref_sink (sonde_key_make_param_spec (key));
      const GValue *value = g_param_spec_get_default_value (pspec);

      g_assert_cmpstr (g_param_spec_get_name (pspec), ==, key->property);
      g_assert_cmpstr (g_param_spec_get_blurb (pspec), ==, key->blurb);
      g_assert_true (pspec->flags & G_PARAM_EXPLICIT_NOTIFY);
      if (G_VALUE_HOLDS_UINT (value))
        g_assert_cmpuint (g_value_get_uint (value), ==, key->default_value);
      if (G_VALUE_HOLDS_UINT64 (value))
        g_assert_cmpuint (G_PARAM_SPEC_UINT64 (pspec)->maximum, ==, key->max);
      if (G_VALUE_HOLDS_ENUM (value))
        g_assert_cmpint (g_value_get_enum (value), ==, SONDE_MODE_UPPER);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/key/kinds", test_kinds);
  g_test_add_func ("/key/check", test_check);
  g_test_add_func ("/key/refused", test_refused);
  g_test_add_func ("/key/refused/addresses", test_refused_addresses);
  g_test_add_func ("/key/hostile", test_hostile);
  g_test_add_func ("/key/message-utf8", test_message_utf8);
  g_test_add_func ("/key/ownership", test_ownership);
  g_test_add_func ("/key/names", test_names);
  g_test_add_func ("/key/param-specs", test_param_specs);

  return g_test_run ();
}
