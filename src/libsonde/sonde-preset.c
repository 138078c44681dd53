/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The five recipes that Sonde grew from, as settings. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-settings-private.h"

typedef struct
{
  const char *key;
  const char *value;
} Assignment;

#define ASSIGNMENTS_MAX 12

static const struct
{
  const char *name;
  Assignment  assignments[ASSIGNMENTS_MAX];
} presets[] = {
  { "io-multiplex",
    {
      { "Mode", "echo" },
      { "ListenAddresses", "127.0.0.1:9999" },
      { "ReuseAddress", "yes" },
      { "ReusePort", "yes" },
      { "NoDelay", "yes" },
    } },
  { "io-multiplex-bare",
    {
      { "Mode", "echo" },
      { "ListenAddresses", "127.0.0.1:9999" },
    } },
  { "asyncio",
    {
      { "Mode", "echo-once" },
      { "ListenAddresses", "127.0.0.1:8888" },
      { "ReuseAddress", "yes" },
      { "ReusePort", "yes" },
      { "Backlog", "100" },
      { "NoDelay", "yes" },
      { "QuickAck", "yes" },
      { "KeepAliveTimeSec", "1800" },
      { "KeepAliveProbes", "9" },
      { "KeepAliveIntervalSec", "15" },
    } },
  { "socketserver-base",
    {
      { "Mode", "upper-once" },
      { "ListenAddresses", "127.0.0.1:9999" },
      { "ReuseAddress", "yes" },
      { "Backlog", "100" },
      { "NoDelay", "yes" },
      { "QuickAck", "yes" },
    } },
  { "socketserver-stream",
    {
      { "Mode", "upper-line" },
      { "ListenAddresses", "127.0.0.1:9999" },
      { "ReuseAddress", "yes" },
      { "Backlog", "100" },
      { "NoDelay", "yes" },
      { "QuickAck", "yes" },
    } },
  { "socketserver-threading",
    {
      { "Mode", "upper-once" },
      { "Concurrency", "threads" },
      { "ListenAddresses", "127.0.0.1:0" },
      { "ReuseAddress", "yes" },
      { "ReusePort", "yes" },
      { "Backlog", "100" },
      { "NoDelay", "yes" },
      { "QuickAck", "yes" },
    } },
};

static gboolean
assign (const Assignment *assignments,
        SondeSettings    *settings,
        GError          **error)
{
  for (gsize i = 0; i < ASSIGNMENTS_MAX && assignments[i].key != NULL; i++)
    if (!sonde_settings_set_string (settings, assignments[i].key, assignments[i].value, error))
      return FALSE;

  return TRUE;
}

/*
 * sonde_preset_apply:
 * @preset: the name of a preset
 * @settings: what it is laid over
 * @error: where to put an error
 *
 * Sets everything that a preset sets, and leaves the rest.
 */
gboolean
sonde_preset_apply (const char    *preset,
                    SondeSettings *settings,
                    GError       **error)
{
  g_autofree char *allowed = NULL;
  g_autofree char *excerpt = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (presets); i++)
    if (g_str_equal (presets[i].name, preset))
      return assign (presets[i].assignments, settings, error);

  allowed = g_strjoinv (", ", (char **) sonde_preset_list_names ());
  excerpt = sonde_error_excerpt (preset);
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "Preset=%s is not valid; allowed: %s",
               excerpt,
               allowed);

  return FALSE;
}

/*
 * sonde_preset_list_names:
 *
 * Lists the presets.
 *
 * Returns: (transfer none) (array zero-terminated=1): their names
 */
const char *const *
sonde_preset_list_names (void)
{
  static const char *names[G_N_ELEMENTS (presets) + 1];
  static gsize       filled = 0;

  if (g_once_init_enter (&filled))
    {
      for (gsize i = 0; i < G_N_ELEMENTS (presets); i++)
        names[i] = presets[i].name;
      g_once_init_leave (&filled, 1);
    }

  return names;
}
