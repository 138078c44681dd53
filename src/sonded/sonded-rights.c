/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Which right a call takes on the system bus: one table. Reading is open to
 * anyone, except who is connected; what the table does not list, nobody may.
 * Reads of properties never come here: GDBus answers them by itself. */

#include "config.h"

#include "sonded-rights.h"

#include <glib/gi18n.h>
#include <libsonde/sonde.h>

#define LOG_CONTROL "org.freedesktop.LogControl1"
#define KERNEL_LIMITS "org.sonde.Sonde1.KernelLimits"
#define MANAGER "org.sonde.Sonde1.Manager"
#define SERVER "org.sonde.Sonde1.Server"
#define SOCKET_OPTIONS "org.sonde.Sonde1.SocketOptions"
#define STATISTICS "org.sonde.Sonde1.Statistics"

static const SondedRight open_to_all = { NULL, NULL };

static const SondedRight inspect_connections = {
  "org.sonde.sonde1.inspect-connections",
  N_ ("Authentication is required to see who is connected to the TCP server $(server)"),
};

static const SondedRight manage_servers = {
  "org.sonde.sonde1.manage-servers",
  N_ ("Authentication is required to change the TCP server $(server)"),
};

/* Implies manage-servers, so that nobody is asked twice. */
static const SondedRight bind_external = {
  "org.sonde.sonde1.bind-external",
  N_ ("Authentication is required to let the TCP server $(server) listen for the network"),
};

static const SondedRight probe = { "org.sonde.sonde1.probe", NULL };

/* In the parameters of which calls there are settings of a server; -1: a
 * property and its value. */
#define NO_SETTINGS G_MININT
#define IN_PROPERTY -1

static const struct
{
  const char        *interface;
  const char        *member; /* "Set" of Properties: any property of the interface */
  const SondedRight *right;
  int                settings; /* which argument may ask for addresses to listen on */
} rights[] = {
  { MANAGER, "CreateServer", &manage_servers, 1 },
  { MANAGER, "RemoveServer", &manage_servers, NO_SETTINGS },
  { MANAGER, "GetServer", &open_to_all, NO_SETTINGS },
  { MANAGER, "RunProbe", &probe, NO_SETTINGS },
  { MANAGER, "Reload", &manage_servers, NO_SETTINGS },
  { MANAGER, "Describe", &open_to_all, NO_SETTINGS },

  { KERNEL_LIMITS, "ComputeConnectTimeout", &open_to_all, NO_SETTINGS },
  { KERNEL_LIMITS, "GetAll", &open_to_all, NO_SETTINGS },
  { KERNEL_LIMITS, "GetDeltas", &open_to_all, NO_SETTINGS },

  { SERVER, "Set", &manage_servers, IN_PROPERTY },
  { SERVER, "Start", &manage_servers, NO_SETTINGS },
  { SERVER, "Stop", &manage_servers, NO_SETTINGS },
  { SERVER, "Drain", &manage_servers, NO_SETTINGS },
  { SERVER, "Relisten", &manage_servers, NO_SETTINGS },
  { SERVER, "UpdateSettings", &manage_servers, 0 },
  { SERVER, "ListConnections", &inspect_connections, NO_SETTINGS },
  { SERVER, "GetConnection", &inspect_connections, NO_SETTINGS },
  { SERVER, "CloseConnection", &manage_servers, NO_SETTINGS },
  { SERVER, "WaitFor", &open_to_all, NO_SETTINGS },

  { SOCKET_OPTIONS, "Set", &manage_servers, NO_SETTINGS },
  { SOCKET_OPTIONS, "GetOptionReport", &open_to_all, NO_SETTINGS },

  /* How often counters are signalled costs the daemon, and everyone who listens. */
  { STATISTICS, "Set", &manage_servers, NO_SETTINGS },
  { STATISTICS, "GetSnapshot", &open_to_all, NO_SETTINGS },
  { STATISTICS, "Reset", &manage_servers, NO_SETTINGS },

  { LOG_CONTROL, "Set", &manage_servers, NO_SETTINGS },
};

