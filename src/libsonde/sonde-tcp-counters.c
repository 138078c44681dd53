/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-tcp-counters-private.h"

#include "sonde-proc-private.h"

/* About 5 KiB in kernel 6.18; every release adds some. */
#define COUNTERS_SIZE_MAX (256 * 1024)

/* What tells why connections were refused, lost or slow. */
static const char *const tcp_ext_names[] = {
  "ListenDrops",
  "ListenOverflows",
  "PruneCalled",
  "SyncookiesFailed",
  "SyncookiesRecv",
  "SyncookiesSent",
  "TCPAbortOnClose",
  "TCPAbortOnData",
  "TCPAbortOnMemory",
  "TCPAbortOnTimeout",
  "TCPBacklogDrop",
  "TCPDeferAcceptDrop",
  "TCPMemoryPressures",
  "TCPRcvQDrop",
  "TCPReqQFullDoCookies",
  "TCPReqQFullDrop",
  "TCPSynRetrans",
  "TCPTimeouts",
  "TCPZeroWindowDrop",
  NULL,
};

static const char *const tcp_names[] = {
  "ActiveOpens",
  "AttemptFails",
  "EstabResets",
  "InErrs",
  "OutRsts",
  "PassiveOpens",
  "RetransSegs",
  NULL,
};

/* Each file is pairs of lines that begin with the same group: first the names,
 * then the numbers. */
static const struct
{
  const char        *path;
  const char        *group;
  const char *const *names;
} sources[] = {
  { "proc/net/netstat", "TcpExt:", tcp_ext_names },
  { "proc/net/snmp", "Tcp:", tcp_names },
};

static void
add_counter (GHashTable        *counters,
             const char *const *wanted,
             const char        *name,
             const char        *number)
{
  guint64 value;

  if (!g_strv_contains (wanted, name))
    return;
  if (!g_ascii_string_to_unsigned (number, 10, 0, G_MAXUINT64, &value, NULL))
    return;

  g_hash_table_insert (counters, g_strdup (name), g_memdup2 (&value, sizeof (value)));
}

static void
add_line_pair (GHashTable        *counters,
               const char *const *wanted,
               const char        *names_line,
               const char        *numbers_line)
{
  g_auto (GStrv) names = g_strsplit (names_line, " ", -1);
  g_auto (GStrv) numbers = g_strsplit (numbers_line, " ", -1);

  for (guint i = 1; names[0] != NULL && numbers[0] != NULL; i++)
    {
      if (names[i] == NULL || numbers[i] == NULL)
        break;

      add_counter (counters, wanted, names[i], numbers[i]);
    }
}

static void
add_source (GHashTable        *counters,
            const char        *text,
            const char        *group,
            const char *const *wanted)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++)
    {
      if (!g_str_has_prefix (lines[i], group) || !g_str_has_prefix (lines[i + 1], group))
        continue;

      add_line_pair (counters, wanted, lines[i], lines[i + 1]);
      break;
    }
}

/*
 * sonde_tcp_counters_read:
 * @root: the root of the file system
 *
 * Reads the TCP counters of the network namespace. Those that the kernel does
 * not have are left out.
 *
 * Returns: (transfer full) (element-type utf8 guint64): the counters by name
 */
GHashTable *
sonde_tcp_counters_read (const char *root)
{
  g_autoptr (GHashTable) counters =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      g_autofree char *text = sonde_proc_read (root, sources[i].path, COUNTERS_SIZE_MAX);

      if (text != NULL)
        add_source (counters, text, sources[i].group, sources[i].names);
    }

  return g_steal_pointer (&counters);
}

/*
 * sonde_tcp_counters_diff:
 * @before: (element-type utf8 guint64): an earlier reading
 * @after: (element-type utf8 guint64): a later one
 *
 * Subtracts two readings. A counter that only one of them has is left out, and
 * one that went back, as after a move to another network namespace, is 0.
 *
 * Returns: (transfer floating): an `a{st}`
 */
GVariant *
sonde_tcp_counters_diff (GHashTable *before,
                         GHashTable *after)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{st}"));

  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      for (const char *const *name = sources[i].names; *name != NULL; name++)
        {
          const guint64 *from = g_hash_table_lookup (before, *name);
          const guint64 *to = g_hash_table_lookup (after, *name);

          if (from != NULL && to != NULL)
            g_variant_builder_add (&builder, "{st}", *name, *to > *from ? *to - *from : 0);
        }
    }

  return g_variant_builder_end (&builder);
}
