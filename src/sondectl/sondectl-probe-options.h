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
  gboolean   upper;
  gboolean   seed;
  gboolean   self_test;
  char      *payload;                         /* (owned) (nullable): not given */
  char      *size;                            /* (owned) (nullable): not given */
  char      *repeat;                          /* (owned) (nullable): not given */
  char      *expect;                          /* (owned) (nullable): success */
  char      *texts[SONDECTL_PROBE_N_NUMBERS]; /* (owned) (nullable): not given */
  guint64    numbers[SONDECTL_PROBE_N_NUMBERS];
  guint      count;
  SondeMode  mode;     /* of a host; a server tells its own */
  GPtrArray *messages; /* (owned) (element-type GBytes): none for the default ones */
} SondectlProbeOptions;

gboolean    sondectl_probe_options_parse (SondectlProbeOptions *self,
                                          SondectlContext      *context,
                                          int                  *argc,
                                          char               ***argv);
void        sondectl_probe_options_clear (SondectlProbeOptions *self);
SondeProbe *sondectl_probe_options_create_probe (SondectlProbeOptions *self,
                                                 SondectlTarget       *target);
guint64     sondectl_probe_options_get_number (SondectlProbeOptions *self,
                                               const char           *property);
gboolean    sondectl_probe_options_is_expected (SondectlProbeOptions *self,
                                                SondectlExit          status);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondectlProbeOptions, sondectl_probe_options_clear)

G_END_DECLS
