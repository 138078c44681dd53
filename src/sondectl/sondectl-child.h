/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  SONDECTL_CHILD_FOREGROUND, /* hears Ctrl-C as we do */
  SONDECTL_CHILD_BACKGROUND, /* ends when we say so */
} SondectlChildKind;

GSubprocessLauncher *sondectl_child_create_launcher (SondectlChildKind kind,
                                                     GSubprocessFlags  flags);
void                 sondectl_child_end (GSubprocess *child);

G_END_DECLS
