/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* From top to bottom: a line of sums, two lines of history, a table with a row for each
 * server, and what the keys do. Every line is cut to the width of the screen. */

#include "config.h"

#include "sondectl-top-view.h"

#include <glib/gi18n.h>

#include "sondectl-format.h"
#include "sondectl-line.h"
#include "sondectl-terminal.h"

/* Lines beside the rows of the table: four above, one below. */
#define LINES_ABOVE 5
#define LINES_BELOW 1

#define HEADING "\033[7m"

/* Width of the labels in front of the histories. */
#define LABEL_WIDTH 14

enum
{
  SERVER,
  STATE,
  CONNECTIONS,
  ACCEPTED,
  RECEIVED,
  SENT,
  QUEUE,
  REFUSED,
  N_COLUMNS
};

/* The history of the traffic takes what these leave. Translators: the headings must not
 * be wider than the columns. */
static const struct
{
  const char *heading;
  guint       width;
  gboolean    is_number;
} columns[] = {
  [SERVER] = { N_ ("SERVER"), 14, FALSE },
  [STATE] = { N_ ("STATE"), 9, FALSE },
  [CONNECTIONS] = { N_ ("CONNS"), 6, TRUE },
  [ACCEPTED] = { N_ ("NEW/S"), 6, TRUE },
  [RECEIVED] = { N_ ("IN/S"), 6, TRUE },
  [SENT] = { N_ ("OUT/S"), 6, TRUE },
  [QUEUE] = { N_ ("QUEUE"), 9, TRUE },
  [REFUSED] = { N_ ("REFUSED"), 7, TRUE },
};

G_STATIC_ASSERT (G_N_ELEMENTS (columns) == N_COLUMNS);

static const char *const orders[] = {
  [SONDECTL_TOP_BY_NAME] = N_ ("name"),
  [SONDECTL_TOP_BY_CONNECTIONS] = N_ ("connections"),
  [SONDECTL_TOP_BY_TRAFFIC] = N_ ("traffic"),
};

G_STATIC_ASSERT (G_N_ELEMENTS (orders) == SONDECTL_TOP_N_ORDERS);

static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const ascii_blocks[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };

G_STATIC_ASSERT (G_N_ELEMENTS (blocks) == G_N_ELEMENTS (ascii_blocks));

static void
take_cell (SondectlLine *line,
           guint         column,
           char         *text)
{
  sondectl_line_add_cell (line, text, columns[column].width, columns[column].is_number);
  g_free (text);
}

static void
add_history (SondectlLine          *line,
             gboolean               is_ascii,
             const SondectlHistory *history,
             double                 max)
{
  const char *const *signs = is_ascii ? ascii_blocks : blocks;
  const guint        n_levels = G_N_ELEMENTS (blocks) - 1;

  for (guint age = line->left; age > 0; age--)
    {
      const double value = sondectl_history_get (history, age - 1);
      const guint  level = max > 0 ? (guint) (value / max * n_levels) : 0;

      /* Little is not nothing. */
      sondectl_line_add_text (line, signs[value > 0 ? CLAMP (level, 1, n_levels) : 0]);
    }
}

static SondectlLine
begin_line (const SondectlTopView *self,
            GString               *text)
{
  return (SondectlLine){ .text = text, .left = self->columns, .is_plain = self->is_plain };
}

static char *
format_rate (double rate)
{
  return sondectl_format_bytes ((guint64) (rate + 0.5));
}

static void
draw_sums (const SondectlTopView  *self,
           const SondectlTopModel *model,
           GString                *text)
{
  SondectlLine     line = begin_line (self, text);
  const guint      n_servers = model->servers->len;
  const guint      n_connections = model->n_connections;
  g_autofree char *traffic = format_rate (sondectl_history_get (&model->traffic, 0));
  g_autofree char *servers = NULL;
  g_autofree char *connections = NULL;
  g_autofree char *sums = NULL;

  servers = g_strdup_printf (ngettext ("%u server", "%u servers", n_servers), n_servers);
  connections =
    g_strdup_printf (ngettext ("%u connection", "%u connections", n_connections), n_connections);
  /* Translators: servers, connections, bytes per second. */
  sums = g_strdup_printf (_ ("%s, %s, %s/s in and out"), servers, connections, traffic);
  sondectl_line_add_text (&line, "sondectl top - ");
  sondectl_line_add_text (&line, sums);
  sondectl_line_end (&line);
}

