/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <ftw.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-kernel-limits.h>

#define SOMAXCONN_PATH "proc/sys/net/core/somaxconn"
#define LINEAR_PATH "proc/sys/net/ipv4/tcp_syn_linear_timeouts"
#define SYN_RETRIES_PATH "proc/sys/net/ipv4/tcp_syn_retries"

/* What a kernel says, and what Sonde has to make of it: by the name of the
 * limit (if it is one) and by the name of the sysctl. */
static const struct
{
  const char *name;
  const char *sysctl;
  const char *content;
  const char *value;
  const char *raw;
} rows[] = {
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

static const struct
{
  const char *name;
  const char *value;
} derived[] = {
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

static void
remove_tree (char *root)
{
  g_assert_cmpint (nftw (root, remove_cb, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
  g_free (root);
}

typedef char Root;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Root, remove_tree)

static Root *
make_root (void)
{
  g_autoptr (GError) error = NULL;
  Root *root = g_dir_make_tmp ("sonde-limits-XXXXXX", &error);

  g_assert_no_error (error);
  return root;
}

/* Makes the folders of a file and clears its place. */
static char *
prepare_file (const Root *root,
              const char *path)
{
  g_autofree char *filename = g_build_filename (root, path, NULL);
  g_autofree char *folder = g_path_get_dirname (filename);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_remove (filename);
  return g_steal_pointer (&filename);
}

static void
write_bytes (const Root *root,
             const char *path,
             const char *content,
             gssize      length)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *filename = prepare_file (root, path);

  g_file_set_contents (filename, content, length, &error);
  g_assert_no_error (error);
}

static void
write_file (const Root *root,
            const char *path,
            const char *content)
{
  write_bytes (root, path, content, -1);
}

static char *
sysctl_path (const char *sysctl)
{
  g_autofree char *path = g_strconcat ("proc/sys/", sysctl, NULL);

  return g_strdelimit (g_steal_pointer (&path), ".", '/');
}

static Root *
make_full_root (void)
{
  g_autoptr (Root) root = make_root ();

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = sysctl_path (rows[i].sysctl);

      write_file (root, path, rows[i].content);
    }

  return g_steal_pointer (&root);
}

static void
assert_variant (GVariant   *value,
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

static void
assert_value (SondeKernelLimits *limits,
              const char        *name,
              const char        *expected)
{
  assert_variant (sonde_kernel_limits_get_value (limits, name), expected);
}

static void
assert_sysctl (SondeKernelLimits *limits,
               const char        *sysctl,
               const char        *expected)
{
  assert_variant (sonde_kernel_limits_get_sysctl (limits, sysctl), expected);
}

static void
test_names (void)
{
  const char *const *names = sonde_kernel_limits_list_names ();
  guint              n_names = 1; /* MaxOpenFiles is in neither table. */

  g_test_summary ("The names are those of the D-Bus interface, each once.");

  g_assert_true (names == sonde_kernel_limits_list_names ());
  g_assert_true (g_strv_contains (names, "MaxOpenFiles"));

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (rows[i].name == NULL)
        continue;

      g_assert_true (g_strv_contains (names, rows[i].name));
      n_names++;
    }

  for (guint i = 0; i < G_N_ELEMENTS (derived); i++, n_names++)
    g_assert_true (g_strv_contains (names, derived[i].name));

  g_assert_cmpuint (g_strv_length ((char **) names), ==, n_names);
}

static void
test_values (void)
{
  g_autoptr (Root) root = make_full_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);

  g_test_summary ("Each limit has its D-Bus type and unit, each sysctl its own.");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (rows[i].name != NULL)
        assert_value (limits, rows[i].name, rows[i].value);
      assert_sysctl (limits, rows[i].sysctl, rows[i].raw);
    }

  for (guint i = 0; i < G_N_ELEMENTS (derived); i++)
    assert_value (limits, derived[i].name, derived[i].value);

  assert_value (limits, "NoSuchLimit", NULL);
  assert_sysctl (limits, "net.ipv4.ip_forward", NULL);
}

