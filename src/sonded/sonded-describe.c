/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonded-describe.h"

#include <json-glib/json-glib.h>

static GVariant *
describe_server (SondeServer *server)
{
  g_autoptr (SondeSettings) settings = sonde_server_dup_settings (server);
  g_autoptr (GVariant) settings_value = sonde_settings_to_variant (settings);
  g_autoptr (GVariant) bound = sonde_server_get_bound_addresses (server);
  g_autoptr (GVariant) statistics = sonde_server_get_statistics (server);
  g_autoptr (GEnumClass) states = g_type_class_ref (SONDE_TYPE_SERVER_STATE);
  g_auto (GStrv) pending = sonde_server_get_pending_relisten (server);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "Name", "s", sonde_server_get_name (server));
  g_variant_dict_insert (&dict, "State", "s",
                         g_enum_get_value (states, sonde_server_get_state (server))->value_nick);
  g_variant_dict_insert (&dict, "PendingRelisten", "^as", pending);
  g_variant_dict_insert_value (&dict, "BoundAddresses", bound);
  g_variant_dict_insert_value (&dict, "Settings", settings_value);
  g_variant_dict_insert_value (&dict, "Statistics", statistics);

  return g_variant_dict_end (&dict);
}

/*
 * sonded_describe:
 * @daemon: the daemon
 *
 * Describes everything as JSON.
 *
 * Returns: (transfer full): an object
 */
char *
sonded_describe (SondedDaemon *daemon)
{
  g_autoptr (GList) servers = sonded_daemon_list_servers (daemon);
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new ();
  g_autoptr (GVariant) limits_value = sonde_kernel_limits_get_all (limits);
  g_autoptr (GVariant) description = NULL;
  GVariantBuilder builder;
  GVariantDict    dict;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (GList *l = servers; l != NULL; l = l->next)
    g_variant_builder_add_value (&builder, describe_server (l->data));

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "Version", "s", PACKAGE_VERSION);
  g_variant_dict_insert_value (&dict, "Servers", g_variant_builder_end (&builder));
  g_variant_dict_insert_value (&dict, "KernelLimits", limits_value);
  description = g_variant_ref_sink (g_variant_dict_end (&dict));

  return json_gvariant_serialize_data (description, NULL);
}
