/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-table.h"

#include <glib/gi18n.h>

#include "sondectl-format.h"

#define GAP 2

struct _SondectlTable
{
  const SondectlColumn *columns; /* (unowned), constant */
  guint                 n_columns;
  GPtrArray            *cells;  /* (owned) (element-type utf8), row by row */
  GArray               *styles; /* (owned) (element-type SondectlStyle), one for each */
};

/*
 * sondectl_table_new:
 * @columns: (array length=n_columns): constant
 * @n_columns: how many
 *
 * Creates a table without a row.
 */
SondectlTable *
sondectl_table_new (const SondectlColumn *columns,
                    guint                 n_columns)
{
  SondectlTable *self = g_new0 (SondectlTable, 1);

  self->columns = columns;
  self->n_columns = n_columns;
  self->cells = g_ptr_array_new_with_free_func (g_free);
  self->styles = g_array_new (FALSE, FALSE, sizeof (SondectlStyle));

  return self;
}

/*
 * sondectl_table_free:
 * @self: (transfer full): a table
 */
void
sondectl_table_free (SondectlTable *self)
{
  g_clear_pointer (&self->cells, g_ptr_array_unref);
  g_clear_pointer (&self->styles, g_array_unref);
  g_free (self);
}

/*
 * sondectl_table_add_styled_cell:
 * @self: a table
 * @text: (nullable): what is in it; nothing shows as a dash
 * @style: how it looks on a terminal
 *
 * Adds the next cell, from left to right and row by row.
 */
void
sondectl_table_add_styled_cell (SondectlTable *self,
                                const char    *text,
                                SondectlStyle  style)
{
  const gboolean is_empty = text == NULL || text[0] == '\0';

  g_ptr_array_add (self->cells, sondectl_format_printable (is_empty ? "-" : text));
  g_array_append_val (self->styles, style);
}

/*
 * sondectl_table_add_cell:
 * @self: a table
 * @text: (nullable): what is in it; nothing shows as a dash
 *
 * Adds the next cell, as sondectl_table_add_styled_cell() does, without a style.
 */
void
sondectl_table_add_cell (SondectlTable *self,
                         const char    *text)
{
  sondectl_table_add_styled_cell (self, text, SONDECTL_STYLE_PLAIN);
}

/*
 * sondectl_table_take_cell:
 * @self: a table
 * @text: (transfer full) (nullable): what is in it; nothing shows as a dash
 *
 * Adds the next cell as sondectl_table_add_cell() does, and frees its text.
 */
void
sondectl_table_take_cell (SondectlTable *self,
                          char          *text)
{
  sondectl_table_add_cell (self, text);
  g_free (text);
}

static guint *
measure (SondectlTable *self,
         gboolean       legend)
{
  guint *widths = g_new0 (guint, self->n_columns);

  for (guint i = 0; legend && i < self->n_columns; i++)
    widths[i] = sondectl_format_get_width (_ (self->columns[i].heading));
  for (guint i = 0; i < self->cells->len; i++)
    {
      guint *width = &widths[i % self->n_columns];

      *width = MAX (*width, sondectl_format_get_width (self->cells->pdata[i]));
    }

  return widths;
}

static void
append_cell (SondectlTable *self,
             GString       *line,
             guint          column,
             guint          width,
             const char    *text,
             SondectlStyle  style)
{
  const int   padding = (int) (width - sondectl_format_get_width (text));
  const char *begin = sondectl_terminal_begin (style);
  const char *end = sondectl_terminal_end (style);

  if (column > 0)
    g_string_append_printf (line, "%*s", GAP, "");
  if (self->columns[column].is_number)
    g_string_append_printf (line, "%*s%s%s%s", padding, "", begin, text, end);
  else if (column + 1 < self->n_columns)
    g_string_append_printf (line, "%s%s%s%*s", begin, text, end, padding, "");
  else
    g_string_append_printf (line, "%s%s%s", begin, text, end);
}

static void
print_headings (SondectlTable *self,
                const guint   *widths)
{
  g_autoptr (GString) line = g_string_new (NULL);

  for (guint i = 0; i < self->n_columns; i++)
    append_cell (self, line, i, widths[i], _ (self->columns[i].heading), SONDECTL_STYLE_PLAIN);
  g_print ("%s%s%s\n",
           sondectl_terminal_begin (SONDECTL_STYLE_HEADING),
           line->str,
           sondectl_terminal_end (SONDECTL_STYLE_HEADING));
}

/*
 * sondectl_table_print:
 * @self: a table
 * @legend: whether the headings are printed too
 *
 * Prints the table, columns aligned: numbers to the right, text to the left.
 */
void
sondectl_table_print (SondectlTable *self,
                      gboolean       legend)
{
  g_autofree guint *widths = measure (self, legend);
  g_autoptr (GString) line = g_string_new (NULL);

  sondectl_terminal_open_pager ();
  if (legend)
    print_headings (self, widths);
  for (guint i = 0; i < self->cells->len; i++)
    {
      const guint         column = i % self->n_columns;
      const SondectlStyle style = g_array_index (self->styles, SondectlStyle, i);

      append_cell (self, line, column, widths[column], self->cells->pdata[i], style);
      if (column + 1 < self->n_columns)
        continue;

      g_print ("%s\n", line->str);
      g_string_truncate (line, 0);
    }
}
