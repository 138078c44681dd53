/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What an argument can be follows from what the help calls it: SERVER, KEY=VALUE, a|b. */

#include "config.h"

#include "sondectl-candidates.h"

#include <string.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-servers.h"
#include "sondectl-wait.h"

#include <libsonde/sonde.h>

/* Where the shell shall offer files. */
#define FILES ":files"

#define CONGESTION_PATH "/proc/sys/net/ipv4/tcp_available_congestion_control"

/* As many connections as somebody may want to choose from. */
#define CONNECTIONS_MAX 100

/*
 * sondectl_candidates_offer:
 * @self: the candidates
 * @candidate: what the word may be
 * @description: what that is, or nothing
 *
 * Offers a candidate, if the word begins like it.
 */
void
sondectl_candidates_offer (SondectlCandidates *self,
                           const char         *candidate,
                           const char         *description)
{
  if (g_str_has_prefix (candidate, self->word))
    g_print ("%s\t%s\n", candidate, description);
}

static void
offer_with_prefix (SondectlCandidates *self,
                   const char         *prefix,
                   const char         *value)
{
  g_autofree char *candidate = g_strconcat (prefix, value, NULL);

  sondectl_candidates_offer (self, candidate, "");
}

static void
offer_servers (SondectlCandidates *self)
{
  g_autoptr (GPtrArray) servers = sondectl_servers_list (self->context, NULL, NULL);

  for (guint i = 0; servers != NULL && i < servers->len; i++)
    {
      JsonObject      *server = servers->pdata[i];
      g_autofree char *name = NULL;

      name = sondectl_format_printable (json_object_get_string_member (server, "Name"));
      sondectl_candidates_offer (self, name, "");
    }
}

static void
offer_connections (SondectlCandidates *self)
{
  g_autofree char *path = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariantIter) iter = NULL;
  guint64     id;
  guint16     port;
  const char *address;

  if (self->server != NULL)
    path = sondectl_servers_find (self->context, self->server, NULL);
  if (path != NULL)
    reply = sondectl_bus_read (self->context,
                               path,
                               "Server.ListConnections",
                               g_variant_new ("(tu)", (guint64) 0, CONNECTIONS_MAX),
                               "(a(tsqtttb))",
                               NULL);
  if (reply == NULL)
    return;

  g_variant_get (reply, "(a(tsqtttb))", &iter);
  while (g_variant_iter_next (iter, "(t&sqtttb)", &id, &address, &port, NULL, NULL, NULL, NULL))
    {
      g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, id);
      g_autofree char *peer = sondectl_format_address (address, port);

      sondectl_candidates_offer (self, number, peer);
    }
}

static void
offer_presets (SondectlCandidates *self,
               const char         *prefix)
{
  for (const char *const *name = sonde_settings_list_presets (); *name != NULL; name++)
    offer_with_prefix (self, prefix, *name);
}

static void
offer_algorithms (SondectlCandidates *self,
                  const char         *prefix)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) names = NULL;

  if (!g_file_get_contents (CONGESTION_PATH, &text, NULL, NULL))
    return;

  names = g_strsplit (g_strstrip (text), " ", -1);
  for (gsize i = 0; names[i] != NULL; i++)
    offer_with_prefix (self, prefix, names[i]);
}

/* NoDelay is no-delay to GObject, and KeepAliveTimeSec also keep-alive-time-usec. */
static gboolean
is_named (const char *property,
          const char *key)
{
  g_auto (GStrv) parts = g_strsplit (property, "-", -1);
  g_autofree char *joined = g_strjoinv ("", parts);
  const gsize      length = strlen (joined);

  if (g_ascii_strcasecmp (joined, key) == 0)
    return TRUE;
  if (!g_str_has_suffix (joined, "usec"))
    return FALSE;

  memmove (joined + length - strlen ("usec"), "sec", sizeof "sec");

  return g_ascii_strcasecmp (joined, key) == 0;
}

