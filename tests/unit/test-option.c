/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <libsonde/sonde-option-private.h>

/* What the kernel's headers say; written down a second time on purpose. */
static const struct
{
  const char *name;
  int         level;
  int         optname;
} expected[] = {
  { "ReuseAddress", SOL_SOCKET, SO_REUSEADDR },
  { "ReusePort", SOL_SOCKET, SO_REUSEPORT },
  { "Backlog", 0, 0 },
  { "NoDelay", IPPROTO_TCP, TCP_NODELAY },
  { "QuickAck", IPPROTO_TCP, TCP_QUICKACK },
  { "KeepAlive", SOL_SOCKET, SO_KEEPALIVE },
  { "KeepAliveTimeUSec", IPPROTO_TCP, TCP_KEEPIDLE },
  { "KeepAliveIntervalUSec", IPPROTO_TCP, TCP_KEEPINTVL },
  { "KeepAliveProbes", IPPROTO_TCP, TCP_KEEPCNT },
  { "ReceiveBuffer", SOL_SOCKET, SO_RCVBUF },
  { "SendBuffer", SOL_SOCKET, SO_SNDBUF },
  { "UserTimeoutUSec", IPPROTO_TCP, TCP_USER_TIMEOUT },
  { "DeferAcceptUSec", IPPROTO_TCP, TCP_DEFER_ACCEPT },
  { "Congestion", IPPROTO_TCP, TCP_CONGESTION },
  { "MaxPacingRate", SOL_SOCKET, SO_MAX_PACING_RATE },
  { "NotSentLowWater", IPPROTO_TCP, TCP_NOTSENT_LOWAT },
  { "LingerUSec", SOL_SOCKET, SO_LINGER },
  { "TypeOfService", IPPROTO_IP, IP_TOS },
  { "MaxSegment", IPPROTO_TCP, TCP_MAXSEG },
};

G_STATIC_ASSERT (G_N_ELEMENTS (expected) == SONDE_N_OPTIONS);

/* What was asked for and what the kernel made of it, with a limit or none. */
static const struct
{
  int         row;
  const char *asked; /* or nothing */
  const char *effective;
  const char *limit;
  const char *reason;
} explanations[] = {
  { SONDE_ROW_NO_DELAY, "true", "true", NULL, "as-asked" },
  { SONDE_ROW_NO_DELAY, "false", "false", NULL, "as-asked" },
  { SONDE_ROW_NO_DELAY, NULL, "true", NULL, "kernel-default" },
  { SONDE_ROW_NO_DELAY, "true", NULL, NULL, "unsupported" },
  { SONDE_ROW_NO_DELAY, NULL, NULL, NULL, "unsupported" },
  { SONDE_ROW_QUICK_ACK, "true", "true", NULL, "as-asked" },
  { SONDE_ROW_QUICK_ACK, "true", "false", NULL, "not-sticky" },
  { SONDE_ROW_REUSE_ADDRESS, "true", "true", NULL, "as-asked" },
  { SONDE_ROW_REUSE_ADDRESS, "true", "false", NULL, "needs-relisten" },
  { SONDE_ROW_REUSE_PORT, "false", "true", NULL, "needs-relisten" },
  { SONDE_ROW_RECEIVE_BUFFER, "uint64 65536", "uint64 131072", "uint64 212992", "doubled" },
  { SONDE_ROW_RECEIVE_BUFFER, "uint64 65536", "uint64 131072", NULL, "doubled" },
  { SONDE_ROW_RECEIVE_BUFFER, "uint64 212992", "uint64 425984", "uint64 212992", "doubled" },
  { SONDE_ROW_RECEIVE_BUFFER, "uint64 1000000000", "uint64 425984", "uint64 212992",
    "clamped-by-net.core.rmem_max" },
  { SONDE_ROW_RECEIVE_BUFFER, "uint64 1", "uint64 2304", "uint64 212992", "raised-to-minimum" },
  { SONDE_ROW_RECEIVE_BUFFER, NULL, "uint64 131072", "uint64 212992", "kernel-default" },
  { SONDE_ROW_SEND_BUFFER, "uint64 1000000000", "uint64 425984", "uint64 212992",
    "clamped-by-net.core.wmem_max" },
  { SONDE_ROW_SEND_BUFFER, "uint64 1", "uint64 4608", NULL, "raised-to-minimum" },
  { SONDE_ROW_BACKLOG, "uint32 100", "uint32 100", "uint32 4096", "as-asked" },
  { SONDE_ROW_BACKLOG, "uint32 5000", "uint32 4096", "uint32 4096",
    "clamped-by-net.core.somaxconn" },
  { SONDE_ROW_BACKLOG, NULL, "uint32 4096", "uint32 4096", "kernel-default" },
  { SONDE_ROW_KEEP_ALIVE_TIME, "uint64 1500000", "uint64 2000000", NULL, "rounded" },
  { SONDE_ROW_TYPE_OF_SERVICE, "uint32 255", "uint32 252", NULL, "rounded" },
  { SONDE_ROW_CONGESTION, "'reno'", "'reno'", "'reno cubic'", "as-asked" },
  { SONDE_ROW_CONGESTION, NULL, "'cubic'", "'reno cubic'", "kernel-default" },
};

/* KeepAliveTimeUSec has the property keep-alive-time-usec. */
static char *
make_property (const char *name)
{
  GString *kebab = g_string_new (NULL);

  for (const char *c = name; *c != '\0'; c++)
    {
      const gboolean in_word = c > name && !g_ascii_isupper (c[-1]);

      if (g_ascii_isupper (*c) && in_word)
        g_string_append_c (kebab, '-');
      g_string_append_c (kebab, g_ascii_tolower (*c));
    }

  return g_string_free (kebab, FALSE);
}

