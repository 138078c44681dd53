/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SONDE_SYSCTL_SYN_RETRIES "net.ipv4.tcp_syn_retries"
#define SONDE_SYSCTL_SYN_LINEAR_TIMEOUTS "net.ipv4.tcp_syn_linear_timeouts"
#define SONDE_SYSCTL_RTO_MAX "net.ipv4.tcp_rto_max_ms"

/* What the connect timeout depends on. */
typedef struct
{
  guint syn_retries; /* may be unknown */
  guint linear_timeouts;
  guint rto_max_ms;
} SondeConnectTimeout;

#define SONDE_SYN_RETRIES_UNKNOWN G_MAXUINT

void     sonde_connect_timeout_read (SondeConnectTimeout *self,
                                     const char          *root);
gboolean sonde_connect_timeout_assume (SondeConnectTimeout *self,
                                       GVariant            *what_if,
                                       GError             **error);
guint64  sonde_connect_timeout_compute (const SondeConnectTimeout *self);

guint64 sonde_connect_timeout_model (guint syn_retries,
                                     guint linear_timeouts,
                                     guint rto_max_ms);
guint64 sonde_connect_timeout_classic (guint retries);

G_END_DECLS
