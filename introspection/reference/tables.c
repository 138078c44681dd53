/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Prints the library's own tables as JSON, for the reference manual: what is
 * known about a setting stands in the code, and the manual repeats it. */

#include "config.h"

#include <json-glib/json-glib.h>
#include <libsonde/sonde-connect-timeout-private.h>
#include <libsonde/sonde-counters-private.h>
#include <libsonde/sonde-settings-private.h>

static const SondeOption *
get_option (guint setting)
{
  if (setting < SONDE_SETTING_FIRST_OPTION)
    return NULL;

  return &sonde_option_get_table ()[setting - SONDE_SETTING_FIRST_OPTION];
}

static void
add_member (JsonBuilder *builder,
            const char  *name,
            const char  *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_setting (JsonBuilder *builder,
             guint        setting)
{
  const SondeKey    *key = sonde_setting_get_key (setting);
  const SondeOption *option = get_option (setting);
  g_autofree char   *range = sonde_key_describe_range (key);
  g_autoptr (GVariant) initial = sonde_key_dup_default (key);
  g_autofree char *initial_text = sonde_key_format (key, initial);

  json_builder_begin_object (builder);
  add_member (builder, "name", key->name);
  add_member (builder, "property", key->property);
  add_member (builder, "blurb", key->blurb);
  add_member (builder, "type", (const char *) sonde_key_get_variant_type (key));
  add_member (builder, "range", range);
  add_member (builder, "default", option == NULL ? initial_text : "");
  add_member (builder, "change", sonde_setting_describe_change (setting));
  add_member (builder, "sysctl", option != NULL && option->sysctl != NULL ? option->sysctl : "");
  add_member (builder, "sysctl_is", option != NULL && option->capped ? "limit" : "default");
  json_builder_end_object (builder);
}

static void
add_settings (JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "settings");
  json_builder_begin_array (builder);
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    add_setting (builder, i);
  json_builder_end_array (builder);
}

static void
add_counters (JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "counters");
  json_builder_begin_array (builder);
  for (guint i = 0; i < SONDE_COUNTER_LAST; i++)
    {
      GParamSpec *pspec = g_param_spec_ref_sink (sonde_counter_make_param_spec (i));

      json_builder_begin_object (builder);
      add_member (builder, "name", sonde_counter_get_name (i));
      add_member (builder, "property", g_param_spec_get_name (pspec));
      json_builder_end_object (builder);
      g_param_spec_unref (pspec);
    }
  json_builder_end_array (builder);
}

static void
add_presets (JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "presets");
  json_builder_begin_object (builder);
  for (const char *const *name = sonde_settings_list_presets (); *name != NULL; name++)
    {
      g_autoptr (SondeSettings) settings = sonde_settings_new_for_preset (*name, NULL);

      json_builder_set_member_name (builder, *name);
      json_builder_begin_object (builder);
      for (guint i = 0; i < SONDE_N_SETTINGS; i++)
        {
          g_autoptr (GVariant) value = sonde_settings_peek (settings, i);
          g_autofree char *text = sonde_key_format (sonde_setting_get_key (i), value);

          if (sonde_settings_has (settings, i))
            add_member (builder, sonde_setting_get_key (i)->name, text);
        }
      json_builder_end_object (builder);
    }
  json_builder_end_object (builder);
}

#define SYN_RETRIES_SHOWN 8
#define LINEAR_TIMEOUTS 4
#define RTO_MAX_MS 120000

static void
add_timeouts (JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "connect_timeouts");
  json_builder_begin_array (builder);
  for (guint n = 1; n <= SYN_RETRIES_SHOWN; n++)
    {
      const guint64 usec = sonde_connect_timeout_model (n, LINEAR_TIMEOUTS, RTO_MAX_MS);

      json_builder_begin_object (builder);
      json_builder_set_member_name (builder, "retries");
      json_builder_add_int_value (builder, n);
      json_builder_set_member_name (builder, "classic");
      json_builder_add_int_value (builder,
                                  (gint64) (sonde_connect_timeout_classic (n) / G_USEC_PER_SEC));
      json_builder_set_member_name (builder, "model");
      json_builder_add_int_value (builder, (gint64) (usec / G_USEC_PER_SEC));
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
}

int
main (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  add_settings (builder);
  add_counters (builder);
  add_presets (builder);
  add_timeouts (builder);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);

  return 0;
}
