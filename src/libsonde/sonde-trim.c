/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What thousands of connections leave behind is free, but in pieces between
 * what is not, and stays with the process until malloc is told to look. */

#include "config.h"

#include "sonde-trim-private.h"

#include <malloc.h>
#include <stdatomic.h>

/* Until those who go together are gone. */
#define DELAY_MS 300

static _Atomic gboolean is_pending = FALSE;

static gboolean
remove_cb (gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

/* Also called where the context ends before the time has come. */
static void
trim (gpointer user_data)
{
  atomic_store (&is_pending, FALSE);
#ifdef __GLIBC__
  malloc_trim (0);
#endif
}

/*
 * sonde_trim_later:
 * @context: a main context that a thread runs
 *
 * Gives memory that nobody uses any more back to the kernel, from any thread,
 * when it is time.
 */
void
sonde_trim_later (GMainContext *context)
{
  g_autoptr (GSource) source = NULL;

  if (atomic_exchange (&is_pending, TRUE))
    return;

  source = g_timeout_source_new (DELAY_MS);
  g_source_set_static_name (source, "[Sonde] trim");
  g_source_set_callback (source, remove_cb, NULL, trim);
  g_source_attach (source, context);
}
