/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "loopback.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-option-private.h>

#define SECOND SONDE_KEY_SECOND

/* A value to write and what is read back then; the same, if nothing. */
static const struct
{
  int         row;
  const char *value;
  const char *read;
} writes[] = {
  { SONDE_ROW_REUSE_ADDRESS, "true", NULL },
  { SONDE_ROW_REUSE_ADDRESS, "false", NULL },
  { SONDE_ROW_REUSE_PORT, "true", NULL },
  { SONDE_ROW_NO_DELAY, "true", NULL },
  { SONDE_ROW_NO_DELAY, "false", NULL },
  { SONDE_ROW_QUICK_ACK, "false", NULL },
  { SONDE_ROW_QUICK_ACK, "true", NULL },
  { SONDE_ROW_KEEP_ALIVE, "true", NULL },
  { SONDE_ROW_KEEP_ALIVE_TIME, "uint64 1000000", NULL },
  { SONDE_ROW_KEEP_ALIVE_TIME, "uint64 1000001", "uint64 2000000" },
  { SONDE_ROW_KEEP_ALIVE_TIME, "uint64 32767000000", NULL },
  { SONDE_ROW_KEEP_ALIVE_INTERVAL, "uint64 15000000", NULL },
  { SONDE_ROW_KEEP_ALIVE_INTERVAL, "uint64 32767000000", NULL },
  { SONDE_ROW_KEEP_ALIVE_PROBES, "uint32 1", NULL },
  { SONDE_ROW_KEEP_ALIVE_PROBES, "uint32 127", NULL },
  { SONDE_ROW_RECEIVE_BUFFER, "uint64 65536", "uint64 131072" },
  { SONDE_ROW_SEND_BUFFER, "uint64 65536", "uint64 131072" },
  { SONDE_ROW_USER_TIMEOUT, "uint64 1000", NULL },
  { SONDE_ROW_USER_TIMEOUT, "uint64 1001", "uint64 2000" },
  { SONDE_ROW_USER_TIMEOUT, "uint64 2147483647000", NULL },
  { SONDE_ROW_DEFER_ACCEPT, "uint64 1000000", NULL },
  { SONDE_ROW_CONGESTION, "'reno'", NULL },
  { SONDE_ROW_MAX_PACING_RATE, "uint64 1", NULL },
  { SONDE_ROW_MAX_PACING_RATE, "uint64 10000000000", NULL },
  { SONDE_ROW_MAX_PACING_RATE, "uint64 18446744073709551614", NULL },
  { SONDE_ROW_NOT_SENT_LOW_WATER, "uint64 16384", NULL },
  { SONDE_ROW_NOT_SENT_LOW_WATER, "uint64 2147483647", NULL },
  { SONDE_ROW_LINGER, "uint64 1000000", NULL },
  { SONDE_ROW_LINGER, "uint64 65535000000", NULL },
  { SONDE_ROW_TYPE_OF_SERVICE, "uint32 16", NULL },
  { SONDE_ROW_TYPE_OF_SERVICE, "uint32 255", "uint32 252" },
};

typedef struct
{
  int listener;
  int server;
  int client;
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer user_data)
{
  guint16 port = 0;

  fixture->listener = loopback_listen (&port);
  loopback_make_pair (&fixture->server, &fixture->client);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer user_data)
{
  loopback_close (fixture->listener);
  loopback_close (fixture->server);
  loopback_close (fixture->client);
}

static const SondeOption *
get_row (int row)
{
  return &sonde_option_get_table ()[row];
}

static void
assert_read (int         row,
             int         fd,
             const char *expected_text)
{
  g_autoptr (GVariant) value = sonde_option_read (get_row (row), fd);
  g_autoptr (GVariant) expected = g_variant_parse (NULL, expected_text, NULL, NULL, NULL);

  g_test_message ("%s", get_row (row)->key.name);
  g_assert_nonnull (value);
  g_assert_false (g_variant_is_floating (value));
  g_assert_cmpvariant (value, expected);
}

