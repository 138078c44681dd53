/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-probe-options.h"

G_BEGIN_DECLS

/* One client of one target, and what came of it. */
typedef struct
{
  SondectlTarget *target;  /* (unowned) */
  GBytes         *message; /* (unowned) (nullable): in a self-test, its own */
  gboolean        is_done;
  SondectlExit    status;
  gboolean        is_expected;
  GVariant       *result; /* (owned) (nullable) */
  GError         *error;  /* (owned) (nullable) */
} SondectlProbeOutcome;

void sondectl_probe_outcome_free (SondectlProbeOutcome *self);

void sondectl_probe_print_json (SondectlContext *context,
                                GPtrArray       *outcomes);
void sondectl_probe_print_table (SondectlContext *context,
                                 GPtrArray       *outcomes);
void sondectl_probe_print_details (SondectlContext      *context,
                                   SondectlProbeOutcome *outcome,
                                   SondectlProbeOptions *options);

G_END_DECLS
