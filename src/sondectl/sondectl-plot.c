/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Draws times by percentile as SVG. Both axes are logarithmic, the one of percentiles in
 * what is left to 100 %: each step to the right is the worst tenth of the step before.
 * All coordinates are integers, which are written the same in every language. */

#include "config.h"

#include "sondectl-plot.h"

#include <glib/gi18n.h>
#include <math.h>

#include "sondectl-format.h"

#define WIDTH 900
#define HEIGHT 500
#define LEFT 90
#define RIGHT 30
#define TOP 60
#define BOTTOM 60
#define STEPS_PER_DECADE 40
#define LEGEND_STEP 22
#define NSEC_PER_USEC 1000

typedef struct
{
  GString *svg;     /* (unowned) */
  double   n_nines; /* decades on the axis of percentiles */
  double   low;     /* decimal logarithms of nanoseconds */
  double   high;
} Plot;

static int
get_x (const Plot *self,
       double      nines)
{
  return (int) lrint (LEFT + (WIDTH - LEFT - RIGHT) * nines / self->n_nines);
}

static int
get_y (const Plot *self,
       double      exponent)
{
  const double part = (exponent - self->low) / (self->high - self->low);

  return (int) lrint (HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part);
}

static double
get_percentile (double nines)
{
  return 100 - 100 * pow (10, -nines);
}

static double
get_exponent (const SondectlHistogram *histogram,
              double                   nines)
{
  const guint64 value = sondectl_histogram_get_percentile (histogram, get_percentile (nines));

  return log10 ((double) MAX (value, NSEC_PER_USEC));
}

/* As far to the right as there are values to tell of, and from the decade of the least to
 * that of the greatest. */
static void
plot_init (Plot                *self,
           GString             *svg,
           const SondectlCurve *curves,
           guint                n_curves)
{
  *self = (Plot){ .svg = svg, .n_nines = 1, .low = 18, .high = 0 };

  for (guint i = 0; i < n_curves; i++)
    {
      const SondectlHistogram *histogram = curves[i].histogram;
      const double             n_values = (double) MAX (histogram->n_values, 10);

      self->n_nines = MAX (self->n_nines, floor (log10 (n_values)));
      self->low = MIN (self->low, floor (get_exponent (histogram, 0)));
      self->high = MAX (self->high, ceil (log10 ((double) MAX (histogram->max, 2))));
    }

  self->high = MAX (self->high, self->low + 1);
}

static void
append_text (Plot       *self,
             int         x,
             int         y,
             const char *anchor,
             const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);

  g_string_append_printf (self->svg,
                          "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
                          x,
                          y,
                          anchor,
                          escaped);
}

static void
append_line (Plot *self,
             int   x1,
             int   y1,
             int   x2,
             int   y2)
{
  g_string_append_printf (self->svg,
                          "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#ddd\"/>\n",
                          x1,
                          y1,
                          x2,
                          y2);
}

static void
draw_percentiles (Plot *self)
{
  for (int nines = 0; nines <= (int) self->n_nines; nines++)
    {
      const int x = get_x (self, nines);
      g_autoptr (GString) label = g_string_new (nines == 0 ? "0" : "9");

      for (int i = 1; i < nines; i++)
        g_string_append (label, i == 2 ? ".9" : "9");
      g_string_append (label, nines == 1 ? "0 %" : " %");
      append_line (self, x, TOP, x, HEIGHT - BOTTOM);
      append_text (self, x, HEIGHT - BOTTOM + 20, "middle", label->str);
    }

  append_text (self, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 15, "middle", _ ("Percentile"));
}

static void
draw_times (Plot *self)
{
  for (int exponent = (int) self->low; exponent <= (int) self->high; exponent++)
    {
      const int        y = get_y (self, exponent);
      g_autofree char *label = NULL;

      label = sondectl_format_duration ((guint64) pow (10, exponent) / NSEC_PER_USEC);
      append_line (self, LEFT, y, WIDTH - RIGHT, y);
      append_text (self, LEFT - 8, y + 4, "end", label);
    }
}

static void
draw_curve (Plot                *self,
            const SondectlCurve *curve,
            guint                index)
{
  const int n_steps = (int) self->n_nines * STEPS_PER_DECADE;
  const int y = TOP + 16 + (int) index * LEGEND_STEP;

  g_string_append_printf (self->svg,
                          "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"",
                          curve->colour);
  for (int i = 0; i <= n_steps; i++)
    {
      const double nines = (double) i / STEPS_PER_DECADE;

      g_string_append_printf (self->svg,
                              "%s%d,%d",
                              i > 0 ? " " : "",
                              get_x (self, nines),
                              get_y (self, get_exponent (curve->histogram, nines)));
    }

  g_string_append_printf (self->svg,
                          "\"/>\n<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"4\" fill=\"%s\"/>\n",
                          LEFT + 16,
                          y - 6,
                          curve->colour);
  append_text (self, LEFT + 38, y, "start", curve->name);
}

/*
 * sondectl_plot_percentiles:
 * @title: what it is about
 * @curves: (array length=n_curves): what to draw
 * @n_curves: how many
 *
 * Draws times by percentile.
 *
 * Returns: (transfer full): an SVG document
 */
char *
sondectl_plot_percentiles (const char          *title,
                           const SondectlCurve *curves,
                           guint                n_curves)
{
  GString *svg = g_string_new (NULL);
  Plot     plot;

  plot_init (&plot, svg, curves, n_curves);
  g_string_append_printf (svg,
                          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                          "font-family=\"sans-serif\" font-size=\"13\">\n"
                          "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
                          WIDTH,
                          HEIGHT);
  append_text (&plot, LEFT, TOP / 2, "start", title);
  draw_percentiles (&plot);
  draw_times (&plot);
  for (guint i = 0; i < n_curves; i++)
    draw_curve (&plot, &curves[i], i);
  g_string_append (svg, "</svg>\n");

  return g_string_free (svg, FALSE);
}