static void
test_all (void)
{
  g_autoptr (Root) root = make_full_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  g_autoptr (GVariant) all = sonde_kernel_limits_get_all (limits);

  g_test_summary ("Everything at once is every sysctl present, in its own unit.");

  g_assert_false (g_variant_is_floating (all));
  g_assert_cmpuint (g_variant_n_children (all), ==, G_N_ELEMENTS (rows));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    assert_variant (g_variant_lookup_value (all, rows[i].sysctl, NULL), rows[i].raw);
}

static void
test_fresh (void)
{
  g_autoptr (Root) root = make_full_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  g_autofree char *filename = g_build_filename (root, SOMAXCONN_PATH, NULL);

  g_test_summary ("A change of a sysctl shows in the next reading.");

  assert_value (limits, "SoMaxConn", "uint32 4096");
  write_file (root, SOMAXCONN_PATH, "128\n");
  assert_value (limits, "SoMaxConn", "uint32 128");
  g_assert_cmpint (g_unlink (filename), ==, 0);
  assert_value (limits, "SoMaxConn", NULL);
}

static void
test_absent (void)
{
  g_autoptr (Root) root = make_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  const char *const *names = sonde_kernel_limits_list_names ();

  g_test_summary ("Without any sysctl there is no value, except for what needs none.");

  for (guint i = 0; names[i] != NULL; i++)
    {
      if (g_str_equal (names[i], "TcpSynLinearTimeouts"))
        assert_value (limits, names[i], "-1");
      else if (!g_str_equal (names[i], "MaxOpenFiles"))
        assert_value (limits, names[i], NULL);
    }

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    assert_sysctl (limits, rows[i].sysctl, NULL);

  assert_variant (sonde_kernel_limits_get_all (limits), "@a{sv} {}");
  assert_variant (sonde_kernel_limits_get_deltas (limits), "@a{st} {}");
}

static void
test_garbage (void)
{
  const char *numbers[] = {
    "", "\n", " ", "x", "-1", "+1", "1x", "0x10", "1 2", "1.5", "one", "\xff",
    "4294967296", "18446744073709551617"
  };
  const char *triples[] = {
    "", "1", "1 2", "1\t2\t3\t4", "1 2 x", "1 2 -3", "1, 2, 3", "1 2 18446744073709551616"
  };
  g_autoptr (Root) root = make_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);

  g_test_summary ("What is not a number of the right range is absent.");

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      write_file (root, SOMAXCONN_PATH, numbers[i]);
      assert_value (limits, "SoMaxConn", NULL);
      assert_sysctl (limits, "net.core.somaxconn", NULL);
      write_file (root, LINEAR_PATH, numbers[i]);
      assert_value (limits, "TcpSynLinearTimeouts", "-1");
      assert_sysctl (limits, "net.ipv4.tcp_syn_linear_timeouts", NULL);
    }

  for (guint i = 0; i < G_N_ELEMENTS (triples); i++)
    {
      write_file (root, "proc/sys/net/ipv4/tcp_rmem", triples[i]);
      assert_value (limits, "TcpRmem", NULL);
    }

  write_bytes (root, SOMAXCONN_PATH, "12\0"
                                     "8\n",
               5);
  assert_value (limits, "SoMaxConn", NULL);
  write_file (root, "proc/sys/net/ipv4/tcp_congestion_control", " \n");
  assert_sysctl (limits, "net.ipv4.tcp_congestion_control", NULL);
  assert_variant (sonde_kernel_limits_get_all (limits), "@a{sv} {}");
}

static void
test_space (void)
{
  g_autoptr (Root) root = make_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);

  g_test_summary ("Space around a value, or no newline after it, does not matter.");

  write_file (root, SOMAXCONN_PATH, "  128 \t \n\n");
  assert_value (limits, "SoMaxConn", "uint32 128");
  write_file (root, SOMAXCONN_PATH, "129");
  assert_value (limits, "SoMaxConn", "uint32 129");
  write_file (root, "proc/sys/net/ipv4/tcp_wmem", "\t1  2\t\t18446744073709551615 ");
  assert_value (limits, "TcpWmem", "(uint64 1, uint64 2, uint64 18446744073709551615)");
  write_file (root, "proc/sys/net/ipv4/tcp_congestion_control", " bbr \n");
  assert_sysctl (limits, "net.ipv4.tcp_congestion_control", "'bbr'");
}

