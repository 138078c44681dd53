/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-kernel-limits.h"

#include "sonde-connect-timeout-private.h"
#include "sonde-error.h"
#include "sonde-limit-private.h"
#include "sonde-tcp-counters-private.h"

/**
 * SondeKernelLimits:
 *
 * What the kernel allows TCP to do in the network namespace of the process.
 *
 * Nothing is remembered: every call reads `/proc` again. Any limit may be absent,
 * in a container or on another kernel; it then has no value. An instance never
 * changes, so threads may share it.
 *
 * Since: 0.1
 */
struct _SondeKernelLimits
{
  GObject parent_instance;

  char       *root;     /* (owned) */
  GHashTable *counters; /* (owned) (element-type utf8 guint64), at construction */
};

G_DEFINE_FINAL_TYPE (SondeKernelLimits, sonde_kernel_limits, G_TYPE_OBJECT)

typedef enum
{
  PROP_ROOT = 1,
} SondeKernelLimitsProperty;

static GParamSpec *props[PROP_ROOT + 1];

static void
sonde_kernel_limits_constructed (GObject *object)
{
  SondeKernelLimits *self = SONDE_KERNEL_LIMITS (object);

  G_OBJECT_CLASS (sonde_kernel_limits_parent_class)->constructed (object);

  if (self->root == NULL)
    self->root = g_strdup ("/");
  self->counters = sonde_tcp_counters_read (self->root);
}

static void
sonde_kernel_limits_finalize (GObject *object)
{
  SondeKernelLimits *self = SONDE_KERNEL_LIMITS (object);

  g_clear_pointer (&self->counters, g_hash_table_unref);
  g_clear_pointer (&self->root, g_free);

  G_OBJECT_CLASS (sonde_kernel_limits_parent_class)->finalize (object);
}