static void
write_text (int         row,
            int         fd,
            const char *text)
{
  g_autoptr (GVariant) value = g_variant_parse (NULL, text, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  sonde_option_write (get_row (row), fd, value, &error);
  g_assert_no_error (error);
}

static void
write_all (int   fd,
           guint phases)
{
  for (gsize i = 0; i < G_N_ELEMENTS (writes); i++)
    {
      if ((get_row (writes[i].row)->phases & phases) == 0)
        continue;
      write_text (writes[i].row, fd, writes[i].value);
      assert_read (writes[i].row, fd, writes[i].read != NULL ? writes[i].read : writes[i].value);
    }
}

static void
test_listener (Fixture      *fixture,
               gconstpointer user_data)
{
  g_test_summary ("On a listener every option can be written, and is read back as written.");

  write_all (fixture->listener, ~0U);
}

static void
test_connection (Fixture      *fixture,
                 gconstpointer user_data)
{
  g_test_summary ("So it is on a connection, for the options that a connection has.");

  write_all (fixture->server, SONDE_OPTION_ON_CONNECTION);
}

static void
test_read_all (Fixture      *fixture,
               gconstpointer user_data)
{
  g_test_summary ("Whatever is read is a value that the key itself takes, or the kernel's 0.");

  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      const SondeOption *option = get_row (row);
      g_autoptr (GVariant) value = sonde_option_read (option, fixture->listener);

      g_test_message ("%s", option->key.name);
      g_assert_nonnull (value);
      g_assert_true (g_variant_is_of_type (value, sonde_key_get_variant_type (&option->key)));
    }
}

static void
assert_unset (int row,
              int fd)
{
  const SondeOption *option = get_row (row);
  const int          fresh = sonde_option_make_scratch_socket ();
  g_autoptr (GVariant) before = sonde_option_read (option, fresh);
  g_autoptr (GVariant) after = NULL;
  g_autoptr (GError) error = NULL;

  loopback_close (fresh);
  sonde_option_unset (option, fd, &error);
  g_assert_no_error (error);
  after = sonde_option_read (option, fd);
  g_test_message ("%s", option->key.name);
  g_assert_cmpvariant (after, before);
}

static void
test_unset (Fixture      *fixture,
            gconstpointer user_data)
{
  g_test_summary ("What was given back is as on a new socket, if the kernel takes it back at all.");

  write_all (fixture->listener, ~0U);
  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      const SondeOption *option = get_row (row);
      g_autoptr (GError) error = NULL;

      if ((option->phases & SONDE_OPTION_AT_LISTEN) == 0 && option->unset != SONDE_OPTION_STAYS)
        assert_unset (row, fixture->listener);
      g_assert_true (sonde_option_unset (option, fixture->listener, &error));
      g_assert_no_error (error);
    }
}

static void
test_unset_connection (Fixture      *fixture,
                       gconstpointer user_data)
{
  g_test_summary ("A connection gives back as well.");

  write_all (fixture->server, SONDE_OPTION_ON_CONNECTION);
  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      const SondeOption *option = get_row (row);

      if ((option->phases & SONDE_OPTION_ON_CONNECTION) != 0 && option->unset != SONDE_OPTION_STAYS)
        assert_unset (row, fixture->server);
    }
}

static void
test_backlog (Fixture      *fixture,
              gconstpointer user_data)
{
  g_autofree char *somaxconn = NULL;
  g_autofree char *all = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) none = NULL;

  g_test_summary ("The backlog of a listener changes as it listens; unset, it is somaxconn.");

  write_text (SONDE_ROW_BACKLOG, fixture->listener, "uint32 7");
  assert_read (SONDE_ROW_BACKLOG, fixture->listener, "uint32 7");

  g_assert_true (g_file_get_contents ("/proc/sys/net/core/somaxconn", &somaxconn, NULL, NULL));
  all = g_strconcat ("uint32 ", somaxconn, NULL);
  g_assert_true (sonde_option_unset (get_row (SONDE_ROW_BACKLOG), fixture->listener, &error));
  assert_read (SONDE_ROW_BACKLOG, fixture->listener, all);
  write_text (SONDE_ROW_BACKLOG, fixture->listener, "uint32 2147483647");
  assert_read (SONDE_ROW_BACKLOG, fixture->listener, all);

  none = sonde_option_read (get_row (SONDE_ROW_BACKLOG), fixture->server);
  g_assert_null (none);
}