/*
 * sonded_rights_get_interface:
 * @invocation: a call
 *
 * Gets the interface that a call is about; for Properties.Set, the one whose
 * property is to be set.
 */
const char *
sonded_rights_get_interface (GDBusMethodInvocation *invocation)
{
  const char *interface = NULL;

  if (g_dbus_method_invocation_get_property_info (invocation) == NULL)
    return g_dbus_method_invocation_get_interface_name (invocation);

  g_variant_get_child (g_dbus_method_invocation_get_parameters (invocation), 0, "&s", &interface);

  return interface;
}

/*
 * sonded_rights_get_property:
 * @invocation: a call
 *
 * Gets the property that is to be set.
 *
 * Returns: (nullable): its name, or %NULL if it is another call
 */
const char *
sonded_rights_get_property (GDBusMethodInvocation *invocation)
{
  const GDBusPropertyInfo *info = g_dbus_method_invocation_get_property_info (invocation);

  return info != NULL ? info->name : NULL;
}

/*
 * sonded_rights_get_server:
 * @invocation: a call that is not about a server's own object
 *
 * Gets the server that the parameters of a call name.
 *
 * Returns: (nullable): what the caller gave as its name
 */
const char *
sonded_rights_get_server (GDBusMethodInvocation *invocation)
{
  const GDBusMethodInfo *info = g_dbus_method_invocation_get_method_info (invocation);
  const char            *name = NULL;

  if (info == NULL || info->in_args == NULL || info->in_args[0] == NULL ||
      !g_str_equal (info->in_args[0]->name, "name"))
    return NULL;

  g_variant_get_child (g_dbus_method_invocation_get_parameters (invocation), 0, "&s", &name);

  return name;
}

static GVariant *
get_property_as_settings (GVariant *parameters)
{
  g_autoptr (GVariant) value = NULL;
  GVariantDict dict;
  const char  *property;

  g_variant_get (parameters, "(&s&sv)", NULL, &property, &value);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, property, value);

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* Only what decides about addresses, in the order in which it was given. The
 * rest must not count: a setting that contradicts those of a server here, but
 * does no more when the call is carried out, would hide an address. */
static GVariant *
pick_addresses (GVariant *settings)
{
  GVariantBuilder builder;
  GVariantIter    iter;
  const char     *key;
  GVariant       *value;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, settings);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;

      if (g_str_equal (key, "ListenAddresses") || g_str_equal (key, "Preset"))
        g_variant_builder_add (&builder, "{sv}", key, owned);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* What is not valid will be refused for that, by whoever carries the call out. */
static gboolean
asks_for_exposure (GDBusMethodInvocation *invocation,
                   int                    argument)
{
  GVariant *parameters = g_dbus_method_invocation_get_parameters (invocation);
  g_autoptr (SondeSettings) asked = sonde_settings_new ();
  g_autoptr (GVariant) settings = NULL;
  g_autoptr (GVariant) addresses = NULL;

  if (argument == NO_SETTINGS)
    return FALSE;
  if (argument == IN_PROPERTY)
    settings = get_property_as_settings (parameters);
  else
    settings = g_variant_get_child_value (parameters, (gsize) argument);
  addresses = pick_addresses (settings);

  return sonde_settings_update (asked, addresses, NULL) && sonde_settings_is_exposed (asked);
}

/*
 * sonded_rights_find:
 * @invocation: a call, or a Properties.Set
 *
 * Finds the right that a call takes.
 *
 * Returns: (nullable): the right, or %NULL if nobody has it
 */
const SondedRight *
sonded_rights_find (GDBusMethodInvocation *invocation)
{
  const char *interface = sonded_rights_get_interface (invocation);
  const char *member = g_dbus_method_invocation_get_method_name (invocation);

  for (gsize i = 0; i < G_N_ELEMENTS (rights); i++)
    if (g_str_equal (rights[i].interface, interface) && g_str_equal (rights[i].member, member))
      return asks_for_exposure (invocation, rights[i].settings) ? &bind_external : rights[i].right;

  return NULL;
}
