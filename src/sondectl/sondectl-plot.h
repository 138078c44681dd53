/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-histogram.h"

G_BEGIN_DECLS

/* A line of a plot. */
typedef struct
{
  const SondectlHistogram *histogram; /* (unowned), of nanoseconds */
  const char              *name;      /* (unowned) */
  const char              *colour;    /* (unowned), as in SVG */
} SondectlCurve;

char *sondectl_plot_percentiles (const char          *title,
                                 const SondectlCurve *curves,
                                 guint                n_curves);

G_END_DECLS
