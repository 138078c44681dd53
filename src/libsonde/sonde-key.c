/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-address-private.h"
#include "sonde-error-private.h"
#include "sonde-key-private.h"

#include <string.h>

static const char *const types[] = {
  [SONDE_KEY_BOOLEAN] = "b",
  [SONDE_KEY_COUNT] = "u",
  [SONDE_KEY_SIZE] = "t",
  [SONDE_KEY_TIME] = "t",
  [SONDE_KEY_STRING] = "s",
  [SONDE_KEY_ENUM] = "s",
  [SONDE_KEY_ADDRESSES] = "as",
};

G_STATIC_ASSERT (G_N_ELEMENTS (types) == SONDE_KEY_ADDRESSES + 1);

/*
 * sonde_key_get_variant_type:
 * @key: a key
 *
 * Gets the type of a key's values, which is that of the D-Bus property.
 */
const GVariantType *
sonde_key_get_variant_type (const SondeKey *key)
{
  return G_VARIANT_TYPE (types[key->kind]);
}

/*
 * sonde_key_list_nicks:
 * @key: a key whose values are those of an enumeration
 *
 * Lists what its values are called.
 *
 * Returns: (transfer container) (element-type utf8): the names, with %NULL behind them
 */
GPtrArray *
sonde_key_list_nicks (const SondeKey *key)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (key->enum_type ());
  GPtrArray *nicks = g_ptr_array_new ();

  for (guint i = 0; i < enum_class->n_values; i++)
    g_ptr_array_add (nicks, (char *) enum_class->values[i].value_nick);
  g_ptr_array_add (nicks, NULL);

  return nicks;
}

/*
 * sonde_key_is_number:
 * @key: a key
 *
 * Checks whether the values of a key are numbers.
 */
gboolean
sonde_key_is_number (const SondeKey *key)
{
  return key->kind == SONDE_KEY_COUNT || key->kind == SONDE_KEY_SIZE || key->kind == SONDE_KEY_TIME;
}

static GVariant *
number_to_variant (const SondeKey *key,
                   guint64         number)
{
  if (key->kind == SONDE_KEY_COUNT)
    return g_variant_new_uint32 ((guint32) number);

  return g_variant_new_uint64 (number);
}

static const char *
enum_nick (const SondeKey *key,
           guint64         number)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (key->enum_type ());
  const GEnumValue *value = g_enum_get_value (enum_class, (int) number);

  return value->value_nick;
}

static gboolean
is_enum_nick (const SondeKey *key,
              const char     *nick)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (key->enum_type ());

  return g_enum_get_value_by_nick (enum_class, nick) != NULL;
}

static gboolean
in_range (const SondeKey *key,
          guint64         number)
{
  if (number == 0 && key->zero)
    return TRUE;

  return number >= key->min && number <= key->max;
}

/* D-Bus callers write <100> and mean a number, whatever its width. */
static gboolean
get_number (GVariant *value,
            guint64  *number)
{
  gint64 number_signed;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
      *number = g_variant_get_byte (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT16:
      *number = g_variant_get_uint16 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      *number = g_variant_get_uint32 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      *number = g_variant_get_uint64 (value);
      return TRUE;
    case G_VARIANT_CLASS_INT16:
      number_signed = g_variant_get_int16 (value);
      break;
    case G_VARIANT_CLASS_INT32:
      number_signed = g_variant_get_int32 (value);
      break;
    case G_VARIANT_CLASS_INT64:
      number_signed = g_variant_get_int64 (value);
      break;
    default:
      return FALSE;
    }

  *number = (guint64) number_signed;

  return number_signed >= 0;
}

static GVariant *
check_number (const SondeKey *key,
              GVariant       *value)
{
  guint64 number = 0;

  if (!get_number (value, &number) || !in_range (key, number))
    return NULL;

  return number_to_variant (key, number);
}

static gboolean
is_valid_string (const SondeKey *key,
                 GVariant       *value)
{
  const char *string = g_variant_get_string (value, NULL);

  if (key->kind == SONDE_KEY_ENUM)
    return is_enum_nick (key, string);

  for (const char *c = string; *c != '\0'; c++)
    if (!g_ascii_isgraph (*c))
      return FALSE;

  return strlen (string) <= key->max;
}

