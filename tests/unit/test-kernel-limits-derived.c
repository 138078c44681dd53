/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "limits-root.h"

#include <string.h>
#include <sys/resource.h>

#include <libsonde/sonde-error.h>

#define LINEAR_PATH "proc/sys/net/ipv4/tcp_syn_linear_timeouts"
#define SYN_RETRIES_PATH "proc/sys/net/ipv4/tcp_syn_retries"

static void
write_counters (const LimitsRoot *root,
                const char       *listen_drops,
                const char       *timeouts,
                const char       *retransmissions)
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

  limits_root_write_file (root, "proc/net/netstat", netstat);
  limits_root_write_file (root, "proc/net/snmp", snmp);
}

static void
test_deltas (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new ();
  g_autoptr (SondeKernelLimits) limits = NULL;

  g_test_summary ("Counters of their group count from the creation of the object, never below 0.");

  write_counters (root, "100", "18446744073709551000", "7");
  limits = sonde_kernel_limits_new_for_root (root);
  limits_assert_variant (sonde_kernel_limits_get_deltas (limits),
                         "@a{st} {'ListenDrops': 0, 'SyncookiesSent': 0, 'TCPTimeouts': 0,"
                         " 'RetransSegs': 0}");

  write_counters (root, "142", "18446744073709551615", "6 3");
  limits_assert_variant (sonde_kernel_limits_get_deltas (limits),
                         "@a{st} {'ListenDrops': 42, 'SyncookiesSent': 0, 'TCPTimeouts': 615,"
                         " 'RetransSegs': 0}");

  write_counters (root, "x", "-5", "");
  limits_assert_variant (sonde_kernel_limits_get_deltas (limits), "@a{st} {'SyncookiesSent': 0}");

  limits_root_write_file (root, "proc/net/netstat", "TcpExt: ListenDrops\n");
  limits_root_write_file (root, "proc/net/snmp", "Tcp:\nTcp:\n");
  limits_assert_variant (sonde_kernel_limits_get_deltas (limits), "@a{st} {}");
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
  g_autoptr (LimitsRoot) root = limits_root_new_full ();
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
  g_autoptr (LimitsRoot) root = limits_root_new_full ();
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
  g_autoptr (LimitsRoot) root = limits_root_new ();
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
  g_autoptr (LimitsRoot) root = limits_root_new ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);

  g_test_summary ("A derived limit follows from the sysctls there are, as on older kernels.");

  limits_root_write_file (root, SYN_RETRIES_PATH, "6\n");
  limits_assert_value (limits, "ConnectTimeoutUSec", "uint64 127000000");
  limits_assert_value (limits, "TcpRtoMaxUSec", NULL);
  limits_assert_value (limits, "AcceptTimeoutUSec", NULL);
  limits_root_write_file (root, LINEAR_PATH, "4\n");
  limits_assert_value (limits, "ConnectTimeoutUSec", "uint64 131000000");
  limits_root_write_file (root, SYN_RETRIES_PATH, "127\n");
  limits_assert_value (limits, "ConnectTimeoutClassicUSec", "uint64 18446744073709551615");
  limits_root_write_file (root, "proc/sys/net/ipv4/tcp_synack_retries", "255\n");
  limits_assert_value (limits, "AcceptTimeoutUSec", "uint64 18446744073709551615");
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
  limits_assert_value (limits, "MaxOpenFiles", lowered);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/kernel-limits/derived", test_derived);
  g_test_add_func ("/kernel-limits/max-open-files", test_max_open_files);
  g_test_add_func ("/kernel-limits/deltas", test_deltas);
  g_test_add_func ("/kernel-limits/deltas/real", test_deltas_real);
  g_test_add_func ("/kernel-limits/connect-timeout", test_connect_timeout);
  g_test_add_func ("/kernel-limits/connect-timeout/invalid", test_connect_timeout_invalid);
  g_test_add_func ("/kernel-limits/connect-timeout/absent", test_connect_timeout_absent);

  return g_test_run ();
}
