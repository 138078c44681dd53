/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "limits-root.h"

#include <ftw.h>
#include <string.h>

#include <glib/gstdio.h>

const LimitsRow limits_rows[LIMITS_N_ROWS] = {
  { "SoMaxConn", "net.core.somaxconn", "4096\n", "uint32 4096", "uint32 4096" },
  { "TcpMaxSynBacklog", "net.ipv4.tcp_max_syn_backlog", "2048\n", "uint32 2048", "uint32 2048" },
  { "TcpSynRetries", "net.ipv4.tcp_syn_retries", "6\n", "uint32 6", "uint32 6" },
  { "TcpSynackRetries", "net.ipv4.tcp_synack_retries", "5\n", "uint32 5", "uint32 5" },
  { "TcpSynLinearTimeouts", "net.ipv4.tcp_syn_linear_timeouts", "4\n", "4", "4" },
  { "TcpRtoMaxUSec", "net.ipv4.tcp_rto_max_ms", "120000\n", "uint64 120000000", "uint32 120000" },
  { "TcpRetries1", "net.ipv4.tcp_retries1", "3\n", "uint32 3", "uint32 3" },
  { "TcpRetries2", "net.ipv4.tcp_retries2", "15\n", "uint32 15", "uint32 15" },
  { "RmemDefault", "net.core.rmem_default", "212992\n", "uint64 212992", "uint64 212992" },
  { "RmemMax", "net.core.rmem_max", "4194304\n", "uint64 4194304", "uint64 4194304" },
  { "WmemDefault", "net.core.wmem_default", "212993\n", "uint64 212993", "uint64 212993" },
  { "WmemMax", "net.core.wmem_max", "4194305\n", "uint64 4194305", "uint64 4194305" },
  { "TcpRmem",
    "net.ipv4.tcp_rmem",
    "4096\t131072\t33554432\n",
    "(uint64 4096, uint64 131072, uint64 33554432)",
    "(uint64 4096, uint64 131072, uint64 33554432)" },
  { "TcpWmem",
    "net.ipv4.tcp_wmem",
    "4096\t16384\t4194304\n",
    "(uint64 4096, uint64 16384, uint64 4194304)",
    "(uint64 4096, uint64 16384, uint64 4194304)" },
  { "TcpWindowScaling", "net.ipv4.tcp_window_scaling", "1\n", "true", "uint32 1" },
  { "TcpSack", "net.ipv4.tcp_sack", "0\n", "false", "uint32 0" },
  { "TcpSlowStartAfterIdle", "net.ipv4.tcp_slow_start_after_idle", "2\n", "true", "uint32 2" },
  { "TcpKeepaliveTimeUSec",
    "net.ipv4.tcp_keepalive_time",
    "7200\n",
    "uint64 7200000000",
    "uint32 7200" },
  { "TcpKeepaliveProbes", "net.ipv4.tcp_keepalive_probes", "9\n", "uint32 9", "uint32 9" },
  { "TcpKeepaliveIntervalUSec",
    "net.ipv4.tcp_keepalive_intvl",
    "4294967295\n",
    "uint64 4294967295000000",
    "uint32 4294967295" },
  { NULL, "net.ipv4.tcp_abort_on_overflow", "0\n", NULL, "uint32 0" },
  { NULL, "net.ipv4.tcp_allowed_congestion_control", "reno\n", NULL, "'reno'" },
  { NULL, "net.ipv4.tcp_available_congestion_control", "reno bbr\n", NULL, "'reno bbr'" },
  { NULL, "net.ipv4.tcp_congestion_control", "bbr\n", NULL, "'bbr'" },
  { NULL, "net.ipv4.tcp_notsent_lowat", "4294967295\n", NULL, "uint64 4294967295" },
  { NULL, "net.ipv4.tcp_syncookies", "1\n", NULL, "uint32 1" },
};

const LimitsDerived limits_derived[LIMITS_N_DERIVED] = {
  { "ConnectTimeoutUSec", "uint64 131000000" },
  { "ConnectTimeoutClassicUSec", "uint64 127000000" },
  { "AcceptTimeoutUSec", "uint64 63000000" },
};

static int
remove_cb (const char        *path,
           const struct stat *status,
           int                type,
           struct FTW        *position)
{
  return remove (path);
}

void
limits_root_free (char *root)
{
  g_assert_cmpint (nftw (root, remove_cb, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
  g_free (root);
}

LimitsRoot *
limits_root_new (void)
{
  g_autoptr (GError) error = NULL;
  LimitsRoot *root = g_dir_make_tmp ("sonde-limits-XXXXXX", &error);

  g_assert_no_error (error);
  return root;
}

/* Makes the folders of a file and clears its place. */
char *
limits_root_prepare_file (const LimitsRoot *root,
                          const char       *path)
{
  g_autofree char *filename = g_build_filename (root, path, NULL);
  g_autofree char *folder = g_path_get_dirname (filename);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_remove (filename);
  return g_steal_pointer (&filename);
}

void
limits_root_write_bytes (const LimitsRoot *root,
                         const char       *path,
                         const char       *content,
                         gssize            length)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *filename = limits_root_prepare_file (root, path);

  g_file_set_contents (filename, content, length, &error);
  g_assert_no_error (error);
}

void
limits_root_write_file (const LimitsRoot *root,
                        const char       *path,
                        const char       *content)
{
  limits_root_write_bytes (root, path, content, -1);
}

char *
limits_sysctl_path (const char *sysctl)
{
  g_autofree char *path = g_strconcat ("proc/sys/", sysctl, NULL);

  return g_strdelimit (g_steal_pointer (&path), ".", '/');
}

LimitsRoot *
limits_root_new_full (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new ();

  for (guint i = 0; i < LIMITS_N_ROWS; i++)
    {
      g_autofree char *path = limits_sysctl_path (limits_rows[i].sysctl);

      limits_root_write_file (root, path, limits_rows[i].content);
    }

  return g_steal_pointer (&root);
}

void
limits_assert_variant (GVariant   *value,
                       const char *expected_text)
{
  g_autoptr (GVariant) taken = value;
  g_autoptr (GVariant) expected = NULL;

  if (expected_text == NULL)
    {
      g_assert_null (taken);
      return;
    }

  expected = g_variant_new_parsed (expected_text);
  g_assert_nonnull (taken);
  g_assert_false (g_variant_is_floating (taken));
  g_assert_cmpvariant (taken, expected);
}

void
limits_assert_value (SondeKernelLimits *limits,
                     const char        *name,
                     const char        *expected)
{
  limits_assert_variant (sonde_kernel_limits_get_value (limits, name), expected);
}

void
limits_assert_sysctl (SondeKernelLimits *limits,
                      const char        *sysctl,
                      const char        *expected)
{
  limits_assert_variant (sonde_kernel_limits_get_sysctl (limits, sysctl), expected);
}
