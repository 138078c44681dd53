/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-limit-private.h"

#include <sys/resource.h>

#include "sonde-connect-timeout-private.h"
#include "sonde-proc-private.h"

#define SYSCTL_SYNACK_RETRIES "net.ipv4.tcp_synack_retries"

/* How a limit follows from the number in /proc. */
typedef enum
{
  UNIT_NONE,
  UNIT_SWITCH,
  UNIT_SECONDS,
  UNIT_MILLISECONDS,
} Unit;

struct _SondeLimit
{
  const char *name;   /* (nullable), if it is a sysctl only */
  const char *sysctl; /* (nullable), if it is derived */
  const char *type;   /* of the sysctl; that of the limit follows from the unit */
  Unit        unit;
  GVariant *(*derive) (const char *root);
};

static GVariant *
derive_max_open_files (const char *root)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return NULL;

  return g_variant_new_uint64 (limit.rlim_cur);
}

static GVariant *
derive_connect_timeout (const char *root)
{
  SondeConnectTimeout timeout;

  sonde_connect_timeout_read (&timeout, root);
  if (timeout.syn_retries == SONDE_SYN_RETRIES_UNKNOWN)
    return NULL;

  return g_variant_new_uint64 (sonde_connect_timeout_compute (&timeout));
}

static GVariant *
derive_classic_timeout (const char *root,
                        const char *sysctl)
{
  g_autoptr (GVariant) retries = sonde_proc_read_sysctl (root, sysctl, "u");
  guint64 usec;

  if (retries == NULL)
    return NULL;

  usec = sonde_connect_timeout_classic (g_variant_get_uint32 (retries));
  return g_variant_new_uint64 (usec);
}

static GVariant *
derive_connect_timeout_classic (const char *root)
{
  return derive_classic_timeout (root, SONDE_SYSCTL_SYN_RETRIES);
}

static GVariant *
derive_accept_timeout (const char *root)
{
  return derive_classic_timeout (root, SYSCTL_SYNACK_RETRIES);
}

/* The table: every limit, and every sysctl that is shown besides. */
static const SondeLimit limits[] = {
  { "SoMaxConn", "net.core.somaxconn", "u" },
  { "TcpMaxSynBacklog", "net.ipv4.tcp_max_syn_backlog", "u" },
  { "TcpSynRetries", SONDE_SYSCTL_SYN_RETRIES, "u" },
  { "TcpSynackRetries", SYSCTL_SYNACK_RETRIES, "u" },
  { "TcpSynLinearTimeouts", SONDE_SYSCTL_SYN_LINEAR_TIMEOUTS, "i" },
  { "TcpRtoMaxUSec", SONDE_SYSCTL_RTO_MAX, "u", UNIT_MILLISECONDS },
  { "TcpRetries1", "net.ipv4.tcp_retries1", "u" },
  { "TcpRetries2", "net.ipv4.tcp_retries2", "u" },
  { "RmemDefault", "net.core.rmem_default", "t" },
  { "RmemMax", "net.core.rmem_max", "t" },
  { "WmemDefault", "net.core.wmem_default", "t" },
  { "WmemMax", "net.core.wmem_max", "t" },
  { "TcpRmem", "net.ipv4.tcp_rmem", "(ttt)" },
  { "TcpWmem", "net.ipv4.tcp_wmem", "(ttt)" },
  { "TcpWindowScaling", "net.ipv4.tcp_window_scaling", "u", UNIT_SWITCH },
  { "TcpSack", "net.ipv4.tcp_sack", "u", UNIT_SWITCH },
  { "TcpSlowStartAfterIdle", "net.ipv4.tcp_slow_start_after_idle", "u", UNIT_SWITCH },
  { "TcpKeepaliveTimeUSec", "net.ipv4.tcp_keepalive_time", "u", UNIT_SECONDS },
  { "TcpKeepaliveProbes", "net.ipv4.tcp_keepalive_probes", "u" },
  { "TcpKeepaliveIntervalUSec", "net.ipv4.tcp_keepalive_intvl", "u", UNIT_SECONDS },
  { "MaxOpenFiles", .derive = derive_max_open_files },
  { "ConnectTimeoutUSec", .derive = derive_connect_timeout },
  { "ConnectTimeoutClassicUSec", .derive = derive_connect_timeout_classic },
  { "AcceptTimeoutUSec", .derive = derive_accept_timeout },
  { NULL, "net.ipv4.tcp_abort_on_overflow", "u" },
  { NULL, "net.ipv4.tcp_allowed_congestion_control", "s" },
  { NULL, "net.ipv4.tcp_available_congestion_control", "s" },
  { NULL, "net.ipv4.tcp_congestion_control", "s" },
  { NULL, "net.ipv4.tcp_notsent_lowat", "t" },
  { NULL, "net.ipv4.tcp_syncookies", "u" },
};