static void
test_not_a_file (void)
{
  g_autoptr (Root) root = make_root ();
  g_autoptr (SondeKernelLimits) limits = NULL;
  g_autofree char *filename = prepare_file (root, SOMAXCONN_PATH);
  g_autofree char *netstat = NULL;

  g_test_summary ("A FIFO, a folder or an endless file is absent and blocks nobody.");

  netstat = prepare_file (root, "proc/net/netstat");
  g_assert_cmpint (mkfifo (netstat, 0600), ==, 0);
  limits = sonde_kernel_limits_new_for_root (root);
  assert_variant (sonde_kernel_limits_get_deltas (limits), "@a{st} {}");

  g_assert_cmpint (mkfifo (filename, 0600), ==, 0);
  assert_value (limits, "SoMaxConn", NULL);
  g_assert_cmpint (g_unlink (filename), ==, 0);

  g_assert_cmpint (g_mkdir (filename, 0700), ==, 0);
  assert_value (limits, "SoMaxConn", NULL);
  g_assert_cmpint (g_rmdir (filename), ==, 0);

  g_assert_cmpint (symlink ("/dev/zero", filename), ==, 0);
  assert_value (limits, "SoMaxConn", NULL);
}

static void
test_huge (void)
{
  g_autoptr (Root) root = make_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  g_autofree char *spaces = g_strnfill (1024 * 1024, ' ');

  g_test_summary ("A value after more than 4 KiB of anything is not believed.");

  spaces[0] = '7';
  write_bytes (root, SOMAXCONN_PATH, spaces, 4096);
  assert_value (limits, "SoMaxConn", "uint32 7");
  write_bytes (root, SOMAXCONN_PATH, spaces, 4097);
  assert_value (limits, "SoMaxConn", NULL);
  write_bytes (root, SOMAXCONN_PATH, spaces, 1024 * 1024);
  assert_value (limits, "SoMaxConn", NULL);
}

static void
write_counters (const Root *root,
                const char *listen_drops,
                const char *timeouts,
                const char *retransmissions)
{
  g_autofree char *netstat = NULL;
  g_autofree char *snmp = NULL;

  netstat = g_strdup_printf ("TcpExt: SyncookiesSent ListenDrops InErrs TCPTimeouts\n"
                             "TcpExt: 0 %s 9 %s\n"
                             "IpExt: ListenOverflows\n"
                             "IpExt: 77\n",
                             listen_drops,
                             timeouts);
  snmp = g_strdup_printf ("Ip: Forwarding RetransSegs\n"
                          "Ip: 1 55\n"
                          "Tcp: RtoAlgorithm MaxConn RetransSegs InErrs\n"
                          "Tcp: 1 -1 %s\n",
                          retransmissions);

  write_file (root, "proc/net/netstat", netstat);
  write_file (root, "proc/net/snmp", snmp);
}

static void
test_deltas (void)
{
  g_autoptr (Root) root = make_root ();
  g_autoptr (SondeKernelLimits) limits = NULL;

  g_test_summary ("Counters of their group count from the creation of the object, never below 0.");

  write_counters (root, "100", "18446744073709551000", "7");
  limits = sonde_kernel_limits_new_for_root (root);
  assert_variant (sonde_kernel_limits_get_deltas (limits),
                  "@a{st} {'ListenDrops': 0, 'SyncookiesSent': 0, 'TCPTimeouts': 0,"
                  " 'RetransSegs': 0}");

  write_counters (root, "142", "18446744073709551615", "6 3");
  assert_variant (sonde_kernel_limits_get_deltas (limits),
                  "@a{st} {'ListenDrops': 42, 'SyncookiesSent': 0, 'TCPTimeouts': 615,"
                  " 'RetransSegs': 0}");

  write_counters (root, "x", "-5", "");
  assert_variant (sonde_kernel_limits_get_deltas (limits), "@a{st} {'SyncookiesSent': 0}");

  write_file (root, "proc/net/netstat", "TcpExt: ListenDrops\n");
  write_file (root, "proc/net/snmp", "Tcp:\nTcp:\n");
  assert_variant (sonde_kernel_limits_get_deltas (limits), "@a{st} {}");
}

