/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "limits-root.h"

#include <libsonde/sonde-memory-private.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB (1024 * 1024)

static void
assert_room (const char *cgroup,
             const char *max,
             const char *current,
             gint64      expected)
{
  g_autoptr (LimitsRoot) root = limits_root_new ();

  g_test_message ("%s, %s of %s", cgroup, current, max);
  limits_root_write_file (root, "proc/self/cgroup", cgroup);
  limits_root_write_file (root, "sys/fs/cgroup/a/b.service/memory.max", max);
  limits_root_write_file (root, "sys/fs/cgroup/a/b.service/memory.current", current);
  g_assert_cmpint (sonde_memory_measure_room (root), ==, expected);
}

static void
test_group (void)
{
  const char ours[] = "1:name=systemd:/c\n0::/a/b.service\n";

  g_test_summary ("There is room for what the control group allows, less what is to stay free.");

  assert_room (ours, "1073741824\n", "104857600\n", (1024 - 100 - 64) * (gint64) MIB);
  assert_room (ours, "67108864\n", "20971520\n", (64 - 20 - 8) * (gint64) MIB);
  assert_room (ours, "10485760\n", "8388608\n", 0);
  assert_room (ours, "8388608\n", "10485760\n", 0);
}

static void
test_no_group (void)
{
  g_test_summary ("Where nothing is limited, or nobody knows, there is room for everything.");

  assert_room ("0::/a/b.service\n", "max\n", "10485760\n", G_MAXINT64);
  assert_room ("0::/a/b.service\n", "garbage\n", "10485760\n", G_MAXINT64);
  assert_room ("0::/a/b.service\n", "10485760\n", "", G_MAXINT64);
  assert_room ("0::/other\n", "10485760\n", "10485760\n", G_MAXINT64);
  assert_room ("5:memory:/a/b.service\n", "10485760\n", "10485760\n", G_MAXINT64);
  assert_room ("", "10485760\n", "10485760\n", G_MAXINT64);
  assert_room ("0::", "10485760\n", "10485760\n", G_MAXINT64);
}

static void
test_resource_limit (void)
{
  g_autoptr (LimitsRoot) root = limits_root_new ();
  g_autofree char *statm = NULL;
  struct rlimit    before, few;

  g_test_summary ("RLIMIT_DATA counts, against what proc(5) says is used.");

  g_assert_no_errno (getrlimit (RLIMIT_DATA, &before));
  few = before;
  few.rlim_cur = 1024 * (rlim_t) MIB;
  g_assert_no_errno (setrlimit (RLIMIT_DATA, &few));
  statm = g_strdup_printf ("900000 1 1 1 0 %ld 0\n", 100L * MIB / sysconf (_SC_PAGESIZE));
  limits_root_write_file (root, "proc/self/statm", statm);
  g_assert_cmpint (sonde_memory_measure_room (root), ==, (1024 - 100 - 64) * (gint64) MIB);
  limits_root_write_file (root, "proc/self/statm", "1 2 3");
  g_assert_cmpint (sonde_memory_measure_room (root), ==, G_MAXINT64);
  g_assert_no_errno (setrlimit (RLIMIT_DATA, &before));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/memory/group", test_group);
  g_test_add_func ("/memory/no-group", test_no_group);
  g_test_add_func ("/memory/resource-limit", test_resource_limit);

  return g_test_run ();
}
