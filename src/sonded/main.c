/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <glib-unix.h>
#include <malloc.h>

#include "sonded-bus.h"
#include "sonded-daemon.h"
#include "sonded-inspect.h"
#include "sonded-notify.h"
#include "sonded-options.h"
#include "sonded-provision.h"

/* What malloc gives back to the kernel as soon as it is freed. */
#define LARGE_BLOCK (128 * 1024)

typedef struct
{
  GMainLoop       *loop;
  SondedDaemon    *daemon;
  SondedProvision *provision;
  SondedBus       *bus; /* NULL: serves TCP only */
  gboolean         is_ready;
  gboolean         is_reload_asked; /* before it was ready */
  gboolean         stopping;
  int              status;
} App;

static gboolean
terminate_cb (gpointer user_data)
{
  App *app = user_data;

  /* The second time somebody means it. */
  if (app->stopping)
    g_main_loop_quit (app->loop);
  app->stopping = TRUE;
  sonded_daemon_stop (app->daemon);
  sonded_notify_stopping (app->daemon);

  return G_SOURCE_CONTINUE;
}

static void
reloaded_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GError) local_error = NULL;

  if (!sonded_provision_load_finish (SONDED_PROVISION (source), result, &local_error))
    g_warning ("Could not reload: %s", local_error->message);
}

static gboolean
reload_cb (gpointer user_data)
{
  App *app = user_data;

  /* The end of reloading is told as being ready. */
  if (!app->is_ready)
    app->is_reload_asked = TRUE;
  else if (!app->stopping)
    sonded_provision_load_async (app->provision, reloaded_cb, NULL);

  return G_SOURCE_CONTINUE;
}

static void
stopped_cb (SondedDaemon *daemon,
            App          *app)
{
  if (app->stopping)
    g_main_loop_quit (app->loop);
}

static void
fail (App    *app,
      int     status,
      GError *error)
{
  g_printerr ("sonded: %s\n", error->message);
  app->status = status;
  g_main_loop_quit (app->loop);
}

static void
become_ready (App *app)
{
  app->is_ready = TRUE;
  sonded_notify_ready (app->daemon);
  if (app->is_reload_asked)
    reload_cb (app);
}

static void
connected_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  App *app = user_data;
  g_autoptr (GError) local_error = NULL;
  const gboolean is_there = sonded_bus_connect_finish (SONDED_BUS (source), result, &local_error);

  if (app->stopping)
    return;

  if (is_there)
    become_ready (app);
  else
    fail (app, SONDED_EXIT_NO_BUS, local_error);
}

static void
loaded_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  App *app = user_data;
  g_autoptr (GError) local_error = NULL;

  if (app->stopping)
    return;

  if (!sonded_provision_load_finish (SONDED_PROVISION (source), result, &local_error))
    fail (app, sonded_options_get_load_status (local_error), local_error);
  else if (app->bus != NULL)
    sonded_bus_connect_async (app->bus, connected_cb, app);
  else
    become_ready (app);
}

/* GSocketService warns of each accept(2) that fails. A shard looks into it, says
 * what there is to say once, and counts the rest. */
static void
gio_warned_cb (const char    *domain,
               GLogLevelFlags level,
               const char    *message,
               gpointer       user_data)
{
  if (g_str_has_prefix (message, "fail: "))
    g_debug ("GSocketService: %s", message);
  else
    g_log_default_handler (domain, level, message, NULL);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) sockets_error = NULL;
  g_autoptr (SondedSockets) sockets = sonded_sockets_take (&sockets_error);
  g_autoptr (SondedLog) log = sonded_log_new ();
  g_auto (SondedOptions) options = { 0 };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (SondedDaemon) daemon = NULL;
  g_autoptr (SondedProvision) provision = NULL;
  g_autoptr (SondedBus) bus = NULL;
  App app = { .loop = loop };

  /* By itself it grows to the largest block that was ever freed, and all that
   * is smaller stays with the process in pieces from then on. */
  mallopt (M_MMAP_THRESHOLD, LARGE_BLOCK);
  if (!sonded_options_parse (&options, argc, argv, &app.status))
    return app.status;
  if (options.inspection != SONDED_INSPECT_NOTHING)
    return sonded_inspect (&options);
  if (sockets == NULL)
    {
      fail (&app, SONDED_EXIT_NOT_CONFIGURED, sockets_error);
      return app.status;
    }

  g_log_set_handler ("GLib-GIO", G_LOG_LEVEL_WARNING, gio_warned_cb, NULL);
  daemon = app.daemon = sonded_daemon_new ();
  provision = app.provision =
    sonded_provision_new (daemon,
                          options.config_path,
                          options.config_folders,
                          g_steal_pointer (&sockets));
  if (options.bus_address != NULL)
    bus = app.bus =
      sonded_bus_new (daemon, provision, log, options.bus_address, options.system_bus);
  g_signal_connect (daemon, "stopped", G_CALLBACK (stopped_cb), &app);
  g_unix_signal_add (SIGTERM, terminate_cb, &app);
  g_unix_signal_add (SIGINT, terminate_cb, &app);
  g_unix_signal_add (SIGHUP, reload_cb, &app);

  sonded_provision_load_async (provision, loaded_cb, &app);
  g_main_loop_run (loop);

  return app.status;
}
