/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-rules-private.h"

/* What one read takes where nothing else is asked: the 1024 bytes of the
 * recipe where they show, else as much as keeps a system call busy. */
#define READ_SIZE_UPPER_ONCE 1024
#define READ_SIZE 65536

static guint32
get_read_size (SondeSettings *settings)
{
  const guint64 asked = sonde_settings_get_number (settings, SONDE_SETTING_READ_SIZE);

  if (asked > 0)
    return (guint32) asked;
  if (sonde_settings_get_enum (settings, SONDE_SETTING_MODE) == SONDE_MODE_UPPER_ONCE)
    return READ_SIZE_UPPER_ONCE;

  return READ_SIZE;
}

static gint32
get_switch (SondeSettings *settings,
            guint          setting)
{
  if (!sonde_settings_has (settings, setting))
    return -1;

  return sonde_settings_get_boolean (settings, setting);
}

/*
 * sonde_rules_set:
 * @self: the rules
 * @settings: what is asked for from now on
 *
 * Makes rules of settings; every worker sees them at its next event.
 */
void
sonde_rules_set (SondeRules    *self,
                 SondeSettings *settings)
{
  self->mode = (guint32) sonde_settings_get_enum (settings, SONDE_SETTING_MODE);
  self->read_size = get_read_size (settings);
  self->line_max = (guint32) sonde_settings_get_number (settings, SONDE_SETTING_LINE_MAX);
  self->max_threads = (guint32) sonde_settings_get_number (settings, SONDE_SETTING_MAX_THREADS);
  self->quick_ack = get_switch (settings, SONDE_SETTING_OPTION (SONDE_ROW_QUICK_ACK));
  self->no_delay = get_switch (settings, SONDE_SETTING_OPTION (SONDE_ROW_NO_DELAY));
  if (sonde_settings_has (settings, SONDE_SETTING_OPTION (SONDE_ROW_LINGER)))
    self->linger = TRUE;
  self->log_content = sonde_settings_get_boolean (settings, SONDE_SETTING_LOG_CONTENT);
  self->debug = !g_log_writer_default_would_drop (G_LOG_LEVEL_DEBUG, G_LOG_DOMAIN);
  self->idle_timeout_usec = sonde_settings_get_number (settings, SONDE_SETTING_IDLE_TIMEOUT);
  self->stall_timeout_usec = sonde_settings_get_number (settings, SONDE_SETTING_STALL_TIMEOUT);
  self->runtime_max_usec = sonde_settings_get_number (settings, SONDE_SETTING_RUNTIME_MAX);
  self->close_timeout_usec = sonde_settings_get_number (settings, SONDE_SETTING_CLOSE_TIMEOUT);
  self->unsent_max = sonde_settings_get_number (settings, SONDE_SETTING_UNSENT_MAX);
}

/*
 * sonde_rules_reserve:
 * @self: the rules
 * @bytes: how many bytes a connection wants to hold
 *
 * Takes bytes from what all connections together may hold.
 *
 * Returns: %FALSE if there are not that many left
 */
gboolean
sonde_rules_reserve (SondeRules *self,
                     gsize       bytes)
{
  const guint64 before = atomic_fetch_add_explicit (&self->unsent, bytes, memory_order_relaxed);

  if (before + bytes <= sonde_rules_get (self, unsent_max))
    return TRUE;

  sonde_rules_release (self, bytes);

  return FALSE;
}

/*
 * sonde_rules_take:
 * @self: the rules
 * @bytes: how many bytes a connection holds
 *
 * Takes bytes though there may be none left.
 */
void
sonde_rules_take (SondeRules *self,
                  gsize       bytes)
{
  atomic_fetch_add_explicit (&self->unsent, bytes, memory_order_relaxed);
}

/*
 * sonde_rules_release:
 * @self: the rules
 * @bytes: how many bytes a connection holds no longer
 *
 * Gives bytes back.
 */
void
sonde_rules_release (SondeRules *self,
                     gsize       bytes)
{
  atomic_fetch_sub_explicit (&self->unsent, bytes, memory_order_relaxed);
}
