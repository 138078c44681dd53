/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Shows signals as they come. Counters are signalled to whoever asks for it, so that is
 * asked of each server, and again of a daemon that has come back: there it is forgotten. */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

#include "sondectl-bus.h"
#include "sondectl-event.h"
#include "sondectl-format.h"
#include "sondectl-servers.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define SERVER_PATH_PREFIX SONDECTL_ROOT_PATH "/server/"
#define REFRESH_DEFAULT "1s"
#define REFRESH_MIN_MS 100

typedef struct
{
  SondectlContext *context;    /* (unowned) */
  GDBusConnection *connection; /* (unowned), outlives us */
  GMainLoop       *loop;       /* (unowned) */
  const char      *server;     /* (unowned) (nullable): all */
  guint            refresh_ms;
  gboolean         has_appeared;
  GError          *error; /* (owned) (nullable) */
} Monitor;

static void
tell (Monitor      *self,
      SondectlEvent event,
      const char   *server,
      GVariant     *properties)
{
  if (self->server != NULL && server != NULL && !g_str_equal (self->server, server))
    return;

  sondectl_event_print (self->context, event, server, properties);

  /* GIO ignores SIGPIPE. */
  if (fflush (stdout) != 0 || ferror (stdout))
    g_main_loop_quit (self->loop);
}

/* The name of a server, of which its path is made. */
static char *
dup_server_name (const char *path)
{
  g_autofree guint8 *bytes = NULL;

  if (!g_str_has_prefix (path, SERVER_PATH_PREFIX))
    return NULL;

  bytes = g_dbus_unescape_object_path (path + strlen (SERVER_PATH_PREFIX));

  return bytes != NULL ? g_utf8_make_valid ((const char *) bytes, -1) : NULL;
}

/* A daemon that does not do it, or not for us, is watched all the same. */
static void
ask_for_counters (Monitor    *self,
                  const char *path)
{
  if (self->refresh_ms == 0)
    return;

  g_dbus_connection_call (self->connection,
                          SONDECTL_BUS_NAME,
                          path,
                          SONDECTL_PROPERTIES,
                          "Set",
                          g_variant_new ("(ssv)",
                                         SONDECTL_STATISTICS,
                                         "RefreshRateMs",
                                         g_variant_new_uint32 (self->refresh_ms)),
                          NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          -1,
                          NULL,
                          NULL,
                          NULL);
}

static void
ask_all_for_counters (Monitor *self)
{
  const char *const names[] = { self->server, NULL };
  g_autoptr (GPtrArray) servers = sondectl_servers_list (self->context, names, NULL);

  for (guint i = 0; servers != NULL && i < servers->len; i++)
    {
      const char      *name = json_object_get_string_member (servers->pdata[i], "Name");
      g_autofree char *path = sondectl_servers_find (self->context, name, NULL);

      if (path != NULL)
        ask_for_counters (self, path);
    }
}

/* What we have asked for ourselves is no news. */
static GVariant *
drop_refresh_rate (GVariant *properties)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (properties);

  g_variant_dict_remove (&dict, "RefreshRateMs");

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
changed_cb (GDBusConnection *connection,
            const char      *sender,
            const char      *path,
            const char      *interface,
            const char      *signal,
            GVariant        *parameters,
            gpointer         user_data)
{
  Monitor         *self = user_data;
  g_autofree char *name = dup_server_name (path);
  g_autoptr (GVariant) all = NULL;
  g_autoptr (GVariant) properties = NULL;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  if (name == NULL && self->server != NULL)
    return;

  all = g_variant_get_child_value (parameters, 1);
  properties = drop_refresh_rate (all);
  if (g_variant_n_children (properties) > 0)
    tell (self, SONDECTL_EVENT_CHANGED, name, properties);
}

static void
added_cb (GDBusConnection *connection,
          const char      *sender,
          const char      *path,
          const char      *interface,
          const char      *signal,
          GVariant        *parameters,
          gpointer         user_data)
{
  Monitor         *self = user_data;
  const char      *object = NULL;
  g_autofree char *name = NULL;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oa{sa{sv}})")))
    return;

  g_variant_get_child (parameters, 0, "&o", &object);
  name = dup_server_name (object);
  if (name == NULL)
    return;

  tell (self, SONDECTL_EVENT_ADDED, name, NULL);
  if (self->server == NULL || g_str_equal (self->server, name))
    ask_for_counters (self, object);
}

static void
removed_cb (GDBusConnection *connection,
            const char      *sender,
            const char      *path,
            const char      *interface,
            const char      *signal,
            GVariant        *parameters,
            gpointer         user_data)
{
  g_autofree const char **interfaces = NULL;
  const char             *object = NULL;
  g_autofree char        *name = NULL;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oas)")))
    return;

  g_variant_get (parameters, "(&o^a&s)", &object, &interfaces);
  name = dup_server_name (object);
  if (name != NULL && g_strv_contains (interfaces, SONDECTL_SERVER))
    tell (user_data, SONDECTL_EVENT_REMOVED, name, NULL);
}