static void
test_defer_accept (Fixture      *fixture,
                   gconstpointer user_data)
{
  g_autoptr (GVariant) value = NULL;

  g_test_summary ("The kernel counts retransmissions to defer accept: never less than was asked.");

  write_text (SONDE_ROW_DEFER_ACCEPT, fixture->listener, "uint64 5000000");
  value = sonde_option_read (get_row (SONDE_ROW_DEFER_ACCEPT), fixture->listener);
  g_assert_cmpuint (g_variant_get_uint64 (value), >=, 5 * SECOND);
}

static void
test_segment (Fixture      *fixture,
              gconstpointer user_data)
{
  g_test_summary ("The segment of a listener is the one that was set.");

  write_text (SONDE_ROW_MAX_SEGMENT, fixture->listener, "uint32 88");
  assert_read (SONDE_ROW_MAX_SEGMENT, fixture->listener, "uint32 88");
  write_text (SONDE_ROW_MAX_SEGMENT, fixture->listener, "uint32 32767");
  assert_read (SONDE_ROW_MAX_SEGMENT, fixture->listener, "uint32 32767");
}

static void
test_bounds (Fixture      *fixture,
             gconstpointer user_data)
{
  g_test_summary ("The kernel takes the least and the greatest value of every range.");

  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      const SondeOption *option = get_row (row);
      const guint64      bounds[] = { option->key.min, option->key.max };

      for (gsize i = 0; sonde_key_is_number (&option->key) && i < G_N_ELEMENTS (bounds); i++)
        {
          g_autofree char *text = sonde_key_format_number (&option->key, bounds[i]);
          g_autoptr (GError) error = NULL;
          g_autoptr (GVariant) value = NULL;

          value = sonde_key_parse (&option->key, option->key.name, text, &error);
          g_assert_no_error (error);
          sonde_option_write (option, fixture->listener, value, &error);
          g_assert_no_error (error);
        }
    }
}

static void
test_type_of_service_ipv6 (void)
{
  const int fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

  g_test_summary ("On IPv6 it is the traffic class as well, on a dual-stack socket both.");

  g_assert_cmpint (fd, >=, 0);
  write_text (SONDE_ROW_TYPE_OF_SERVICE, fd, "uint32 184");
  assert_read (SONDE_ROW_TYPE_OF_SERVICE, fd, "uint32 184");
  g_assert_cmpint (loopback_get_int (fd, IPPROTO_IPV6, IPV6_TCLASS), ==, 184);
  g_assert_cmpint (loopback_get_int (fd, IPPROTO_IP, IP_TOS), ==, 184);
  g_assert_true (sonde_option_unset (get_row (SONDE_ROW_TYPE_OF_SERVICE), fd, NULL));
  assert_read (SONDE_ROW_TYPE_OF_SERVICE, fd, "uint32 0");
  loopback_close (fd);
}

static void
test_refused (Fixture      *fixture,
              gconstpointer user_data)
{
  g_autoptr (GVariant) nonsense = g_variant_ref_sink (g_variant_new_string ("nonsense"));
  g_autoptr (GVariant) on = g_variant_ref_sink (g_variant_new_boolean (TRUE));
  g_autoptr (GError) error = NULL;

  g_test_summary ("What the kernel refuses is an error with the name of the option and the errno.");

  g_assert_false (sonde_option_write (get_row (SONDE_ROW_CONGESTION),
                                      fixture->listener,
                                      nonsense,
                                      &error));
  g_assert_nonnull (error);
  g_assert_true (g_str_has_prefix (error->message, "Could not set Congestion"));
  g_clear_error (&error);

  g_assert_false (sonde_option_write (get_row (SONDE_ROW_NO_DELAY), -1, on, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_FAILED);
  g_assert_null (sonde_option_read (get_row (SONDE_ROW_NO_DELAY), -1));
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/sockopt/listener", test_listener);
  ADD ("/sockopt/connection", test_connection);
  ADD ("/sockopt/read-all", test_read_all);
  ADD ("/sockopt/unset", test_unset);
  ADD ("/sockopt/unset/connection", test_unset_connection);
  ADD ("/sockopt/backlog", test_backlog);
  ADD ("/sockopt/defer-accept", test_defer_accept);
  ADD ("/sockopt/segment", test_segment);
  ADD ("/sockopt/bounds", test_bounds);
  g_test_add_func ("/sockopt/type-of-service-ipv6", test_type_of_service_ipv6);
  ADD ("/sockopt/refused", test_refused);

  return g_test_run ();
}
