/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What a caller of WaitFor() waits for: that counters of a server reach values. */

#include "config.h"

#include "sonded-condition.h"

#include "sonded-invalid.h"

#define ALLOWED "NAccepted, NClosed, BytesReceived, NConnections"

static const struct
{
  const char *name;
  const char *type;
  const char *property; /* of the server */
  gboolean    exact;    /* or else at least */
} counters[] = {
  { "NAccepted", "t", "n-accepted", FALSE },
  { "NClosed", "t", "n-closed", FALSE },
  { "BytesReceived", "t", "bytes-received", FALSE },
  { "NConnections", "u", "n-connections", TRUE },
};

G_STATIC_ASSERT (G_N_ELEMENTS (counters) == SONDED_N_COUNTERS);

static guint64
get_number (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32 (value);

  return g_variant_get_uint64 (value);
}

static gboolean
take_counter (SondedCondition *self,
              gsize            counter,
              GVariant        *value,
              GError         **error)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE (counters[counter].type)))
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   "%s of type %.32s is not valid; allowed: type %s",
                   counters[counter].name,
                   g_variant_get_type_string (value),
                   counters[counter].type);
      return FALSE;
    }
  if (self->wanted[counter].is_set)
    return sonded_set_invalid (error, "condition", counters[counter].name, "each of them once");

  self->wanted[counter].is_set = TRUE;
  self->wanted[counter].value = get_number (value);

  return TRUE;
}

static gboolean
take_key (SondedCondition *self,
          const char      *key,
          GVariant        *value,
          GError         **error)
{
  for (gsize i = 0; i < SONDED_N_COUNTERS; i++)
    if (g_str_equal (counters[i].name, key))
      return take_counter (self, i, value, error);

  return sonded_set_invalid (error, "condition", key, ALLOWED);
}

/*
 * sonded_condition_parse:
 * @self: (out caller-allocates): a condition; all zeros before
 * @condition: an `a{sv}` of counters and values
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Reads what a caller waits for.
 */
gboolean
sonded_condition_parse (SondedCondition *self,
                        GVariant        *condition,
                        GError         **error)
{
  GVariantIter iter;
  const char  *key;
  GVariant    *value;

  g_variant_iter_init (&iter, condition);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;

      if (!take_key (self, key, owned, error))
        return FALSE;
    }

  return g_variant_n_children (condition) > 0 ||
         sonded_set_invalid (error, "condition", "{}", ALLOWED);
}

/*
 * sonded_condition_to_string:
 * @self: a condition
 *
 * Writes a condition as `sondectl wait` takes it: NAccepted>=3, NConnections=0.
 *
 * Returns: (transfer full): the text
 */
char *
sonded_condition_to_string (const SondedCondition *self)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < SONDED_N_COUNTERS; i++)
    if (self->wanted[i].is_set)
      g_string_append_printf (text,
                              "%s%s%s%" G_GUINT64_FORMAT,
                              text->len > 0 ? ", " : "",
                              counters[i].name,
                              counters[i].exact ? "=" : ">=",
                              self->wanted[i].value);

  return g_string_free (text, FALSE);
}

/*
 * sonded_condition_is_met:
 * @self: a condition
 * @now: (array fixed-size=4): the counters
 *
 * Checks whether there is nothing to wait for.
 */
gboolean
sonded_condition_is_met (const SondedCondition *self,
                         const guint64         *now)
{
  for (gsize i = 0; i < SONDED_N_COUNTERS; i++)
    if (self->wanted[i].is_set &&
        (counters[i].exact ? now[i] != self->wanted[i].value : now[i] < self->wanted[i].value))
      return FALSE;

  return TRUE;
}

/*
 * sonded_condition_asks:
 * @self: a condition
 * @counter: one of the counters
 * @now: its value
 *
 * Checks whether a change of a counter may help to meet the condition. One that
 * has been reached stays so, unless it has to be exact.
 */
gboolean
sonded_condition_asks (const SondedCondition *self,
                       gsize                  counter,
                       guint64                now)
{
  return self->wanted[counter].is_set &&
         (counters[counter].exact || self->wanted[counter].value > now);
}

/*
 * sonded_condition_is_exact:
 * @counter: one of the counters
 *
 * Checks whether a counter has to be what is waited for, or else at least that.
 */
gboolean
sonded_condition_is_exact (gsize counter)
{
  return counters[counter].exact;
}

/*
 * sonded_condition_read:
 * @server: a server
 * @counter: one of the counters
 *
 * Reads a counter, and none of the others.
 */
guint64
sonded_condition_read (SondeServer *server,
                       gsize        counter)
{
  g_auto (GValue) value = G_VALUE_INIT;

  g_object_get_property (G_OBJECT (server), counters[counter].property, &value);

  return G_VALUE_HOLDS_UINT (&value) ? g_value_get_uint (&value) : g_value_get_uint64 (&value);
}

/*
 * sonded_condition_read_all:
 * @server: a server
 * @now: (out) (array fixed-size=4): the counters
 *
 * Reads all counters at the same moment.
 *
 * Returns: (transfer full): all statistics of that moment
 */
GVariant *
sonded_condition_read_all (SondeServer *server,
                           guint64     *now)
{
  GVariant *statistics = sonde_server_get_statistics (server);

  for (gsize i = 0; i < SONDED_N_COUNTERS; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (statistics, counters[i].name, NULL);

      now[i] = get_number (value);
    }

  return statistics;
}
