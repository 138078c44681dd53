/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

/* What may stand where a word is being typed. */
typedef struct
{
  SondectlContext *context; /* (unowned), of the words that were typed before */
  const char      *word;    /* (unowned), the word as far as it is typed */
  const char      *server;  /* (unowned) (nullable): the first argument */
} SondectlCandidates;

void sondectl_candidates_offer (SondectlCandidates *self,
                                const char         *candidate,
                                const char         *description);
void sondectl_candidates_offer_values (SondectlCandidates *self,
                                       const char         *prefix,
                                       const char         *kind);
void sondectl_candidates_offer_arguments (SondectlCandidates *self,
                                          const char         *kind);

G_END_DECLS
