/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What can be set: the keys of the server, and after them those of the socket
 * options. */

#include "config.h"

#include <glib/gi18n-lib.h>

#include "sonde-error.h"
#include "sonde-settings-private.h"

#define KIB 1024
#define MIB (1024 * KIB)

G_DEFINE_ENUM_TYPE (SondeConcurrency,
                    sonde_concurrency,
                    G_DEFINE_ENUM_VALUE (SONDE_CONCURRENCY_LOOP, "loop"),
                    G_DEFINE_ENUM_VALUE (SONDE_CONCURRENCY_THREADS, "threads"))

/* clang-format off */
static const SondeKey server_keys[] = {
  [SONDE_SETTING_MODE] =
    { "Mode", "mode", N_ ("What is done with the bytes"),
      SONDE_KEY_ENUM, .enum_type = sonde_mode_get_type },
  [SONDE_SETTING_CONCURRENCY] =
    { "Concurrency", "concurrency", N_ ("How the work is shared out"),
      SONDE_KEY_ENUM, .enum_type = sonde_concurrency_get_type },
  [SONDE_SETTING_WORKERS] =
    { "Workers", "workers", N_ ("Threads that share the port"),
      SONDE_KEY_COUNT, 1, SONDE_WORKERS_MAX, FALSE, 1 },
  [SONDE_SETTING_LISTEN_ADDRESSES] =
    { "ListenAddresses", "listen-addresses", N_ ("Where to listen"),
      SONDE_KEY_ADDRESSES },
  [SONDE_SETTING_MAX_CONNECTIONS] =
    { "MaxConnections", "max-connections", N_ ("Connections above which more are refused"),
      SONDE_KEY_COUNT, 1, G_MAXINT32, TRUE },
  [SONDE_SETTING_MAX_CONNECTIONS_PER_SOURCE] =
    { "MaxConnectionsPerSource", "max-connections-per-source", N_ ("The same for one peer address"),
      SONDE_KEY_COUNT, 1, G_MAXINT32, TRUE },
  [SONDE_SETTING_MAX_THREADS] =
    { "MaxThreads", "max-threads", N_ ("Threads at a time with Concurrency=threads"),
      SONDE_KEY_COUNT, 1, 4096, FALSE, 64 },
  [SONDE_SETTING_IDLE_TIMEOUT] =
    { "IdleTimeoutUSec", "idle-timeout-usec", N_ ("Silence that ends a connection"),
      SONDE_KEY_TIME, 1000, SONDE_KEY_TIME_MAX, TRUE },
  [SONDE_SETTING_STALL_TIMEOUT] =
    { "StallTimeoutUSec", "stall-timeout-usec",
      N_ ("How long a peer may take nothing of its bytes"),
      SONDE_KEY_TIME, 1000, SONDE_KEY_TIME_MAX, TRUE },
  [SONDE_SETTING_RUNTIME_MAX] =
    { "RuntimeMaxUSec", "runtime-max-usec", N_ ("How long a connection may last"),
      SONDE_KEY_TIME, 1000, SONDE_KEY_TIME_MAX, TRUE },
  [SONDE_SETTING_CLOSE_TIMEOUT] =
    { "CloseTimeoutUSec", "close-timeout-usec", N_ ("How long a closing connection may take"),
      SONDE_KEY_TIME, 1000, SONDE_KEY_TIME_MAX, FALSE, 5 * SONDE_KEY_SECOND },
  [SONDE_SETTING_READ_SIZE] =
    { "ReadSize", "read-size", N_ ("Bytes taken by one read"),
      SONDE_KEY_COUNT, 1, SONDE_READ_SIZE_MAX, TRUE },
  [SONDE_SETTING_LINE_MAX] =
    { "LineMax", "line-max", N_ ("Bytes of a line after which it counts as ended"),
      SONDE_KEY_COUNT, 1, MIB, FALSE, 64 * KIB },
  [SONDE_SETTING_UNSENT_MAX] =
    { "UnsentMax", "unsent-max", N_ ("Bytes that all connections together may hold unsent"),
      SONDE_KEY_SIZE, 64 * KIB, G_GUINT64_CONSTANT (1) << 40, FALSE, 64 * MIB },
  [SONDE_SETTING_LOG_CONTENT] =
    { "LogContent", "log-content", N_ ("Show the bytes in the debug log"),
      SONDE_KEY_BOOLEAN },
};
/* clang-format on */

