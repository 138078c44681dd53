/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

/* What can happen while somebody watches. */
typedef enum
{
  SONDECTL_EVENT_APPEARED,
  SONDECTL_EVENT_VANISHED,
  SONDECTL_EVENT_ADDED,
  SONDECTL_EVENT_REMOVED,
  SONDECTL_EVENT_CHANGED,
} SondectlEvent;

void sondectl_event_print (SondectlContext *context,
                           SondectlEvent    event,
                           const char      *server,
                           GVariant        *properties);

G_END_DECLS