static GParamSpec *
find_property (const char *key)
{
  /* What belongs to the class lives as long as the class does: this stays. */
  GObjectClass           *klass = g_type_class_ref (SONDE_TYPE_SERVER);
  g_autofree GParamSpec **properties = g_object_class_list_properties (klass, NULL);

  for (gsize i = 0; properties[i] != NULL; i++)
    {
      if (is_named (g_param_spec_get_name (properties[i]), key))
        return properties[i];
    }

  return NULL;
}

/* People write times in seconds or with a unit. */
static char *
dup_written_key (const char *key)
{
  if (g_str_has_suffix (key, "USec"))
    return g_strdup_printf ("%.*sSec=", (int) (strlen (key) - strlen ("USec")), key);

  return g_strconcat (key, "=", NULL);
}

static void
offer_keys (SondectlCandidates *self)
{
  sondectl_candidates_offer (self, "Preset=", "");
  for (const char *const *key = sonde_settings_list_keys (); *key != NULL; key++)
    {
      GParamSpec      *property = find_property (*key);
      g_autofree char *candidate = dup_written_key (*key);

      sondectl_candidates_offer (self,
                                 candidate,
                                 property != NULL ? g_param_spec_get_blurb (property) : "");
    }
}

static void
offer_settings (SondectlCandidates *self)
{
  const char      *equals = strchr (self->word, '=');
  g_autofree char *key = NULL;
  g_autofree char *prefix = NULL;
  GParamSpec      *property = NULL;

  if (equals == NULL)
    {
      offer_keys (self);
      return;
    }

  key = g_strndup (self->word, (gsize) (equals - self->word));
  prefix = g_strconcat (key, "=", NULL);
  property = find_property (key);
  if (g_str_equal (key, "Preset"))
    offer_presets (self, prefix);
  else if (g_str_equal (key, "Congestion"))
    offer_algorithms (self, prefix);
  else if (property != NULL && G_IS_PARAM_SPEC_BOOLEAN (property))
    sondectl_candidates_offer_values (self, prefix, "yes|no");
  else if (property != NULL && G_IS_PARAM_SPEC_ENUM (property))
    {
      GEnumClass *values = G_PARAM_SPEC_ENUM (property)->enum_class;

      for (guint i = 0; i < values->n_values; i++)
        offer_with_prefix (self, prefix, values->values[i].value_nick);
    }
}

static void
offer_conditions (SondectlCandidates *self)
{
  g_auto (GStrv) conditions = sondectl_wait_list_conditions ();

  for (gsize i = 0; conditions[i] != NULL; i++)
    sondectl_candidates_offer (self, conditions[i], "");
}

/*
 * sondectl_candidates_offer_values:
 * @self: the candidates
 * @prefix: what stands in front of the value in the word
 * @kind: what the help calls it
 *
 * Offers the values of an option.
 */
void
sondectl_candidates_offer_values (SondectlCandidates *self,
                                  const char         *prefix,
                                  const char         *kind)
{
  if (strchr (kind, '|') != NULL)
    {
      g_auto (GStrv) values = g_strsplit (kind, "|", -1);

      for (gsize i = 0; values[i] != NULL; i++)
        offer_with_prefix (self, prefix, values[i]);
    }
  else if (g_str_equal (kind, "PRESET"))
    offer_presets (self, prefix);
  else if (g_str_equal (kind, "FILE"))
    g_print ("%s\n", FILES);
}

/*
 * sondectl_candidates_offer_arguments:
 * @self: the candidates
 * @kind: what the help calls it
 *
 * Offers the arguments of a verb.
 */
void
sondectl_candidates_offer_arguments (SondectlCandidates *self,
                                     const char         *kind)
{
  static const struct
  {
    const char *kind;
    void (*offer) (SondectlCandidates *self);
  } kinds[] = {
    { "SERVER", offer_servers },
    { "ID", offer_connections },
    { "KEY", offer_keys },
    { "KEY=VALUE", offer_settings },
    { "KEY[=VALUE]", offer_settings },
    { "CONDITION", offer_conditions },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      if (g_str_equal (kinds[i].kind, kind))
        kinds[i].offer (self);
    }
  if (g_str_equal (kind, "FILE") || g_str_equal (kind, "COMMAND"))
    g_print ("%s\n", FILES);
  else
    sondectl_candidates_offer_values (self, "", kind);
}