static const struct
{
  const char         *interface;
  const char         *signal;
  GDBusSignalCallback callback;
} subscriptions[] = {
  { SONDECTL_PROPERTIES, "PropertiesChanged", changed_cb },
  { OBJECT_MANAGER, "InterfacesAdded", added_cb },
  { OBJECT_MANAGER, "InterfacesRemoved", removed_cb },
};

static void
appeared_cb (GDBusConnection *connection,
             const char      *name,
             const char      *owner,
             gpointer         user_data)
{
  Monitor *self = user_data;

  self->has_appeared = TRUE;
  tell (self, SONDECTL_EVENT_APPEARED, NULL, NULL);
  ask_all_for_counters (self);
}

static void
give_up (Monitor *self)
{
  g_clear_error (&self->error);
  self->error = g_error_new_literal (G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN, "");
  sondectl_bus_explain_error (self->context, &self->error);
  g_main_loop_quit (self->loop);
}

static void
vanished_cb (GDBusConnection *connection,
             const char      *name,
             gpointer         user_data)
{
  Monitor *self = user_data;

  if (!self->has_appeared)
    give_up (self);
  else if (connection != NULL)
    tell (self, SONDECTL_EVENT_VANISHED, NULL, NULL);
}

static void
closed_cb (GDBusConnection *connection,
           gboolean         remote_peer_vanished,
           GError          *error,
           gpointer         user_data)
{
  give_up (user_data);
}

static gboolean
quit_cb (gpointer user_data)
{
  g_main_loop_quit (user_data);

  return G_SOURCE_CONTINUE;
}

static void
watch (Monitor *self)
{
  guint watch_id = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (subscriptions); i++)
    g_dbus_connection_signal_subscribe (self->connection,
                                        SONDECTL_BUS_NAME,
                                        subscriptions[i].interface,
                                        subscriptions[i].signal,
                                        NULL,
                                        NULL,
                                        G_DBUS_SIGNAL_FLAGS_NONE,
                                        subscriptions[i].callback,
                                        self,
                                        NULL);
  watch_id = g_bus_watch_name_on_connection (self->connection,
                                             SONDECTL_BUS_NAME,
                                             G_BUS_NAME_WATCHER_FLAGS_AUTO_START,
                                             appeared_cb,
                                             vanished_cb,
                                             self,
                                             NULL);
  g_signal_connect (self->connection, "closed", G_CALLBACK (closed_cb), self);
  g_unix_signal_add (SIGINT, quit_cb, self->loop);
  g_unix_signal_add (SIGTERM, quit_cb, self->loop);
  g_main_loop_run (self->loop);
  g_signal_handlers_disconnect_by_data (self->connection, self);
  g_bus_unwatch_name (watch_id);
}

static gboolean
parse_refresh (Monitor    *self,
               const char *text,
               GError    **error)
{
  guint64 usec = 0;

  if (!sondectl_parse_duration ("refresh", text != NULL ? text : REFRESH_DEFAULT, &usec, error))
    return FALSE;

  self->refresh_ms = (guint) MIN (usec / 1000, G_MAXUINT32);
  if (usec == 0 || self->refresh_ms >= REFRESH_MIN_MS)
    return TRUE;

  g_set_error_literal (error,
                       G_OPTION_ERROR,
                       G_OPTION_ERROR_BAD_VALUE,
                       _ ("--refresh takes 0 or at least 100ms"));

  return FALSE;
}

static gboolean
check_server (Monitor *self,
              GError **error)
{
  g_autofree char *path =
    self->server != NULL ? sondectl_servers_find (self->context, self->server, error) : NULL;

  return self->server == NULL || path != NULL;
}

/*
 * sondectl_monitor:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Shows changes as they happen, until it is interrupted.
 */
SondectlExit
sondectl_monitor (SondectlContext *context,
                  int              argc,
                  char           **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GDBusConnection) connection = NULL;
  g_autofree char *refresh = NULL;
  g_autoptr (GError) error = NULL;
  Monitor            self = { .context = context, .loop = loop };
  const GOptionEntry entries[] = {
    { "refresh", 0, 0, G_OPTION_ARG_STRING, &refresh,
      N_ ("How often changed counters are shown (1s), at least 100ms; 0 for never"),
      N_ ("TIME") },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 0, 1, &argc, &argv))
    return SONDECTL_EXIT_USAGE;
  if (!parse_refresh (&self, refresh, &error))
    return sondectl_exit_with_error (context->verb->name, error);

  self.server = argv[1];
  self.connection = connection = sondectl_bus_connect (context, &error);
  if (connection == NULL || !check_server (&self, &error))
    return sondectl_exit_with_error (argc > 1 ? argv[1] : context->verb->name, error);

  watch (&self);
  if (self.error == NULL)
    return SONDECTL_EXIT_OK;
  g_propagate_error (&error, self.error);

  return sondectl_exit_with_error (context->verb->name, error);
}
