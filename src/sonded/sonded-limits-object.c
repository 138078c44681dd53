/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The kernel's limits on the bus, read when somebody asks. */

#include "config.h"

#include "sonded-limits-object.h"

#include "sonde-dbus.h"
#include "sonded-reply.h"
#include "sonded-skeleton.h"

static gboolean
handle_compute_connect_timeout (SondeDBusKernelLimits *skeleton,
                                GDBusMethodInvocation *invocation,
                                GVariant              *what_if,
                                SondeKernelLimits     *limits)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) timeout = NULL;
  guint64 timeout_usec = 0;

  sonde_kernel_limits_compute_connect_timeout (limits, what_if, &timeout_usec, &local_error);
  timeout = g_variant_ref_sink (g_variant_new_uint64 (timeout_usec));

  return sonded_reply (invocation, timeout, local_error);
}

static gboolean
handle_get_all (SondeDBusKernelLimits *skeleton,
                GDBusMethodInvocation *invocation,
                SondeKernelLimits     *limits)
{
  g_autoptr (GVariant) all = sonde_kernel_limits_get_all (limits);

  return sonded_reply (invocation, all, NULL);
}

static gboolean
handle_get_deltas (SondeDBusKernelLimits *skeleton,
                   GDBusMethodInvocation *invocation,
                   SondeKernelLimits     *limits)
{
  g_autoptr (GVariant) deltas = sonde_kernel_limits_get_deltas (limits);

  return sonded_reply (invocation, deltas, NULL);
}

static GVariant *
get_limit (gpointer    model,
           const char *property)
{
  return sonde_kernel_limits_get_value (model, property);
}

/*
 * sonded_limits_object_new:
 * @limits: the kernel's limits, which outlive the interface
 * @authority: who decides about calls
 *
 * Makes org.sonde.Sonde1.KernelLimits.
 */
GDBusInterfaceSkeleton *
sonded_limits_object_new (SondeKernelLimits *limits,
                          SondedAuthority   *authority)
{
  GDBusInterfaceSkeleton *skeleton = sonded_skeleton_new (SONDE_DBUS_TYPE_KERNEL_LIMITS_SKELETON,
                                                          G_OBJECT (limits),
                                                          get_limit,
                                                          NULL,
                                                          authority);

  g_object_connect (skeleton,
                    "object-signal::handle-compute-connect-timeout",
                    handle_compute_connect_timeout,
                    limits,
                    "object-signal::handle-get-all", handle_get_all, limits,
                    "object-signal::handle-get-deltas", handle_get_deltas, limits,
                    NULL);

  return skeleton;
}
