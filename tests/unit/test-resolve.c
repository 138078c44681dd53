/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "slow-resolver.h"

#include <string.h>

#include <libsonde/sonde-address-private.h>
#include <libsonde/sonde-error.h>
#include <libsonde/sonde-resolve-private.h>

/* What needs no resolver, and what stands behind it. */
static const char *const literals[][2] = {
  { "127.0.0.1:9999", "127.0.0.1:9999" },
  { "127.0.0.1:0", "127.0.0.1:0" },
  { "0.0.0.0:80", "0.0.0.0:80" },
  { "192.0.2.1:65535", "192.0.2.1:65535" },
  { ":0", "[::]:0" },
  { ":9999", "[::]:9999" },
  { "[::]:9999", "[::]:9999" },
  { "[::1]:9999", "[::1]:9999" },
  { "[fe80::1%lo]:9999", "[fe80::1%1]:9999" },
  { "[2001:db8::1]:1", "[2001:db8::1]:1" },
};

static const char *
resolve_error (const char *text,
               int         code)
{
  static char message[512];
  const char *entries[] = { text, NULL };
  g_autoptr (GError) error = NULL;

  g_assert_null (sonde_resolve (entries, &error));
  g_assert_error (error, SONDE_ERROR, code);
  g_strlcpy (message, error->message, sizeof message);

  return message;
}

static void
assert_address (GPtrArray  *resolved,
                guint       entry,
                const char *expected)
{
  GPtrArray       *addresses = resolved->pdata[entry];
  g_autofree char *text = NULL;

  g_assert_cmpuint (addresses->len, ==, 1);
  text = sonde_address_format (addresses->pdata[0]);
  g_assert_cmpstr (text, ==, expected);
  g_assert_true (sonde_address_check (text, NULL));
}

static void
test_literals (void)
{
  g_test_summary ("An address stands for itself, and no host for any.");

  for (gsize i = 0; i < G_N_ELEMENTS (literals); i++)
    {
      const char *entries[] = { literals[i][0], literals[0][0], NULL };
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) resolved = sonde_resolve (entries, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (resolved->len, ==, 2);
      assert_address (resolved, 0, literals[i][1]);
      assert_address (resolved, 1, literals[0][1]);
    }
}

static void
test_localhost (void)
{
  const char *entries[] = { "localhost:4711", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) resolved = sonde_resolve (entries, &error);
  GPtrArray *addresses = NULL;

  g_test_summary ("The name localhost stands for loopback addresses, with the port asked for.");

  g_assert_no_error (error);
  addresses = resolved->pdata[0];
  g_assert_cmpuint (addresses->len, >=, 1);
  for (guint i = 0; i < addresses->len; i++)
    {
      GInetSocketAddress *address = addresses->pdata[i];

      g_assert_true (g_inet_address_get_is_loopback (g_inet_socket_address_get_address (address)));
      g_assert_cmpuint (g_inet_socket_address_get_port (address), ==, 4711);
    }
}

static void
test_nowhere (void)
{
  g_test_summary ("A name that does not exist is an address that is not available.");

  /* RFC 6761: .invalid never exists. */
  g_assert_nonnull (strstr (resolve_error ("nobody.invalid:80", SONDE_ERROR_ADDRESS_NOT_AVAILABLE),
                            "nobody.invalid:80"));
  resolve_error ("nothing", SONDE_ERROR_INVALID_SETTING);
}

static void
keep_result_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static GAsyncResult *
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);

  return *result;
}

static void
test_in_background (void)
{
  const char   *entries[] = { "a.test:1", "127.0.0.1:2", "b.test:3", NULL };
  SlowResolver *resolver = slow_resolver_install ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) resolved = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Names are looked up in the background, one after the other.");

  sonde_resolve_async (entries, NULL, keep_result_cb, &result);
  for (guint i = 0; i < 2; i++)
    {
      while (slow_resolver_get_n_waiting (resolver) == 0)
        g_main_context_iteration (NULL, TRUE);
      g_assert_cmpuint (slow_resolver_get_n_waiting (resolver), ==, 1);
      g_assert_null (result);
      slow_resolver_answer (resolver);
    }

  resolved = sonde_resolve_finish (wait_for (&result), &error);
  g_assert_no_error (error);
  assert_address (resolved, 0, "127.0.0.1:1");
  assert_address (resolved, 1, "127.0.0.1:2");
  assert_address (resolved, 2, "127.0.0.1:3");
}

static void
test_first_error_ends_it (void)
{
  const char   *entries[] = { "nowhere.test:1", "b.test:2", NULL };
  SlowResolver *resolver = slow_resolver_install ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("The first name that does not exist ends it, and is told.");

  sonde_resolve_async (entries, NULL, keep_result_cb, &result);
  slow_resolver_answer (resolver);
  g_assert_null (sonde_resolve_finish (wait_for (&result), &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_ADDRESS_NOT_AVAILABLE);
  g_assert_nonnull (strstr (error->message, "nowhere.test:1"));
  g_assert_cmpuint (slow_resolver_get_n_waiting (resolver), ==, 0);
}

static void
test_cancel (void)
{
  const char   *entries[] = { "a.test:1", NULL };
  SlowResolver *resolver = slow_resolver_install ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A lookup that is cancelled ends at once.");

  sonde_resolve_async (entries, cancellable, keep_result_cb, &result);
  g_cancellable_cancel (cancellable);
  g_assert_null (sonde_resolve_finish (wait_for (&result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (slow_resolver_get_n_waiting (resolver), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/resolve/literals", test_literals);
  g_test_add_func ("/resolve/localhost", test_localhost);
  g_test_add_func ("/resolve/nowhere", test_nowhere);
  g_test_add_func ("/resolve/in-background", test_in_background);
  g_test_add_func ("/resolve/first-error-ends-it", test_first_error_ends_it);
  g_test_add_func ("/resolve/cancel", test_cancel);

  return g_test_run ();
}
