/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-exit.h"

#include <glib/gi18n.h>

#include "sondectl-format.h"

#include <libsonde/sonde.h>

static const struct
{
  SondectlExit status;
  const char  *name;
  const char  *description;
} exits[] = {
  { SONDECTL_EXIT_OK, "ok", N_ ("Everything went well") },
  { SONDECTL_EXIT_FAILED, "failed", N_ ("It failed for another reason") },
  { SONDECTL_EXIT_USAGE,
    "usage",
    N_ ("The command line, or a setting in it, is not valid") },
  { SONDECTL_EXIT_NO_SERVER, "no-such-server", N_ ("There is no server of that name") },
  { SONDECTL_EXIT_NOT_AUTHORIZED, "not-authorized", N_ ("You may not do that") },
  { SONDECTL_EXIT_NO_DAEMON, "no-daemon", N_ ("No daemon answers on the bus") },
  { SONDECTL_EXIT_CONNECT_TIMEOUT, "connect-timeout", N_ ("Connecting took too long") },
  { SONDECTL_EXIT_REFUSED, "refused", N_ ("Nobody listens there") },
  { SONDECTL_EXIT_UNREACHABLE, "unreachable", N_ ("No route leads there") },
  { SONDECTL_EXIT_RESOLUTION,
    "resolution",
    N_ ("The host name does not resolve, or the address is not of this machine") },
  { SONDECTL_EXIT_CLOSED_EARLY,
    "closed-early",
    N_ ("The peer closed before all was answered") },
  { SONDECTL_EXIT_RESET, "reset", N_ ("The peer reset the connection") },
  { SONDECTL_EXIT_MISMATCH, "mismatch", N_ ("The answer differs from what was expected") },
  { SONDECTL_EXIT_IO_TIMEOUT, "io-timeout", N_ ("The answer took too long") },
};

/* The status that stands for an error, and what can be done about it. */
static const struct
{
  SondectlExit status;
  const char  *advice; /* (nullable) */
} sonde_errors[] = {
  [SONDE_ERROR_FAILED] = { SONDECTL_EXIT_FAILED, NULL },
  [SONDE_ERROR_INVALID_SETTING] = { SONDECTL_EXIT_USAGE, NULL },
  [SONDE_ERROR_NO_SUCH_SERVER] = { SONDECTL_EXIT_NO_SERVER, NULL },
  [SONDE_ERROR_NO_SUCH_CONNECTION] = { SONDECTL_EXIT_FAILED,
                                       N_ ("'sondectl connections SERVER' lists those that are") },
  [SONDE_ERROR_NAME_IN_USE] = { SONDECTL_EXIT_FAILED,
                                N_ ("choose another, or remove that server first") },
  [SONDE_ERROR_ADDRESS_IN_USE] = { SONDECTL_EXIT_FAILED,
                                   N_ ("'ss -ltnp' shows who listens; port 0 takes a free one") },
  [SONDE_ERROR_ADDRESS_NOT_AVAILABLE] = { SONDECTL_EXIT_RESOLUTION,
                                          N_ ("check the spelling of the address") },
  [SONDE_ERROR_PERMISSION_DENIED] = { SONDECTL_EXIT_FAILED,
                                      N_ ("the daemon would need a privilege for that") },
  [SONDE_ERROR_NOT_AUTHORIZED] = { SONDECTL_EXIT_NOT_AUTHORIZED,
                                   N_ ("try it as root, or ask your administrator") },
  [SONDE_ERROR_TIMED_OUT] = { SONDECTL_EXIT_IO_TIMEOUT, N_ ("allow it more time") },
  [SONDE_ERROR_CONNECT_TIMED_OUT] = { SONDECTL_EXIT_CONNECT_TIMEOUT,
                                      N_ ("look for a firewall, or allow it more time") },
  [SONDE_ERROR_CONNECT_REFUSED] = { SONDECTL_EXIT_REFUSED,
                                    N_ ("check the port, and whether the server runs") },
  [SONDE_ERROR_UNREACHABLE] = { SONDECTL_EXIT_UNREACHABLE,
                                N_ ("'ip route get ADDRESS' shows which way is taken") },
  [SONDE_ERROR_PEER_CLOSED] = { SONDECTL_EXIT_CLOSED_EARLY, NULL },
  [SONDE_ERROR_PEER_RESET] = { SONDECTL_EXIT_RESET, NULL },
  [SONDE_ERROR_ECHO_MISMATCH] = { SONDECTL_EXIT_MISMATCH, NULL },
};

