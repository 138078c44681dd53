/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-top-model.h"

G_BEGIN_DECLS

/* What of the model is on the screen, and how large that is. */
typedef struct
{
  guint    columns;
  guint    lines;
  guint    first;    /* the server in the first row */
  gboolean is_plain; /* without colours and the like */
  gboolean is_ascii; /* a terminal that knows nothing else */
} SondectlTopView;

void  sondectl_top_view_init (SondectlTopView *self);
guint sondectl_top_view_get_n_rows (const SondectlTopView *self);
void  sondectl_top_view_scroll (SondectlTopView        *self,
                                const SondectlTopModel *model,
                                int                     n_rows);
char *sondectl_top_view_draw (SondectlTopView        *self,
                              const SondectlTopModel *model);

G_END_DECLS
