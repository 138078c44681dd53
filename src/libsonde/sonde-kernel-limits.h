/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include <libsonde/sonde-macros.h>

G_BEGIN_DECLS

#define SONDE_TYPE_KERNEL_LIMITS (sonde_kernel_limits_get_type ())
SONDE_API
G_DECLARE_FINAL_TYPE (SondeKernelLimits, sonde_kernel_limits, SONDE, KERNEL_LIMITS, GObject)

SONDE_API SondeKernelLimits *sonde_kernel_limits_new (void);
SONDE_API SondeKernelLimits *sonde_kernel_limits_new_for_root (const char *root);

SONDE_API const char *const *sonde_kernel_limits_list_names (void);
SONDE_API GVariant          *sonde_kernel_limits_get_value (SondeKernelLimits *self,
                                                            const char        *name);
SONDE_API GVariant          *sonde_kernel_limits_get_sysctl (SondeKernelLimits *self,
                                                             const char        *sysctl);
SONDE_API GVariant          *sonde_kernel_limits_get_all (SondeKernelLimits *self);
SONDE_API GVariant          *sonde_kernel_limits_get_deltas (SondeKernelLimits *self);

SONDE_API gboolean sonde_kernel_limits_compute_connect_timeout (SondeKernelLimits *self,
                                                                GVariant          *what_if,
                                                                guint64           *timeout_usec,
                                                                GError           **error);

G_END_DECLS