static void
test_deltas_real (void)
{
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new ();
  g_autoptr (GVariant) deltas = sonde_kernel_limits_get_deltas (limits);
  g_autofree char *netstat = NULL;
  gboolean         readable = g_file_get_contents ("/proc/net/netstat", &netstat, NULL, NULL);
  guint64          delta;

  g_test_summary ("The counters of this kernel are found where it has them.");

  g_assert_true (g_variant_lookup (deltas, "ListenDrops", "t", &delta) ==
                 (readable && strstr (netstat, " ListenDrops ") != NULL));
}

static void
test_connect_timeout (void)
{
  g_autoptr (Root) root = make_full_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  g_autoptr (GError) error = NULL;
  GVariant *what_if = g_variant_new_parsed ("{'net.ipv4.tcp_syn_retries': <1>}");
  guint64   usec = 0;

  g_test_summary ("An assumption takes the place of a sysctl, for one answer only.");

  g_assert_true (sonde_kernel_limits_compute_connect_timeout (limits, what_if, &usec, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (usec, ==, 3000000);

  g_assert_true (sonde_kernel_limits_compute_connect_timeout (limits, NULL, &usec, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (usec, ==, 131000000);
  g_assert_true (sonde_kernel_limits_compute_connect_timeout (limits, NULL, NULL, NULL));
}

static void
test_connect_timeout_invalid (void)
{
  g_autoptr (Root) root = make_full_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  g_autoptr (GError) error = NULL;
  GVariant *what_if = g_variant_new_parsed ("{'net.ipv4.tcp_syn_retries': <0>}");
  guint64   usec = 4711;

  g_test_summary ("A wrong assumption is an invalid setting and gives no answer.");

  g_assert_false (sonde_kernel_limits_compute_connect_timeout (limits, what_if, &usec, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_cmpuint (usec, ==, 4711);
}

static void
test_connect_timeout_absent (void)
{
  g_autoptr (Root) root = make_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  g_autoptr (GError) error = NULL;
  GVariant *what_if = g_variant_new_parsed ("{'net.ipv4.tcp_syn_retries': <6>}");
  guint64   usec = 0;

  g_test_summary ("Without tcp_syn_retries there is an answer only if it is assumed.");

  g_assert_false (sonde_kernel_limits_compute_connect_timeout (limits, NULL, &usec, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "net.ipv4.tcp_syn_retries"));
  g_clear_error (&error);

  g_assert_true (sonde_kernel_limits_compute_connect_timeout (limits, what_if, &usec, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (usec, ==, 127000000);
}

static void
test_derived (void)
{
  g_autoptr (Root) root = make_root ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);

  g_test_summary ("A derived limit follows from the sysctls there are, as on older kernels.");

  write_file (root, SYN_RETRIES_PATH, "6\n");
  assert_value (limits, "ConnectTimeoutUSec", "uint64 127000000");
  assert_value (limits, "TcpRtoMaxUSec", NULL);
  assert_value (limits, "AcceptTimeoutUSec", NULL);
  write_file (root, LINEAR_PATH, "4\n");
  assert_value (limits, "ConnectTimeoutUSec", "uint64 131000000");
  write_file (root, SYN_RETRIES_PATH, "127\n");
  assert_value (limits, "ConnectTimeoutClassicUSec", "uint64 18446744073709551615");
  write_file (root, "proc/sys/net/ipv4/tcp_synack_retries", "255\n");
  assert_value (limits, "AcceptTimeoutUSec", "uint64 18446744073709551615");
}

static void
test_max_open_files (void)
{
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new ();
  g_autofree char *lowered = NULL;
  struct rlimit    before;
  struct rlimit    after;

  g_test_summary ("MaxOpenFiles is the soft limit that the process has right now.");

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  after = before;
  after.rlim_cur = MIN (before.rlim_cur, 1000) - 1;
  lowered = g_strdup_printf ("uint64 %" G_GUINT64_FORMAT, (guint64) after.rlim_cur);

  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &after), ==, 0);
  assert_value (limits, "MaxOpenFiles", lowered);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
}

static char *
join_words (const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \t\n(),'", -1);
  GString *joined = g_string_new (NULL);

  for (guint i = 0; words[i] != NULL; i++)
    {
      if (*words[i] != '\0')
        g_string_append_printf (joined, "%s ", words[i]);
    }

  return g_string_free (joined, FALSE);
}

static void
assert_same_words (GVariant   *value,
                   const char *content)
{
  g_autofree char *printed = g_variant_print (value, FALSE);
  g_autofree char *words = join_words (printed);
  g_autofree char *expected = join_words (content);

  g_assert_cmpstr (words, ==, expected);
}

static void
test_real (void)
{
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new ();
  g_autofree char *root = NULL;

  g_test_summary ("By default the limits are those of the running kernel.");

  g_object_get (limits, "root", &root, NULL);
  g_assert_cmpstr (root, ==, "/");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GVariant) value = sonde_kernel_limits_get_sysctl (limits, rows[i].sysctl);
      g_autofree char *path = sysctl_path (rows[i].sysctl);
      g_autofree char *filename = g_build_filename ("/", path, NULL);
      g_autofree char *content = NULL;

      if (g_file_get_contents (filename, &content, NULL, NULL))
        assert_same_words (value, content);
      else
        g_assert_null (value);
    }
}

static void
test_root (void)
{
  g_autoptr (SondeKernelLimits) none = NULL;
  g_autoptr (SondeKernelLimits) other = sonde_kernel_limits_new_for_root ("/nowhere");
  g_autofree char *none_root = NULL;
  g_autofree char *other_root = NULL;

  g_test_summary ("The root is what it was made with, and no root is /.");

  none = g_object_new (SONDE_TYPE_KERNEL_LIMITS, "root", NULL, NULL);
  g_object_get (none, "root", &none_root, NULL);
  g_object_get (other, "root", &other_root, NULL);
  g_assert_cmpstr (none_root, ==, "/");
  g_assert_cmpstr (other_root, ==, "/nowhere");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/kernel-limits/names", test_names);
  g_test_add_func ("/kernel-limits/values", test_values);
  g_test_add_func ("/kernel-limits/all", test_all);
  g_test_add_func ("/kernel-limits/fresh", test_fresh);
  g_test_add_func ("/kernel-limits/absent", test_absent);
  g_test_add_func ("/kernel-limits/garbage", test_garbage);
  g_test_add_func ("/kernel-limits/space", test_space);
  g_test_add_func ("/kernel-limits/not-a-file", test_not_a_file);
  g_test_add_func ("/kernel-limits/huge", test_huge);
  g_test_add_func ("/kernel-limits/derived", test_derived);
  g_test_add_func ("/kernel-limits/max-open-files", test_max_open_files);
  g_test_add_func ("/kernel-limits/real", test_real);
  g_test_add_func ("/kernel-limits/root", test_root);
  g_test_add_func ("/kernel-limits/deltas", test_deltas);
  g_test_add_func ("/kernel-limits/deltas/real", test_deltas_real);
  g_test_add_func ("/kernel-limits/connect-timeout", test_connect_timeout);
  g_test_add_func ("/kernel-limits/connect-timeout/invalid", test_connect_timeout_invalid);
  g_test_add_func ("/kernel-limits/connect-timeout/absent", test_connect_timeout_absent);

  return g_test_run ();
}