static void
test_names (void)
{
  const SondeOption *table = sonde_option_get_table ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  g_test_summary ("Each row has a name of its own, whose kebab case is its property.");

  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      g_autofree char *property = make_property (table[row].key.name);

      g_assert_cmpstr (table[row].key.name, ==, expected[row].name);
      g_assert_cmpstr (table[row].key.property, ==, property);
      g_assert_true (g_param_spec_is_valid_name (property));
      g_assert_true (g_hash_table_add (seen, (gpointer) table[row].key.name));
      g_assert_cmpuint (strlen (table[row].key.blurb), >, 10);
    }
}

static void
test_kernel_names (void)
{
  const SondeOption *table = sonde_option_get_table ();

  g_test_summary ("Each row is the kernel's option of that level and number, and no other.");

  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      g_assert_cmpint (table[row].level, ==, expected[row].level);
      g_assert_cmpint (table[row].optname, ==, expected[row].optname);
      g_assert_cmpint (table[row].optname6 != 0, ==, row == SONDE_ROW_TYPE_OF_SERVICE);
    }
  g_assert_cmpint (table[SONDE_ROW_TYPE_OF_SERVICE].level6, ==, IPPROTO_IPV6);
  g_assert_cmpint (table[SONDE_ROW_TYPE_OF_SERVICE].optname6, ==, IPV6_TCLASS);
}

static void
test_ranges (void)
{
  const SondeOption *table = sonde_option_get_table ();

  g_test_summary ("A number has a range that fits the kernel's type, and 0 leaves it alone.");

  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      const SondeOption *option = &table[row];
      const guint64      unit = MAX (option->unit, 1);

      g_test_message ("%s", option->key.name);
      if (!sonde_key_is_number (&option->key))
        continue;
      g_assert_cmpuint (option->key.min, >=, 1);
      g_assert_cmpuint (option->key.min, <=, option->key.max);
      g_assert_cmpuint (option->key.min, >=, unit);
      g_assert_cmpuint (option->key.max % unit, ==, 0);
      g_assert_true (option->key.zero);
      g_assert_cmpuint (option->key.default_value, ==, 0);
      if (option->storage == SONDE_OPTION_INT)
        g_assert_cmpuint (option->key.max / unit, <=, G_MAXINT32);
      if (option->key.kind == SONDE_KEY_COUNT)
        g_assert_cmpuint (option->key.max, <=, G_MAXUINT32);
    }
}

static void
test_phases (void)
{
  const SondeOption *table = sonde_option_get_table ();

  g_test_summary ("Each row says when it can be set, and what names a sysctl names a real one.");

  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      const guint phases = table[row].phases;

      g_test_message ("%s", table[row].key.name);
      g_assert_cmpuint (phases, !=, 0);
      if (phases & SONDE_OPTION_BEFORE_BIND)
        g_assert_cmpuint (phases, ==, SONDE_OPTION_BEFORE_BIND);
      if (phases & SONDE_OPTION_AT_LISTEN)
        g_assert_cmpuint (phases, ==, SONDE_OPTION_AT_LISTEN);
      if (phases & SONDE_OPTION_ON_CONNECTION)
        g_assert_true (phases & SONDE_OPTION_ON_LISTENER);
      if (table[row].capped)
        g_assert_nonnull (table[row].sysctl);
      if (table[row].sysctl != NULL)
        g_assert_true (g_str_has_prefix (table[row].sysctl, "net."));
    }
}

static void
test_explain (void)
{
  g_test_summary ("The reason follows from what was asked, what came of it, and the limit.");

  for (gsize i = 0; i < G_N_ELEMENTS (explanations); i++)
    {
      const SondeOption *option = &sonde_option_get_table ()[explanations[i].row];
      g_autoptr (GVariant) asked = NULL;
      g_autoptr (GVariant) effective = NULL;
      g_autoptr (GVariant) limit = NULL;

      if (explanations[i].asked != NULL)
        asked = g_variant_parse (NULL, explanations[i].asked, NULL, NULL, NULL);
      else
        asked = sonde_key_dup_default (&option->key);
      if (explanations[i].effective != NULL)
        effective = g_variant_parse (NULL, explanations[i].effective, NULL, NULL, NULL);
      if (explanations[i].limit != NULL)
        limit = g_variant_parse (NULL, explanations[i].limit, NULL, NULL, NULL);

      g_test_message ("%" G_GSIZE_FORMAT ": %s", i, option->key.name);
      g_assert_cmpstr (
        sonde_option_explain (option, explanations[i].asked != NULL, asked, effective, limit),
        ==,
        explanations[i].reason);
    }
}

static void
test_numbers (void)
{
  static const struct
  {
    const char *value;
    guint64     number;
  } rows[] = {
    { "true", 1 },
    { "false", 0 },
    { "uint32 4294967295", 4294967295 },
    { "uint64 18446744073709551615", G_MAXUINT64 },
  };

  g_test_summary ("A value that is no name stands for a number.");

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GVariant) value = g_variant_parse (NULL, rows[i].value, NULL, NULL, NULL);

      g_assert_cmpuint (sonde_option_get_number (value), ==, rows[i].number);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/option/names", test_names);
  g_test_add_func ("/option/kernel-names", test_kernel_names);
  g_test_add_func ("/option/ranges", test_ranges);
  g_test_add_func ("/option/phases", test_phases);
  g_test_add_func ("/option/explain", test_explain);
  g_test_add_func ("/option/numbers", test_numbers);

  return g_test_run ();
}
