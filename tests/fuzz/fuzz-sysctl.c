/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What stands in a file of /proc: whatever it is, it is a value or none. */

#include "config.h"

#include "fuzz.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <libsonde/sonde-kernel-limits.h>
#include <libsonde/sonde-proc-private.h>
#include <libsonde/sonde-tcp-counters-private.h>
#include <unistd.h>

static const char *const files[] = {
  "proc/sys/net/core/somaxconn",
  "proc/sys/net/ipv4/tcp_rmem",
  "proc/sys/net/ipv4/tcp_syn_retries",
  "proc/sys/net/ipv4/tcp_syn_linear_timeouts",
  "proc/sys/net/ipv4/tcp_congestion_control",
  "proc/net/netstat",
  "proc/net/snmp",
};

static char *root = NULL;

static void
remove_root (void)
{
  g_autofree char *command = g_strdup_printf ("rm -rf '%s'", root);

  if (system (command) != 0)
    g_printerr ("%s is left\n", root);
  g_clear_pointer (&root, g_free);
}

/* A folder in memory, with a place for each file. */
static void
make_root (void)
{
  root = g_strdup ("/dev/shm/sonde-fuzz-XXXXXX");
  g_assert_nonnull (g_mkdtemp (root));
  atexit (remove_root);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (root, files[i], NULL);
      g_autofree char *folder = g_path_get_dirname (path);

      g_assert_no_errno (g_mkdir_with_parents (folder, 0700));
    }
}

static void
write_file (const char   *name,
            const guint8 *data,
            gsize         size)
{
  g_autofree char *path = g_build_filename (root, name, NULL);
  const int        fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, data, size), ==, (gssize) size);
  close (fd);
}

static void
read_as (const char *type)
{
  g_autoptr (GVariant) value = sonde_proc_read_sysctl (root, "net.core.somaxconn", type);

  g_assert_true (value == NULL || g_variant_is_of_type (value, G_VARIANT_TYPE (type)));
  if (value != NULL)
    g_variant_ref_sink (value);
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  static const char *const types[] = { "u", "i", "t", "(ttt)", "s" };
  g_autoptr (SondeKernelLimits) limits = NULL;
  g_autoptr (GVariant) all = NULL;
  g_autoptr (GHashTable) counters = NULL;

  if (root == NULL)
    make_root ();
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    write_file (files[i], data, size);
  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    read_as (types[i]);

  counters = sonde_tcp_counters_read (root);
  limits = sonde_kernel_limits_new_for_root (root);
  all = sonde_kernel_limits_get_all (limits);

  return 0;
}
