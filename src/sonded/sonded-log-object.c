/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The log on the bus, where systemctl(1) looks for it. */

#include "config.h"

#include "sonded-log-object.h"

#include "sonde-dbus.h"
#include "sonded-skeleton.h"

#define DAEMON_KEY "sonded-daemon"

/* Servers learn from an update, be it empty, whether to log every read. */
static void
tell_servers (SondedDaemon *daemon)
{
  g_autoptr (GList) servers = sonded_daemon_list_servers (daemon);

  for (GList *l = servers; l != NULL; l = l->next)
    {
      g_autoptr (GError) local_error = NULL;

      if (!sonde_server_update (l->data,
                                g_variant_new ("a{sv}", NULL),
                                SONDE_APPLY_NEW,
                                &local_error))
        g_warning ("%s", local_error->message);
    }
}

static GVariant *
get_log_property (gpointer    model,
                  const char *property)
{
  const char *value = G_LOG_DOMAIN;

  if (g_str_equal (property, "LogLevel"))
    value = sonded_log_get_level (model);
  else if (g_str_equal (property, "LogTarget"))
    value = sonded_log_get_target (model);

  return g_variant_ref_sink (g_variant_new_string (value));
}

static gboolean
set_log_property (gpointer               model,
                  const char            *property,
                  GVariant              *value,
                  GDBusMethodInvocation *invocation,
                  GError               **error)
{
  const char *name = g_variant_get_string (value, NULL);
  GObject    *skeleton = NULL;

  if (g_str_equal (property, "LogTarget"))
    return sonded_log_set_target (model, name, error);
  if (!sonded_log_set_level (model, name, error))
    return FALSE;

  skeleton = g_dbus_method_invocation_get_user_data (invocation);
  tell_servers (g_object_get_data (skeleton, DAEMON_KEY));

  return TRUE;
}

/*
 * sonded_log_object_new:
 * @log: the log
 * @daemon: the daemon whose servers log, and which outlives the interface
 * @authority: who decides about calls
 *
 * Makes org.freedesktop.LogControl1.
 */
GDBusInterfaceSkeleton *
sonded_log_object_new (SondedLog       *log,
                       SondedDaemon    *daemon,
                       SondedAuthority *authority)
{
  GDBusInterfaceSkeleton *skeleton = sonded_skeleton_new (SONDE_DBUS_TYPE_LOG_CONTROL1_SKELETON,
                                                          G_OBJECT (log),
                                                          get_log_property,
                                                          set_log_property,
                                                          authority);

  g_object_set_data (G_OBJECT (skeleton), DAEMON_KEY, daemon);

  return skeleton;
}
