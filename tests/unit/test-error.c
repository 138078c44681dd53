/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <errno.h>
#include <string.h>

#include <libsonde/sonde-error-private.h>

#define BUS_PREFIX "org.sonde.Sonde1.Error."
#define CODE_PREFIX "SONDE_ERROR_"
#define CODE(code) \
  {                \
    code, #code    \
  }

static const struct
{
  SondeError  code;
  const char *identifier;
} codes[] = {
  CODE (SONDE_ERROR_FAILED),
  CODE (SONDE_ERROR_INVALID_SETTING),
  CODE (SONDE_ERROR_NO_SUCH_SERVER),
  CODE (SONDE_ERROR_NO_SUCH_CONNECTION),
  CODE (SONDE_ERROR_NAME_IN_USE),
  CODE (SONDE_ERROR_ADDRESS_IN_USE),
  CODE (SONDE_ERROR_ADDRESS_NOT_AVAILABLE),
  CODE (SONDE_ERROR_PERMISSION_DENIED),
  CODE (SONDE_ERROR_NOT_AUTHORIZED),
  CODE (SONDE_ERROR_TIMED_OUT),
  CODE (SONDE_ERROR_CONNECT_TIMED_OUT),
  CODE (SONDE_ERROR_CONNECT_REFUSED),
  CODE (SONDE_ERROR_UNREACHABLE),
  CODE (SONDE_ERROR_PEER_CLOSED),
  CODE (SONDE_ERROR_PEER_RESET),
  CODE (SONDE_ERROR_ECHO_MISMATCH),
};

G_STATIC_ASSERT (G_N_ELEMENTS (codes) == SONDE_ERROR_ECHO_MISMATCH + 1);

/* Turns SONDE_ERROR_NAME_IN_USE into org.sonde.Sonde1.Error.NameInUse. */
static char *
get_bus_name (const char *identifier)
{
  GString *name = g_string_new (BUS_PREFIX);
  gboolean starts_word = TRUE;

  for (const char *c = identifier + strlen (CODE_PREFIX); *c != '\0'; c++)
    {
      if (*c != '_')
        g_string_append_c (name, starts_word ? *c : g_ascii_tolower (*c));
      starts_word = *c == '_';
    }

  return g_string_free (name, FALSE);
}

static void
test_bus_names (void)
{
  g_test_summary ("The name of an error on the bus is that of its code, in camel case.");

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      g_autoptr (GError) error = g_error_new (SONDE_ERROR, codes[i].code, "No %u", i);
      g_autofree char *name = g_dbus_error_encode_gerror (error);
      g_autofree char *expected = get_bus_name (codes[i].identifier);

      g_assert_cmpint (codes[i].code, ==, i);
      g_assert_cmpstr (name, ==, expected);
      g_assert_true (g_dbus_is_interface_name (name));
    }
}

static void
test_round_trip (void)
{
  g_test_summary ("An error that crosses the bus keeps its domain, code and message.");

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      g_autoptr (GError) sent = g_error_new (SONDE_ERROR, codes[i].code, "No %u", i);
      g_autofree char *name = g_dbus_error_encode_gerror (sent);
      g_autoptr (GError) received = g_dbus_error_new_for_dbus_error (name, sent->message);

      g_assert_error (received, SONDE_ERROR, (int) codes[i].code);
      g_assert_true (g_dbus_error_is_remote_error (received));
      g_assert_true (g_dbus_error_strip_remote_error (received));
      g_assert_cmpstr (received->message, ==, sent->message);
    }
}

static void
test_foreign_name (void)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A name that is not Sonde's does not become an error of Sonde.");

  /* The names are known only once the domain is. */
  g_assert_cmpstr (g_quark_to_string (SONDE_ERROR), ==, "sonde-error-quark");
  error = g_dbus_error_new_for_dbus_error (BUS_PREFIX "NoSuchError", "None");
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_DBUS_ERROR);
}

static void
test_errno (void)
{
  const struct
  {
    int         errsv;
    const char *name;
    SondeError  code;
  } cases[] = {
    { EADDRINUSE, "EADDRINUSE", SONDE_ERROR_ADDRESS_IN_USE },
    { EADDRNOTAVAIL, "EADDRNOTAVAIL", SONDE_ERROR_ADDRESS_NOT_AVAILABLE },
    { EAFNOSUPPORT, "EAFNOSUPPORT", SONDE_ERROR_ADDRESS_NOT_AVAILABLE },
    { EACCES, "EACCES", SONDE_ERROR_PERMISSION_DENIED },
    { EPERM, "EPERM", SONDE_ERROR_PERMISSION_DENIED },
    { ECONNREFUSED, "ECONNREFUSED", SONDE_ERROR_CONNECT_REFUSED },
    { ENETUNREACH, "ENETUNREACH", SONDE_ERROR_UNREACHABLE },
    { EHOSTUNREACH, "EHOSTUNREACH", SONDE_ERROR_UNREACHABLE },
    { ENETDOWN, "ENETDOWN", SONDE_ERROR_UNREACHABLE },
    { EHOSTDOWN, "EHOSTDOWN", SONDE_ERROR_UNREACHABLE },
    { ECONNRESET, "ECONNRESET", SONDE_ERROR_PEER_RESET },
    { EPIPE, "EPIPE", SONDE_ERROR_PEER_RESET },
    { EMFILE, "EMFILE", SONDE_ERROR_FAILED },
    { EINVAL, "EINVAL", SONDE_ERROR_FAILED },
  };

  g_test_summary ("A failed system call is told with its code, what was tried and the errno.");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *expected = NULL;

      expected = g_strdup_printf ("Could not bind to [::1]:9999: %s (%s)",
                                  g_strerror (cases[i].errsv),
                                  cases[i].name);
      sonde_error_set_errno (&error, cases[i].errsv, "Could not bind to %s:%d", "[::1]", 9999);
      g_assert_error (error, SONDE_ERROR, (int) cases[i].code);
      g_assert_cmpstr (error->message, ==, expected);
    }
}

static void
test_errno_unknown (void)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("An errno without a name is told as such; nobody has to listen.");

  sonde_error_set_errno (&error, 99999, "Could not listen");
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_FAILED);
  g_assert_true (g_str_has_prefix (error->message, "Could not listen: "));
  g_assert_true (g_str_has_suffix (error->message, " (unknown errno)"));

  sonde_error_set_errno (NULL, EADDRINUSE, "Could not bind");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/error/bus-names", test_bus_names);
  g_test_add_func ("/error/round-trip", test_round_trip);
  g_test_add_func ("/error/foreign-name", test_foreign_name);
  g_test_add_func ("/error/errno", test_errno);
  g_test_add_func ("/error/errno/unknown", test_errno_unknown);

  return g_test_run ();
}