static gboolean
are_valid_addresses (const SondeKey *key,
                     GVariant       *value,
                     GError        **error)
{
  gsize                   n_addresses = 0;
  g_autofree const char **addresses = g_variant_get_strv (value, &n_addresses);

  if (n_addresses > SONDE_ADDRESSES_MAX)
    {
      g_autofree char *range = sonde_key_describe_range (key);

      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   "%s with %" G_GSIZE_FORMAT " addresses is not valid; allowed: %s",
                   key->name,
                   n_addresses,
                   range);
      return FALSE;
    }

  for (gsize i = 0; addresses[i] != NULL; i++)
    if (!sonde_address_check (addresses[i], error))
      return FALSE;

  return TRUE;
}

/*
 * sonde_key_check:
 * @key: a key
 * @value: a value from anywhere
 * @error: where to put an error
 *
 * Checks a value.
 *
 * Returns: (transfer full): the value in the key's own type, or %NULL with
 *   %SONDE_ERROR_INVALID_SETTING
 */
GVariant *
sonde_key_check (const SondeKey *key,
                 GVariant       *value,
                 GError        **error)
{
  g_autoptr (GVariant) checked = NULL;
  g_autofree char *text = NULL;
  gboolean         valid = FALSE;

  if (sonde_key_is_number (key))
    checked = check_number (key, value);
  else if (g_variant_is_of_type (value, sonde_key_get_variant_type (key)))
    checked = g_variant_ref (value);

  if (checked != NULL && key->kind == SONDE_KEY_ADDRESSES)
    return are_valid_addresses (key, checked, error) ? g_steal_pointer (&checked) : NULL;

  valid = checked != NULL &&
          (!g_variant_is_of_type (checked, G_VARIANT_TYPE_STRING) ||
           is_valid_string (key, checked));
  if (valid)
    return g_variant_take_ref (g_steal_pointer (&checked));

  text = sonde_error_excerpt_value (value);
  sonde_key_set_error (key, key->name, text, error);

  return NULL;
}

/*
 * sonde_key_dup_default:
 * @key: a key
 *
 * Gets what a key stands at when nothing was asked.
 */
GVariant *
sonde_key_dup_default (const SondeKey *key)
{
  GVariant *value = NULL;

  if (key->kind == SONDE_KEY_BOOLEAN)
    value = g_variant_new_boolean (key->default_value != 0);
  else if (key->kind == SONDE_KEY_ENUM)
    value = g_variant_new_string (enum_nick (key, key->default_value));
  else if (key->kind == SONDE_KEY_STRING)
    value = g_variant_new_string ("");
  else if (key->kind == SONDE_KEY_ADDRESSES)
    value = g_variant_new_strv (NULL, 0);
  else
    value = number_to_variant (key, key->default_value);

  return g_variant_ref_sink (value);
}

/*
 * sonde_key_make_param_spec:
 * @key: a key
 *
 * Makes the GObject property that stands for a key.
 */
GParamSpec *
sonde_key_make_param_spec (const SondeKey *key)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  switch (key->kind)
    {
    case SONDE_KEY_BOOLEAN:
      return g_param_spec_boolean (key->property, NULL, key->blurb, key->default_value != 0, flags);
    case SONDE_KEY_COUNT:
      return g_param_spec_uint (key->property, NULL, key->blurb, 0, (guint) key->max,
                                (guint) key->default_value, flags);
    case SONDE_KEY_SIZE:
    case SONDE_KEY_TIME:
      return g_param_spec_uint64 (key->property, NULL, key->blurb, 0, key->max, key->default_value,
                                  flags);
    case SONDE_KEY_ENUM:
      return g_param_spec_enum (key->property, NULL, key->blurb, key->enum_type (),
                                (int) key->default_value, flags);
    case SONDE_KEY_ADDRESSES:
      return g_param_spec_boxed (key->property, NULL, key->blurb, G_TYPE_STRV, flags);
    case SONDE_KEY_STRING:
    default:
      return g_param_spec_string (key->property, NULL, key->blurb, "", flags);
    }
}

/*
 * sonde_key_is_named:
 * @key: a key
 * @name: a name
 *
 * Checks whether a key is called by a name. A key that ends in `USec` is
 * called with `Sec` instead as well.
 */
gboolean
sonde_key_is_named (const SondeKey *key,
                    const char     *name)
{
  gsize stem;

  if (strcmp (key->name, name) == 0)
    return TRUE;
  if (key->kind != SONDE_KEY_TIME)
    return FALSE;

  stem = strlen (key->name) - strlen ("USec");

  return strncmp (key->name, name, stem) == 0 && strcmp (name + stem, "Sec") == 0;
}