static void
draw_history (const SondectlTopView *self,
              const char            *label,
              const SondectlHistory *history,
              GString               *text)
{
  SondectlLine     line = begin_line (self, text);
  const guint      n_values = self->columns > 2 * LABEL_WIDTH ? self->columns - 2 * LABEL_WIDTH : 0;
  const double     max = sondectl_history_get_max (history, n_values);
  g_autofree char *number = format_rate (max);
  g_autofree char *scale = NULL;
  SondectlLine     graph;

  sondectl_line_add_cell (&line, label, LABEL_WIDTH - 1, FALSE);
  graph = begin_line (self, text);
  graph.left = MIN (n_values, line.left);
  line.left -= graph.left;
  add_history (&graph, self->is_ascii, history, max);
  sondectl_line_add_spaces (&graph, graph.left);
  /* Translators: the greatest value of a history. */
  scale = g_strdup_printf (_ (" max %s"), number);
  sondectl_line_add_text (&line, scale);
  sondectl_line_end (&line);
}

static void
draw_headings (const SondectlTopView *self,
               GString               *text)
{
  SondectlLine line = begin_line (self, text);

  sondectl_line_add_attribute (&line, HEADING);
  for (guint i = 0; i < N_COLUMNS; i++)
    sondectl_line_add_cell (&line,
                            _ (columns[i].heading),
                            columns[i].width,
                            columns[i].is_number);
  sondectl_line_add_text (&line, _ ("TRAFFIC"));
  sondectl_line_add_spaces (&line, line.left);
  sondectl_line_end (&line);
}

static SondectlStyle
choose_style (const SondectlTopServer *server)
{
  if (g_str_equal (server->state, "failed"))
    return SONDECTL_STYLE_BAD;
  if (server->queue_limit > 0 && server->queue_depth >= server->queue_limit)
    return SONDECTL_STYLE_BAD;
  if (server->queue_limit > 0 && server->queue_depth >= server->queue_limit / 2 + 1)
    return SONDECTL_STYLE_WARN;
  if (!g_str_equal (server->state, "listening"))
    return SONDECTL_STYLE_FAINT;

  return SONDECTL_STYLE_PLAIN;
}

static void
draw_server (const SondectlTopView   *self,
             const SondectlTopServer *server,
             GString                 *text)
{
  SondectlLine line = begin_line (self, text);
  double       max;

  sondectl_line_add_attribute (&line, sondectl_terminal_begin (choose_style (server)));
  take_cell (&line, SERVER, sondectl_format_printable (server->name));
  take_cell (&line, STATE, sondectl_format_printable (server->state));
  take_cell (&line, CONNECTIONS, sondectl_format_bytes (server->n_connections));
  take_cell (&line, ACCEPTED, format_rate (server->accept_rate));
  take_cell (&line, RECEIVED, format_rate (server->receive_rate));
  take_cell (&line, SENT, format_rate (server->send_rate));
  take_cell (&line,
             QUEUE,
             g_strdup_printf ("%u/%u", server->queue_depth, server->queue_limit));
  take_cell (&line, REFUSED, sondectl_format_bytes (server->n_refused));
  max = sondectl_history_get_max (&server->traffic, line.left);
  add_history (&line, self->is_ascii, &server->traffic, max);
  sondectl_line_end (&line);
}

static void
draw_servers (const SondectlTopView  *self,
              const SondectlTopModel *model,
              GString                *text)
{
  const guint n_rows = sondectl_top_view_get_n_rows (self);

  for (guint i = 0; i < n_rows; i++)
    {
      SondectlLine line = begin_line (self, text);

      if (self->first + i < model->servers->len)
        draw_server (self, model->servers->pdata[self->first + i], text);
      else
        sondectl_line_end (&line);
    }
}