static SondectlExit
from_dbus_error (int code)
{
  switch (code)
    {
    case G_DBUS_ERROR_ACCESS_DENIED:
    case G_DBUS_ERROR_AUTH_FAILED:
      return SONDECTL_EXIT_NOT_AUTHORIZED;
    case G_DBUS_ERROR_DISCONNECTED:
    case G_DBUS_ERROR_NAME_HAS_NO_OWNER:
    case G_DBUS_ERROR_NO_SERVER:
    case G_DBUS_ERROR_SERVICE_UNKNOWN:
      return SONDECTL_EXIT_NO_DAEMON;
    default:
      return SONDECTL_EXIT_FAILED;
    }
}

static gboolean
is_sonde_error (const GError *error)
{
  return error->domain == SONDE_ERROR && (gsize) error->code < G_N_ELEMENTS (sonde_errors);
}

/*
 * sondectl_exit_from_error:
 * @error: what went wrong
 *
 * Finds the exit status that stands for an error.
 */
SondectlExit
sondectl_exit_from_error (const GError *error)
{
  if (is_sonde_error (error))
    return sonde_errors[error->code].status;
  if (error->domain == G_OPTION_ERROR)
    return SONDECTL_EXIT_USAGE;
  if (error->domain == G_RESOLVER_ERROR)
    return SONDECTL_EXIT_RESOLUTION;
  if (error->domain == G_DBUS_ERROR)
    return from_dbus_error (error->code);

  return SONDECTL_EXIT_FAILED;
}

static char *
dup_advice (const char   *what,
            const GError *error)
{
  if (is_sonde_error (error) && sonde_errors[error->code].advice != NULL)
    return g_strdup (_ (sonde_errors[error->code].advice));
  if (error->domain == G_OPTION_ERROR)
    return g_strdup_printf (_ ("see 'sondectl %s --help'"), what);
  if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_SERVER))
    return g_strdup (_ ("start sonded, or choose another bus with --session, --system, "
                        "--address= or --host="));
  if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
    return g_strdup (_ (sonde_errors[SONDE_ERROR_NOT_AUTHORIZED].advice));

  return NULL;
}

/*
 * sondectl_exit_with_error:
 * @what: what was tried or with whom, such as the name of a server; of a command line
 *   that is not valid, the verb
 * @error: why it failed; changed, the name of the remote error is cut off
 *
 * Prints one line that tells what failed, why, and what can be done about it.
 *
 * Returns: the exit status that stands for the error
 */
SondectlExit
sondectl_exit_with_error (const char *what,
                          GError     *error)
{
  g_autofree char *subject = sondectl_format_printable (what);
  g_autofree char *reason = NULL;
  g_autofree char *advice = dup_advice (subject, error);

  g_dbus_error_strip_remote_error (error);
  reason = sondectl_format_printable (error->message);
  g_printerr ("sondectl: %s: %s%s%s\n",
              subject,
              reason,
              advice != NULL ? "; " : "",
              advice != NULL ? advice : "");

  return sondectl_exit_from_error (error);
}

/*
 * sondectl_exit_get_name:
 * @status: an exit status
 *
 * Gets the name of an exit status, which is the same in every language.
 */
const char *
sondectl_exit_get_name (SondectlExit status)
{
  for (gsize i = 0; i < G_N_ELEMENTS (exits); i++)
    {
      if (exits[i].status == status)
        return exits[i].name;
    }

  g_return_val_if_reached (NULL);
}

/*
 * sondectl_exit_append_help:
 * @help: where to append
 *
 * Appends the table of all exit statuses.
 */
void
sondectl_exit_append_help (GString *help)
{
  for (gsize i = 0; i < G_N_ELEMENTS (exits); i++)
    g_string_append_printf (help, "  %2d  %s\n", exits[i].status, _ (exits[i].description));
}