/*
 * sonde_limit_list_names:
 *
 * Lists the limits by name.
 *
 * Returns: (transfer none) (array zero-terminated=1): the names
 */
const char *const *
sonde_limit_list_names (void)
{
  static const char *names[G_N_ELEMENTS (limits) + 1];
  static gsize       initialized = 0;

  if (g_once_init_enter (&initialized))
    {
      guint n_names = 0;

      for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
        {
          if (limits[i].name != NULL)
            names[n_names++] = limits[i].name;
        }

      g_once_init_leave (&initialized, 1);
    }

  return names;
}

/*
 * sonde_limit_find:
 * @name: a name such as `SoMaxConn`
 *
 * Finds a limit by its name.
 *
 * Returns: (nullable): the row, or %NULL if there is none
 */
const SondeLimit *
sonde_limit_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      if (g_strcmp0 (limits[i].name, name) == 0)
        return &limits[i];
    }

  return NULL;
}

/*
 * sonde_limit_find_sysctl:
 * @sysctl: a name such as `net.core.somaxconn`
 *
 * Finds a limit by the sysctl that it comes from.
 *
 * Returns: (nullable): the row, or %NULL if there is none
 */
const SondeLimit *
sonde_limit_find_sysctl (const char *sysctl)
{
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      if (g_strcmp0 (limits[i].sysctl, sysctl) == 0)
        return &limits[i];
    }

  return NULL;
}

static GVariant *
convert (GVariant *raw,
         Unit      unit)
{
  switch (unit)
    {
    case UNIT_SWITCH:
      return g_variant_new_boolean (g_variant_get_uint32 (raw) != 0);
    case UNIT_SECONDS:
      return g_variant_new_uint64 (g_variant_get_uint32 (raw) * (guint64) G_USEC_PER_SEC);
    case UNIT_MILLISECONDS:
      return g_variant_new_uint64 (g_variant_get_uint32 (raw) * G_GUINT64_CONSTANT (1000));
    case UNIT_NONE:
    default:
      return g_variant_ref (raw);
    }
}

/*
 * sonde_limit_read_sysctl:
 * @self: a row with a sysctl
 * @root: the root of the file system
 *
 * Reads the sysctl that a limit comes from, in its own unit.
 *
 * Returns: (transfer floating) (nullable): the value, or %NULL if it is absent
 */
GVariant *
sonde_limit_read_sysctl (const SondeLimit *self,
                         const char       *root)
{
  return sonde_proc_read_sysctl (root, self->sysctl, self->type);
}

/*
 * sonde_limit_read:
 * @self: a row with a name
 * @root: the root of the file system
 *
 * Reads a limit in the type and unit of its D-Bus property.
 *
 * Returns: (transfer full) (nullable): the value, maybe floating, or %NULL if
 *   there is none
 */
GVariant *
sonde_limit_read (const SondeLimit *self,
                  const char       *root)
{
  g_autoptr (GVariant) raw = NULL;

  if (self->derive != NULL)
    return self->derive (root);

  raw = sonde_limit_read_sysctl (self, root);
  if (raw != NULL)
    return convert (g_variant_ref_sink (raw), self->unit);

  /* The signed type is there for just this. */
  return g_str_equal (self->type, "i") ? g_variant_new_int32 (-1) : NULL;
}

/*
 * sonde_limit_read_all:
 * @root: the root of the file system
 *
 * Reads every sysctl of the table that is present.
 *
 * Returns: (transfer floating): an `a{sv}`
 */
GVariant *
sonde_limit_read_all (const char *root)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      GVariant *value = NULL;

      if (limits[i].sysctl != NULL)
        value = sonde_limit_read_sysctl (&limits[i], root);
      if (value != NULL)
        g_variant_builder_add (&builder, "{sv}", limits[i].sysctl, value);
    }

  return g_variant_builder_end (&builder);
}
