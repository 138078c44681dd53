/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "limits-root.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#define SOMAXCONN_PATH "proc/sys/net/core/somaxconn"
#define LINEAR_PATH "proc/sys/net/ipv4/tcp_syn_linear_timeouts"

static void
test_names (void)
{
  const char *const *names = sonde_kernel_limits_list_names ();
  guint              n_names = 1; /* MaxOpenFiles is in neither table. */

  g_test_summary ("The names are those of the D-Bus interface, each once.");

  g_assert_true (names == sonde_kernel_limits_list_names ());
  g_assert_true (g_strv_contains (names, "MaxOpenFiles"));

  for (guint i = 0; i < LIMITS_N_ROWS; i++)
    {
      if (limits_rows[i].name == NULL)
        continue;

      g_assert_true (g_strv_contains (names, limits_rows[i].name));
      n_names++;
    }

  for (guint i = 0; i < LIMITS_N_DERIVED; i++, n_names++)
    g_assert_true (g_strv_contains (names, limits_derived[i].name));

  g_assert_cmpuint (g_strv_length ((char **) names), ==, n_names);
}

static void
test_values (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new_full ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);

  g_test_summary ("Each limit has its D-Bus type and unit, each sysctl its own.");

  for (guint i = 0; i < LIMITS_N_ROWS; i++)
    {
      if (limits_rows[i].name != NULL)
        limits_assert_value (limits, limits_rows[i].name, limits_rows[i].value);
      limits_assert_sysctl (limits, limits_rows[i].sysctl, limits_rows[i].raw);
    }

  for (guint i = 0; i < LIMITS_N_DERIVED; i++)
    limits_assert_value (limits, limits_derived[i].name, limits_derived[i].value);

  limits_assert_value (limits, "NoSuchLimit", NULL);
  limits_assert_sysctl (limits, "net.ipv4.ip_forward", NULL);
}

static void
test_all (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new_full ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  g_autoptr (GVariant) all = sonde_kernel_limits_get_all (limits);

  g_test_summary ("Everything at once is every sysctl present, in its own unit.");

  g_assert_false (g_variant_is_floating (all));
  g_assert_cmpuint (g_variant_n_children (all), ==, LIMITS_N_ROWS);
  for (guint i = 0; i < LIMITS_N_ROWS; i++)
    limits_assert_variant (g_variant_lookup_value (all, limits_rows[i].sysctl, NULL),
                           limits_rows[i].raw);
}

static void
test_fresh (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new_full ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  g_autofree char *filename = g_build_filename (root, SOMAXCONN_PATH, NULL);

  g_test_summary ("A change of a sysctl shows in the next reading.");

  limits_assert_value (limits, "SoMaxConn", "uint32 4096");
  limits_root_write_file (root, SOMAXCONN_PATH, "128\n");
  limits_assert_value (limits, "SoMaxConn", "uint32 128");
  g_assert_cmpint (g_unlink (filename), ==, 0);
  limits_assert_value (limits, "SoMaxConn", NULL);
}

static void
test_absent (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  const char *const *names = sonde_kernel_limits_list_names ();

  g_test_summary ("Without any sysctl there is no value, except for what needs none.");

  for (guint i = 0; names[i] != NULL; i++)
    {
      if (g_str_equal (names[i], "TcpSynLinearTimeouts"))
        limits_assert_value (limits, names[i], "-1");
      else if (!g_str_equal (names[i], "MaxOpenFiles"))
        limits_assert_value (limits, names[i], NULL);
    }

  for (guint i = 0; i < LIMITS_N_ROWS; i++)
    limits_assert_sysctl (limits, limits_rows[i].sysctl, NULL);

  limits_assert_variant (sonde_kernel_limits_get_all (limits), "@a{sv} {}");
  limits_assert_variant (sonde_kernel_limits_get_deltas (limits), "@a{st} {}");
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
  g_autoptr (LimitsRoot) root = limits_root_new ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);

  g_test_summary ("What is not a number of the right range is absent.");

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      limits_root_write_file (root, SOMAXCONN_PATH, numbers[i]);
      limits_assert_value (limits, "SoMaxConn", NULL);
      limits_assert_sysctl (limits, "net.core.somaxconn", NULL);
      limits_root_write_file (root, LINEAR_PATH, numbers[i]);
      limits_assert_value (limits, "TcpSynLinearTimeouts", "-1");
      limits_assert_sysctl (limits, "net.ipv4.tcp_syn_linear_timeouts", NULL);
    }

  for (guint i = 0; i < G_N_ELEMENTS (triples); i++)
    {
      limits_root_write_file (root, "proc/sys/net/ipv4/tcp_rmem", triples[i]);
      limits_assert_value (limits, "TcpRmem", NULL);
    }

  limits_root_write_bytes (root, SOMAXCONN_PATH, "12\0"
                                                 "8\n",
                           5);
  limits_assert_value (limits, "SoMaxConn", NULL);
  limits_root_write_file (root, "proc/sys/net/ipv4/tcp_congestion_control", " \n");
  limits_assert_sysctl (limits, "net.ipv4.tcp_congestion_control", NULL);
  limits_assert_variant (sonde_kernel_limits_get_all (limits), "@a{sv} {}");
}

