/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What the service manager is told, sd_notify(3); without one, nobody. */

#include "config.h"

#include "sonded-notify.h"

#include <systemd/sd-daemon.h>

/* A watchdog that hears nothing for so long a part of its time is told nothing:
 * whoever is asked has three of them to answer. */
#define WATCHDOG_PARTS 4

/* A mark on the daemon that a status is about to be told. */
#define PENDING "sonded-notify-pending"

static char *
describe (SondedDaemon *daemon)
{
  g_autoptr (GList) servers = sonded_daemon_list_servers (daemon);
  guint n = 0, n_listening = 0;

  for (GList *l = servers; l != NULL; l = l->next)
    {
      n++;
      n_listening += sonde_server_get_state (l->data) == SONDE_SERVER_STATE_LISTENING;
    }

  return g_strdup_printf ("%u of %u servers listening", n_listening, n);
}

static void
tell (SondedDaemon *daemon,
      const char   *state)
{
  g_autofree char *status = describe (daemon);

  sd_notifyf (FALSE, "%sSTATUS=%s", state, status);
}

static gboolean
status_cb (gpointer user_data)
{
  SondedDaemon *daemon = user_data;

  g_object_set_data (G_OBJECT (daemon), PENDING, NULL);
  if (!sonded_daemon_is_stopped (daemon))
    tell (daemon, "");

  return G_SOURCE_REMOVE;
}

/* Many changes at a time are one message: sending it may have to wait for the
 * service manager. */
static void
tell_status (SondedDaemon *daemon)
{
  if (g_object_get_data (G_OBJECT (daemon), PENDING) != NULL)
    return;

  g_object_set_data (G_OBJECT (daemon), PENDING, GINT_TO_POINTER (TRUE));
  g_idle_add_full (G_PRIORITY_DEFAULT, status_cb, g_object_ref (daemon), g_object_unref);
}

static void
server_added_cb (SondedDaemon *daemon,
                 SondeServer  *server,
                 gpointer      user_data)
{
  tell_status (daemon);
  g_signal_connect_object (server,
                           "notify::state",
                           G_CALLBACK (tell_status),
                           daemon,
                           G_CONNECT_SWAPPED);
}

static void
server_removed_cb (SondedDaemon *daemon,
                   SondeServer  *server,
                   gpointer      user_data)
{
  g_signal_handlers_disconnect_by_func (server, tell_status, daemon);
  tell_status (daemon);
}

/* All are asked, also behind one that does not answer. */
static gboolean
is_alive (SondedDaemon *daemon)
{
  g_autoptr (GList) servers = sonded_daemon_list_servers (daemon);
  gboolean alive = TRUE;

  for (GList *l = servers; l != NULL; l = l->next)
    if (!sonde_server_is_responsive (l->data))
      {
        g_message ("Server %s does not respond; the watchdog is not told of it",
                   sonde_server_get_name (l->data));
        alive = FALSE;
      }

  return alive;
}

static gboolean
watchdog_cb (gpointer user_data)
{
  if (is_alive (user_data))
    sd_notify (FALSE, "WATCHDOG=1");

  return G_SOURCE_CONTINUE;
}

/* At the priority of all else in the main loop: where that does not get its
 * turn, the watchdog shall not be soothed. */
static void
start_watchdog (SondedDaemon *daemon)
{
  guint64 usec = 0;

  if (sd_watchdog_enabled (TRUE, &usec) <= 0)
    return;

  g_timeout_add_full (G_PRIORITY_DEFAULT,
                      (guint) MAX (usec / 1000 / WATCHDOG_PARTS, 1),
                      watchdog_cb,
                      g_object_ref (daemon),
                      g_object_unref);
}

/*
 * sonded_notify_ready:
 * @daemon: a daemon whose servers listen
 *
 * Tells that the daemon does what it is there for, and from now on how many
 * servers listen, and, where that is asked for, that it is alive: the main
 * loop, and every thread that serves.
 */
void
sonded_notify_ready (SondedDaemon *daemon)
{
  g_autoptr (GList) servers = sonded_daemon_list_servers (daemon);

  for (GList *l = servers; l != NULL; l = l->next)
    g_signal_connect_object (l->data,
                             "notify::state",
                             G_CALLBACK (tell_status),
                             daemon,
                             G_CONNECT_SWAPPED);
  g_signal_connect (daemon, "server-added", G_CALLBACK (server_added_cb), NULL);
  g_signal_connect (daemon, "server-removed", G_CALLBACK (server_removed_cb), NULL);
  start_watchdog (daemon);
  tell (daemon, "READY=1\n");
}

/*
 * sonded_notify_reloading:
 *
 * Tells that the configuration is being read again. The time tells this
 * answer from one to an earlier question, systemd.service(5).
 */
void
sonded_notify_reloading (void)
{
  sd_notifyf (FALSE,
              "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT "\nSTATUS=Reloading",
              g_get_monotonic_time ());
}

/*
 * sonded_notify_reloaded:
 * @daemon: a daemon
 * @error: (nullable): why it goes on as before
 *
 * Tells that reloading is over.
 */
void
sonded_notify_reloaded (SondedDaemon *daemon,
                        const GError *error)
{
  if (error == NULL)
    tell (daemon, "READY=1\n");
  else
    sd_notifyf (FALSE, "READY=1\nSTATUS=Could not reload: %s", error->message);
}

/*
 * sonded_notify_stopping:
 * @daemon: a daemon that is about to stop
 *
 * Tells that the daemon ends, when its connections have.
 */
void
sonded_notify_stopping (SondedDaemon *daemon)
{
  sd_notifyf (FALSE,
              "STOPPING=1\nSTATUS=Waiting for %u connections to end",
              sonded_daemon_get_n_connections (daemon));
}
