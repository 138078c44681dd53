/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* From one thread's main loop into another's. */

#include "config.h"

#include "sonde-call-private.h"

typedef struct
{
  GSourceFunc func;
  gpointer    user_data;
  GMutex      lock;
  GCond       cond;
  gboolean    done;
} Call;

static gboolean
call_cb (gpointer user_data)
{
  Call *call = user_data;

  call->func (call->user_data);
  g_mutex_lock (&call->lock);
  call->done = TRUE;
  g_cond_signal (&call->cond);
  g_mutex_unlock (&call->lock);

  return G_SOURCE_REMOVE;
}

/*
 * sonde_call_later:
 * @context: a main context that a thread runs
 * @func: what to call there
 * @user_data: what to call it with
 * @destroy: (nullable): what frees @user_data, whether it was called or not
 *
 * Has a function called by another thread, once or as long as it says.
 */
void
sonde_call_later (GMainContext  *context,
                  GSourceFunc    func,
                  gpointer       user_data,
                  GDestroyNotify destroy)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, user_data, destroy);
  g_source_attach (source, context);
}

/*
 * sonde_call_and_wait:
 * @context: a main context that another thread runs
 * @func: what to call there once
 * @user_data: what to call it with
 *
 * Has a function called by another thread, and waits for it: as long as a turn
 * of its loop takes.
 */
void
sonde_call_and_wait (GMainContext *context,
                     GSourceFunc   func,
                     gpointer      user_data)
{
  Call call = { .func = func, .user_data = user_data };

  g_mutex_init (&call.lock);
  g_cond_init (&call.cond);
  sonde_call_later (context, call_cb, &call, NULL);
  g_mutex_lock (&call.lock);
  while (!call.done)
    g_cond_wait (&call.cond, &call.lock);
  g_mutex_unlock (&call.lock);
  g_cond_clear (&call.cond);
  g_mutex_clear (&call.lock);
}