/* The last line does not end with a line feed, which would scroll the screen. */
static void
draw_keys (const SondectlTopView  *self,
           const SondectlTopModel *model,
           GString                *text)
{
  SondectlLine     line = begin_line (self, text);
  const guint      n_rows = sondectl_top_view_get_n_rows (self);
  const guint      last = MIN (self->first + n_rows, model->servers->len);
  g_autofree char *keys = NULL;

  /* Translators: what it is sorted by. Keep the letters of the keys. */
  keys = g_strdup_printf (_ ("q quit  s sort (%s)  arrows scroll"), _ (orders[model->order]));
  sondectl_line_add_text (&line, keys);
  if (model->servers->len > n_rows)
    {
      g_autofree char *place = NULL;

      /* Translators: first and last server on the screen, how many there are. */
      place = g_strdup_printf (_ ("  %u to %u of %u"), self->first + 1, last, model->servers->len);
      sondectl_line_add_text (&line, place);
    }
  g_string_append (text, SONDECTL_LINE_CLEAR);
}

/* A screen that is too low for everything shows what is above. */
static void
cut_below (const SondectlTopView *self,
           GString               *text)
{
  const char *end = text->str;

  for (guint i = 0; i < self->lines && end != NULL; i++)
    end = strstr (i > 0 ? end + strlen (SONDECTL_LINE_BREAK) : end, SONDECTL_LINE_BREAK);
  if (end != NULL)
    g_string_truncate (text, end - text->str);
}

/*
 * sondectl_top_view_init:
 * @self: (out caller-allocates): a view
 *
 * Finds out what the terminal can show.
 */
void
sondectl_top_view_init (SondectlTopView *self)
{
  *self = (SondectlTopView){
    .is_plain = sondectl_terminal_begin (SONDECTL_STYLE_HEADING)[0] == '\0',
    .is_ascii = !g_get_charset (NULL),
  };
}

/*
 * sondectl_top_view_get_n_rows:
 * @self: a view
 *
 * Counts the servers that have room on the screen, at least one.
 */
guint
sondectl_top_view_get_n_rows (const SondectlTopView *self)
{
  return self->lines > LINES_ABOVE + LINES_BELOW ? self->lines - LINES_ABOVE - LINES_BELOW : 1;
}

/*
 * sondectl_top_view_scroll:
 * @self: a view
 * @model: what it shows
 * @n_rows: how far down, or up if it is negative
 *
 * Shows other servers, but none that there are not.
 */
void
sondectl_top_view_scroll (SondectlTopView        *self,
                          const SondectlTopModel *model,
                          int                     n_rows)
{
  const int n_hidden = (int) model->servers->len - (int) sondectl_top_view_get_n_rows (self);

  self->first = (guint) CLAMP ((int) self->first + n_rows, 0, MAX (n_hidden, 0));
}

/*
 * sondectl_top_view_draw:
 * @self: a view
 * @model: what to show
 *
 * Draws the screen from its first column in its first line to its last.
 *
 * Returns: (transfer full): what to write to the terminal
 */
char *
sondectl_top_view_draw (SondectlTopView        *self,
                        const SondectlTopModel *model)
{
  GString     *text = g_string_new ("\033[H");
  SondectlLine empty = begin_line (self, text);

  /* Servers that are gone, or a larger screen, may have left a gap. */
  sondectl_top_view_scroll (self, model, 0);
  draw_sums (self, model, text);
  draw_history (self, _ ("Traffic/s"), &model->traffic, text);
  draw_history (self, _ ("Connections"), &model->connections, text);
  sondectl_line_end (&empty);
  draw_headings (self, text);
  draw_servers (self, model, text);
  draw_keys (self, model, text);
  cut_below (self, text);

  return g_string_free (text, FALSE);
}
