/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"
#include "sondectl-target.h"

G_BEGIN_DECLS

#define SONDECTL_PROBE_N_NUMBERS 4

/* How to probe, as the command line tells. */
typedef struct
{
  gboolean upper;
  char    *texts[SONDECTL_PROBE_N_NUMBERS]; /* (owned) (nullable): not given */
  guint64  numbers[SONDECTL_PROBE_N_NUMBERS];
} SondectlProbeOptions;

gboolean    sondectl_probe_options_parse (SondectlProbeOptions *self,
                                          SondectlContext      *context,
                                          int                  *argc,
                                          char               ***argv);
void        sondectl_probe_options_clear (SondectlProbeOptions *self);
SondeProbe *sondectl_probe_options_create_probe (SondectlProbeOptions *self,
                                                 SondectlTarget       *target);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondectlProbeOptions, sondectl_probe_options_clear)

G_END_DECLS
