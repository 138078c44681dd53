/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-probe-request-private.h"
#include "sonde-probe.h"

G_BEGIN_DECLS

struct _SondeProbe
{
  GObject parent_instance;

  SondeProbeRequest request;
};

void sonde_probe_emit_progress (guint64  n_received,
                                guint64  n_expected,
                                gpointer user_data);

G_END_DECLS