G_STATIC_ASSERT (G_N_ELEMENTS (server_keys) == SONDE_SETTING_FIRST_OPTION);

/*
 * sonde_setting_get_option:
 * @setting: an index below %SONDE_N_SETTINGS
 *
 * Gets the socket option that a setting is.
 *
 * Returns: (nullable): the row of its table, or %NULL if it is none
 */
const SondeOption *
sonde_setting_get_option (guint setting)
{
  if (setting < SONDE_SETTING_FIRST_OPTION)
    return NULL;

  return &sonde_option_get_table ()[setting - SONDE_SETTING_FIRST_OPTION];
}

/*
 * sonde_setting_has_phase:
 * @setting: an index below %SONDE_N_SETTINGS
 * @phases: when a socket option is set
 *
 * Checks whether a setting is a socket option that is set in one of the phases.
 */
gboolean
sonde_setting_has_phase (guint setting,
                         guint phases)
{
  const SondeOption *option = sonde_setting_get_option (setting);

  return option != NULL && (option->phases & phases) != 0;
}

/*
 * sonde_setting_get_key:
 * @setting: an index below %SONDE_N_SETTINGS
 *
 * Gets what is known about a setting.
 */
const SondeKey *
sonde_setting_get_key (guint setting)
{
  const SondeOption *option = sonde_setting_get_option (setting);

  return option != NULL ? &option->key : &server_keys[setting];
}

/*
 * sonde_setting_find:
 * @name: a name, of a time also the one that ends in `Sec`
 * @setting: (out): its index
 *
 * Finds a setting by name.
 */
gboolean
sonde_setting_find (const char *name,
                    guint      *setting)
{
  for (*setting = 0; *setting < SONDE_N_SETTINGS; (*setting)++)
    if (sonde_key_is_named (sonde_setting_get_key (*setting), name))
      return TRUE;

  return FALSE;
}

/*
 * sonde_setting_find_or_fail:
 * @name: a name, as for sonde_setting_find()
 * @setting: (out): its index
 * @error: where to put an error
 *
 * Finds a setting by name, or reports that there is none.
 */
gboolean
sonde_setting_find_or_fail (const char *name,
                            guint      *setting,
                            GError    **error)
{
  g_autofree char *excerpt = NULL;
  const char      *nearest = NULL;

  if (sonde_setting_find (name, setting))
    return TRUE;

  excerpt = sonde_error_excerpt (name);
  nearest = sonde_error_find_nearest (name, sonde_settings_list_keys ());
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "%s is not a setting%s%s%s; allowed are those of org.sonde.Sonde1.Server and "
               "org.sonde.Sonde1.SocketOptions, and Preset",
               excerpt,
               nearest != NULL ? " (did you mean " : "",
               nearest != NULL ? nearest : "",
               nearest != NULL ? "?)" : "");

  return FALSE;
}

/*
 * sonde_setting_needs_relisten:
 * @setting: an index below %SONDE_N_SETTINGS
 *
 * Checks whether a change of a setting waits for a new listener.
 */
gboolean
sonde_setting_needs_relisten (guint setting)
{
  return sonde_setting_has_phase (setting, SONDE_OPTION_BEFORE_BIND) ||
         setting == SONDE_SETTING_CONCURRENCY || setting == SONDE_SETTING_WORKERS ||
         setting == SONDE_SETTING_LISTEN_ADDRESSES;
}