static void
test_space (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);

  g_test_summary ("Space around a value, or no newline after it, does not matter.");

  limits_root_write_file (root, SOMAXCONN_PATH, "  128 \t \n\n");
  limits_assert_value (limits, "SoMaxConn", "uint32 128");
  limits_root_write_file (root, SOMAXCONN_PATH, "129");
  limits_assert_value (limits, "SoMaxConn", "uint32 129");
  limits_root_write_file (root, "proc/sys/net/ipv4/tcp_wmem", "\t1  2\t\t18446744073709551615 ");
  limits_assert_value (limits, "TcpWmem", "(uint64 1, uint64 2, uint64 18446744073709551615)");
  limits_root_write_file (root, "proc/sys/net/ipv4/tcp_congestion_control", " bbr \n");
  limits_assert_sysctl (limits, "net.ipv4.tcp_congestion_control", "'bbr'");
}

static void
test_not_a_file (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new ();
  g_autoptr (SondeKernelLimits) limits = NULL;
  g_autofree char *filename = limits_root_prepare_file (root, SOMAXCONN_PATH);
  g_autofree char *netstat = NULL;

  g_test_summary ("A FIFO, a folder or an endless file is absent and blocks nobody.");

  netstat = limits_root_prepare_file (root, "proc/net/netstat");
  g_assert_cmpint (mkfifo (netstat, 0600), ==, 0);
  limits = sonde_kernel_limits_new_for_root (root);
  limits_assert_variant (sonde_kernel_limits_get_deltas (limits), "@a{st} {}");

  g_assert_cmpint (mkfifo (filename, 0600), ==, 0);
  limits_assert_value (limits, "SoMaxConn", NULL);
  g_assert_cmpint (g_unlink (filename), ==, 0);

  g_assert_cmpint (g_mkdir (filename, 0700), ==, 0);
  limits_assert_value (limits, "SoMaxConn", NULL);
  g_assert_cmpint (g_rmdir (filename), ==, 0);

  g_assert_cmpint (symlink ("/dev/zero", filename), ==, 0);
  limits_assert_value (limits, "SoMaxConn", NULL);
}

static void
test_huge (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new ();
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new_for_root (root);
  g_autofree char *spaces = g_strnfill (1024 * 1024, ' ');

  g_test_summary ("A value after more than 4 KiB of anything is not believed.");

  spaces[0] = '7';
  limits_root_write_bytes (root, SOMAXCONN_PATH, spaces, 4096);
  limits_assert_value (limits, "SoMaxConn", "uint32 7");
  limits_root_write_bytes (root, SOMAXCONN_PATH, spaces, 4097);
  limits_assert_value (limits, "SoMaxConn", NULL);
  limits_root_write_bytes (root, SOMAXCONN_PATH, spaces, 1024 * 1024);
  limits_assert_value (limits, "SoMaxConn", NULL);
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

  for (guint i = 0; i < LIMITS_N_ROWS; i++)
    {
      g_autoptr (GVariant) value = sonde_kernel_limits_get_sysctl (limits, limits_rows[i].sysctl);
      g_autofree char *path = limits_sysctl_path (limits_rows[i].sysctl);
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
  g_test_add_func ("/kernel-limits/real", test_real);
  g_test_add_func ("/kernel-limits/root", test_root);

  return g_test_run ();
}