static void
sonde_kernel_limits_get_property (GObject    *object,
                                  guint       prop_id,
                                  GValue     *value,
                                  GParamSpec *pspec)
{
  SondeKernelLimits *self = SONDE_KERNEL_LIMITS (object);

  switch ((SondeKernelLimitsProperty) prop_id)
    {
    case PROP_ROOT:
      g_value_set_string (value, self->root);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
sonde_kernel_limits_set_property (GObject      *object,
                                  guint         prop_id,
                                  const GValue *value,
                                  GParamSpec   *pspec)
{
  SondeKernelLimits *self = SONDE_KERNEL_LIMITS (object);

  switch ((SondeKernelLimitsProperty) prop_id)
    {
    case PROP_ROOT:
      self->root = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
sonde_kernel_limits_class_init (SondeKernelLimitsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = sonde_kernel_limits_constructed;
  object_class->finalize = sonde_kernel_limits_finalize;
  object_class->get_property = sonde_kernel_limits_get_property;
  object_class->set_property = sonde_kernel_limits_set_property;

  /**
   * SondeKernelLimits:root:
   *
   * The folder in which `proc` is, for tests and containers.
   *
   * Since: 0.1
   */
  props[PROP_ROOT] =
    g_param_spec_string ("root",
                         NULL,
                         NULL,
                         "/",
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
sonde_kernel_limits_init (SondeKernelLimits *self)
{
}

/**
 * sonde_kernel_limits_new:
 *
 * Creates a view of the limits of the running kernel.
 *
 * Returns: (transfer full): a new [class@Sonde.KernelLimits]
 *
 * Since: 0.1
 */
SondeKernelLimits *
sonde_kernel_limits_new (void)
{
  return g_object_new (SONDE_TYPE_KERNEL_LIMITS, NULL);
}

/**
 * sonde_kernel_limits_new_for_root:
 * @root: the folder in which `proc` is
 *
 * Creates a view of the limits found below a folder.
 *
 * `MaxOpenFiles` is the exception: it is always that of the process itself.
 *
 * Returns: (transfer full): a new [class@Sonde.KernelLimits]
 *
 * Since: 0.1
 */
SondeKernelLimits *
sonde_kernel_limits_new_for_root (const char *root)
{
  g_return_val_if_fail (root != NULL, NULL);

  return g_object_new (SONDE_TYPE_KERNEL_LIMITS, "root", root, NULL);
}

/**
 * sonde_kernel_limits_list_names:
 *
 * Lists the limits that [method@Sonde.KernelLimits.get_value] knows.
 *
 * Returns: (transfer none) (array zero-terminated=1): the names
 *
 * Since: 0.1
 */
const char *const *
sonde_kernel_limits_list_names (void)
{
  return sonde_limit_list_names ();
}

/**
 * sonde_kernel_limits_get_value:
 * @self: the limits
 * @name: one of [func@Sonde.KernelLimits.list_names]
 *
 * Reads a limit, in the type and unit that its D-Bus property has.
 *
 * `TcpSynLinearTimeouts` is -1 where the kernel has no such limit.
 *
 * Returns: (transfer full) (nullable): the value, or %NULL if there is none
 *
 * Since: 0.1
 */
GVariant *
sonde_kernel_limits_get_value (SondeKernelLimits *self,
                               const char        *name)
{
  const SondeLimit *limit;
  GVariant         *value;

  g_return_val_if_fail (SONDE_IS_KERNEL_LIMITS (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  limit = sonde_limit_find (name);
  if (limit == NULL)
    return NULL;

  value = sonde_limit_read (limit, self->root);
  return value != NULL ? g_variant_take_ref (value) : NULL;
}

/**
 * sonde_kernel_limits_get_sysctl:
 * @self: the limits
 * @sysctl: a name such as `net.core.somaxconn`
 *
 * Reads a sysctl, in its own unit.
 *
 * Returns: (transfer full) (nullable): the value, or %NULL if it is absent, or
 *   none of those in [method@Sonde.KernelLimits.get_all]
 *
 * Since: 0.1
 */
GVariant *
sonde_kernel_limits_get_sysctl (SondeKernelLimits *self,
                                const char        *sysctl)
{
  const SondeLimit *limit;
  GVariant         *value;

  g_return_val_if_fail (SONDE_IS_KERNEL_LIMITS (self), NULL);
  g_return_val_if_fail (sysctl != NULL, NULL);

  limit = sonde_limit_find_sysctl (sysctl);
  if (limit == NULL)
    return NULL;

  value = sonde_limit_read_sysctl (limit, self->root);
  return value != NULL ? g_variant_take_ref (value) : NULL;
}

/**
 * sonde_kernel_limits_get_all:
 * @self: the limits
 *
 * Reads every sysctl that limits TCP and is present, in its own unit.
 *
 * Returns: (transfer full): an `a{sv}` by the name of the sysctl
 *
 * Since: 0.1
 */
GVariant *
sonde_kernel_limits_get_all (SondeKernelLimits *self)
{
  g_return_val_if_fail (SONDE_IS_KERNEL_LIMITS (self), NULL);

  return g_variant_ref_sink (sonde_limit_read_all (self->root));
}

/**
 * sonde_kernel_limits_get_deltas:
 * @self: the limits
 *
 * Counts what the kernel refused, dropped or sent again, in the whole network
 * namespace, since @self was created.
 *
 * Returns: (transfer full): an `a{st}` by the kernel's name of the counter,
 *   without those that it does not have
 *
 * Since: 0.1
 */
GVariant *
sonde_kernel_limits_get_deltas (SondeKernelLimits *self)
{
  g_autoptr (GHashTable) counters = NULL;

  g_return_val_if_fail (SONDE_IS_KERNEL_LIMITS (self), NULL);

  counters = sonde_tcp_counters_read (self->root);
  return g_variant_ref_sink (sonde_tcp_counters_diff (self->counters, counters));
}

/**
 * sonde_kernel_limits_compute_connect_timeout:
 * @self: the limits
 * @what_if: (nullable): an `a{sv}` of sysctls to assume instead of reading them
 * @timeout_usec: (out) (optional): return location for the time in microseconds
 * @error: return location for a [error@Sonde.Error]
 *
 * Computes when the kernel gives up connecting to a peer that does not answer.
 *
 * What can be assumed is `net.ipv4.tcp_syn_retries` (1 to 127),
 * `net.ipv4.tcp_syn_linear_timeouts` (0 to 127) and `net.ipv4.tcp_rto_max_ms`
 * (1000 to 120000), as integers of any type; anything else is
 * %SONDE_ERROR_INVALID_SETTING.
 *
 * Returns: %TRUE on success
 *
 * Since: 0.1
 */
gboolean
sonde_kernel_limits_compute_connect_timeout (SondeKernelLimits *self,
                                             GVariant          *what_if,
                                             guint64           *timeout_usec,
                                             GError           **error)
{
  g_autoptr (GVariant) assumed = NULL;
  SondeConnectTimeout timeout;

  g_return_val_if_fail (SONDE_IS_KERNEL_LIMITS (self), FALSE);
  g_return_val_if_fail (what_if == NULL ||
                          g_variant_is_of_type (what_if, G_VARIANT_TYPE_VARDICT),
                        FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  sonde_connect_timeout_read (&timeout, self->root);
  assumed = what_if != NULL ? g_variant_ref_sink (what_if) : NULL;
  if (assumed != NULL && !sonde_connect_timeout_assume (&timeout, assumed, error))
    return FALSE;

  if (timeout.syn_retries == SONDE_SYN_RETRIES_UNKNOWN)
    {
      g_set_error_literal (error,
                           SONDE_ERROR,
                           SONDE_ERROR_FAILED,
                           SONDE_SYSCTL_SYN_RETRIES " is absent here and has to be given");
      return FALSE;
    }

  if (timeout_usec != NULL)
    *timeout_usec = sonde_connect_timeout_compute (&timeout);
  return TRUE;
}
