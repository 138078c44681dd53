/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <glib-unix.h>
#include <systemd/sd-daemon.h>

#include "sonded-bus.h"
#include "sonded-daemon.h"
#include "sonded-options.h"
#include "sonded-provision.h"

typedef struct
{
  GMainLoop       *loop;
  SondedDaemon    *daemon;
  SondedProvision *provision;
  gboolean         stopping;
} App;

static gboolean
terminate_cb (gpointer user_data)
{
  App *app = user_data;

  /* The second time somebody means it. */
  if (app->stopping)
    g_main_loop_quit (app->loop);
  app->stopping = TRUE;
  sd_notify (FALSE, "STOPPING=1");
  sonded_daemon_stop (app->daemon);

  return G_SOURCE_CONTINUE;
}

static gboolean
reload_cb (gpointer user_data)
{
  App *app = user_data;
  g_autoptr (GError) local_error = NULL;

  if (!app->stopping && !sonded_provision_reload (app->provision, &local_error))
    g_warning ("Could not reload: %s", local_error->message);

  return G_SOURCE_CONTINUE;
}

static void
stopped_cb (SondedDaemon *daemon,
            App          *app)
{
  if (app->stopping)
    g_main_loop_quit (app->loop);
}

static int
fail (int     status,
      GError *error)
{
  g_printerr ("sonded: %s\n", error->message);

  return status;
}

static int
run (App       *app,
     SondedBus *bus)
{
  g_autoptr (GError) local_error = NULL;

  if (!sonded_provision_load (app->provision, &local_error))
    return fail (sonded_options_get_load_status (local_error), local_error);
  if (!sonded_bus_connect (bus, &local_error))
    return fail (SONDED_EXIT_NO_BUS, local_error);

  sd_notify (FALSE, "READY=1");
  g_main_loop_run (app->loop);

  return SONDED_EXIT_OK;
}

int
main (int    argc,
      char **argv)
{
  g_auto (SondedOptions) options = { 0 };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (SondedDaemon) daemon = NULL;
  g_autoptr (SondedProvision) provision = NULL;
  g_autoptr (SondedBus) bus = NULL;
  App app = { .loop = loop };
  int status = 0;

  if (!sonded_options_parse (&options, argc, argv, &status))
    return status;

  daemon = app.daemon = sonded_daemon_new ();
  provision = app.provision = sonded_provision_new (daemon, options.config_path);
  bus = sonded_bus_new (daemon, provision, options.bus_address, options.system_bus);
  g_signal_connect (daemon, "stopped", G_CALLBACK (stopped_cb), &app);
  g_unix_signal_add (SIGTERM, terminate_cb, &app);
  g_unix_signal_add (SIGINT, terminate_cb, &app);
  g_unix_signal_add (SIGHUP, reload_cb, &app);

  return run (&app, bus);
}
