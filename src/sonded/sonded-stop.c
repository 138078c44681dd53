/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonded-stop.h"

#include "sonded-reply.h"

static gboolean
reply_if_stopped (SondeServer           *server,
                  GDBusMethodInvocation *invocation)
{
  /* One that was started again meanwhile will not stop any more. */
  if (sonde_server_get_state (server) == SONDE_SERVER_STATE_DRAINING)
    return FALSE;

  sonded_reply (invocation, NULL, NULL);

  return TRUE;
}

static void
state_changed_cb (SondeServer           *server,
                  GParamSpec            *pspec,
                  GDBusMethodInvocation *invocation)
{
  if (reply_if_stopped (server, invocation))
    g_signal_handlers_disconnect_by_func (server, state_changed_cb, invocation);
}

/*
 * sonded_stop_reply_when_stopped:
 * @server: a server that was told to stop
 * @invocation: (transfer full): the call that told it
 *
 * Answers a call once the server is not draining any more.
 */
void
sonded_stop_reply_when_stopped (SondeServer           *server,
                                GDBusMethodInvocation *invocation)
{
  if (!reply_if_stopped (server, invocation))
    g_signal_connect (server, "notify::state", G_CALLBACK (state_changed_cb), invocation);
}
