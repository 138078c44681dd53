/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What the kernel thinks of settings, before any socket of a server has them. */

#include "config.h"

#include "sonde-error-private.h"
#include "sonde-server-private.h"

#include <errno.h>
#include <unistd.h>

static char *
describe_allowed (guint setting)
{
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new ();
  g_autoptr (GVariant) available = NULL;

  if (setting == SONDE_SETTING_OPTION (SONDE_ROW_CONGESTION))
    available =
      sonde_kernel_limits_get_sysctl (limits, "net.ipv4.tcp_available_congestion_control");
  if (available != NULL)
    return g_variant_dup_string (available, NULL);

  return sonde_key_describe_range (sonde_setting_get_key (setting));
}

/* What the kernel thinks of a value is an answer about the value. */
static gboolean
blame_value (guint         setting,
             GVariant     *value,
             const GError *kernel_error,
             GError      **error)
{
  const SondeKey  *key = sonde_setting_get_key (setting);
  g_autofree char *text = sonde_key_format (key, value);
  g_autofree char *allowed = describe_allowed (setting);

  g_set_error (error,
               SONDE_ERROR,
               g_error_matches (kernel_error, SONDE_ERROR, SONDE_ERROR_PERMISSION_DENIED)
                 ? SONDE_ERROR_PERMISSION_DENIED
                 : SONDE_ERROR_INVALID_SETTING,
               "%s=%s is refused: %s; allowed: %s",
               key->name,
               text,
               kernel_error->message,
               allowed);

  return FALSE;
}

static gboolean
try_option (SondeSettings *settings,
            guint          setting,
            int            fd,
            GError       **error)
{
  g_autoptr (GVariant) value = sonde_settings_peek (settings, setting);
  g_autoptr (GError) local_error = NULL;

  return sonde_option_write (sonde_setting_get_option (setting), fd, value, &local_error) ||
         blame_value (setting, value, local_error, error);
}

static gboolean
try_options (SondeSettings *settings,
             int            fd,
             GError       **error)
{
  for (guint i = SONDE_SETTING_FIRST_OPTION; i < SONDE_N_SETTINGS; i++)
    if (sonde_settings_has (settings, i) && !sonde_setting_has_phase (i, SONDE_OPTION_AT_LISTEN) &&
        !try_option (settings, i, fd, error))
      return FALSE;

  return TRUE;
}

/*
 * sonde_server_check_options:
 * @settings: settings
 * @error: where to put an error
 *
 * Asks the kernel, with a socket that is thrown away, whether it takes the
 * options. Those that it does not know pass.
 */
gboolean
sonde_server_check_options (SondeSettings *settings,
                            GError       **error)
{
  const int fd = sonde_option_make_scratch_socket ();
  gboolean  ok;

  if (fd < 0)
    {
      sonde_error_set_errno (error, errno, "Could not make a socket");
      return FALSE;
    }
  ok = try_options (settings, fd, error);
  close (fd);

  return ok;
}
