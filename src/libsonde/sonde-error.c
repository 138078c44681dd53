/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-error-private.h"

#include <errno.h>

/* Characters of a value that an error message shows. */
#define EXCERPT_MAX 100

/* A value that takes more bytes than this would take many more to print. */
#define VALUE_SIZE_MAX 1024

static const GDBusErrorEntry error_entries[] = {
  { SONDE_ERROR_FAILED, "org.sonde.Sonde1.Error.Failed" },
  { SONDE_ERROR_INVALID_SETTING, "org.sonde.Sonde1.Error.InvalidSetting" },
  { SONDE_ERROR_NO_SUCH_SERVER, "org.sonde.Sonde1.Error.NoSuchServer" },
  { SONDE_ERROR_NO_SUCH_CONNECTION, "org.sonde.Sonde1.Error.NoSuchConnection" },
  { SONDE_ERROR_NAME_IN_USE, "org.sonde.Sonde1.Error.NameInUse" },
  { SONDE_ERROR_ADDRESS_IN_USE, "org.sonde.Sonde1.Error.AddressInUse" },
  { SONDE_ERROR_ADDRESS_NOT_AVAILABLE, "org.sonde.Sonde1.Error.AddressNotAvailable" },
  { SONDE_ERROR_PERMISSION_DENIED, "org.sonde.Sonde1.Error.PermissionDenied" },
  { SONDE_ERROR_NOT_AUTHORIZED, "org.sonde.Sonde1.Error.NotAuthorized" },
  { SONDE_ERROR_TIMED_OUT, "org.sonde.Sonde1.Error.TimedOut" },
  { SONDE_ERROR_CONNECT_TIMED_OUT, "org.sonde.Sonde1.Error.ConnectTimedOut" },
  { SONDE_ERROR_CONNECT_REFUSED, "org.sonde.Sonde1.Error.ConnectRefused" },
  { SONDE_ERROR_UNREACHABLE, "org.sonde.Sonde1.Error.Unreachable" },
  { SONDE_ERROR_PEER_CLOSED, "org.sonde.Sonde1.Error.PeerClosed" },
  { SONDE_ERROR_PEER_RESET, "org.sonde.Sonde1.Error.PeerReset" },
  { SONDE_ERROR_ECHO_MISMATCH, "org.sonde.Sonde1.Error.EchoMismatch" },
};

G_STATIC_ASSERT (G_N_ELEMENTS (error_entries) == SONDE_ERROR_ECHO_MISMATCH + 1);

/**
 * sonde_error_quark:
 *
 * Gets the error domain of Sonde.
 *
 * The first call also tells GDBus the names that the codes carry on the bus,
 * so that a remote error arrives as a [error@Sonde.Error].
 *
 * Returns: the quark
 *
 * Since: 0.1
 */
GQuark
sonde_error_quark (void)
{
  static volatile gsize quark = 0;

  g_dbus_error_register_error_domain ("sonde-error-quark",
                                      &quark,
                                      error_entries,
                                      G_N_ELEMENTS (error_entries));

  return (GQuark) quark;
}

/**
 * sonde_error_excerpt:
 * @text: a value that somebody gave
 *
 * Makes a value fit for an error message: valid UTF-8, and not longer than a
 * hundred characters.
 *
 * Returns: (transfer full): the value, or as much of it as fits
 *
 * Since: 0.1
 */
char *
sonde_error_excerpt (const char *text)
{
  g_autofree char *start = NULL;
  g_autofree char *valid = NULL;
  g_autofree char *excerpt = NULL;

  g_return_val_if_fail (text != NULL, NULL);

  /* No character has more than four bytes, so the cut is beyond the excerpt. */
  start = g_strndup (text, 4 * (EXCERPT_MAX + 1));
  valid = g_utf8_make_valid (start, -1);
  if (g_utf8_strlen (valid, -1) <= EXCERPT_MAX)
    return g_steal_pointer (&valid);

  excerpt = g_utf8_substring (valid, 0, EXCERPT_MAX);

  return g_strconcat (excerpt, "…", NULL);
}

/*
 * sonde_error_excerpt_value:
 * @value: a value that somebody gave
 *
 * Writes a value for an error message. One that would take megabytes to print,
 * or that is made of others, tells nobody anything: of it the type is told.
 *
 * Returns: (transfer full): the text
 */
char *
sonde_error_excerpt_value (GVariant *value)
{
  g_autofree char *text = NULL;

  if (g_variant_is_container (value) || g_variant_get_size (value) > VALUE_SIZE_MAX)
    return g_strdup_printf ("(a value of type %.32s)", g_variant_get_type_string (value));

  text = g_variant_print (value, FALSE);

  return sonde_error_excerpt (text);
}

static SondeError
code_from_errno (int errsv)
{
  switch (errsv)
    {
    case EADDRINUSE:
      return SONDE_ERROR_ADDRESS_IN_USE;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return SONDE_ERROR_ADDRESS_NOT_AVAILABLE;
    case EACCES:
    case EPERM:
      return SONDE_ERROR_PERMISSION_DENIED;
    case ECONNREFUSED:
      return SONDE_ERROR_CONNECT_REFUSED;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return SONDE_ERROR_UNREACHABLE;
    case ECONNRESET:
    case EPIPE:
      return SONDE_ERROR_PEER_RESET;
    default:
      return SONDE_ERROR_FAILED;
    }
}

/*
 * sonde_error_set_errno:
 * @error: (nullable): where to put the error
 * @errsv: the errno of the failed call
 * @format: what was tried, as a sentence without a full stop
 *
 * Reports a failed system call: what was tried, why the kernel refused, and
 * the name of the errno, which survives a trip over D-Bus.
 */
void
sonde_error_set_errno (GError    **error,
                       int         errsv,
                       const char *format,
                       ...)
{
  g_autofree char *what = NULL;
  const char      *name = strerrorname_np (errsv);
  va_list          args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);

  g_set_error (error,
               SONDE_ERROR,
               code_from_errno (errsv),
               "%s: %s (%s)",
               what,
               g_strerror (errsv),
               name != NULL ? name : "unknown errno");
}
