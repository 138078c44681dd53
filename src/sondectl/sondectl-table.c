/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-table.h"

#include <glib/gi18n.h>
#include <unistd.h>

#include "sondectl-format.h"

#define GAP 2
#define BOLD "\033[1m"
#define NORMAL "\033[0m"

struct _SondectlTable
{
  const SondectlColumn *columns; /* (unowned), constant */
  guint                 n_columns;
  GPtrArray            *cells; /* (owned) (element-type utf8), row by row */
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
  g_free (self);
}

/*
 * sondectl_table_add_cell:
 * @self: a table
 * @text: (nullable): what is in it; nothing shows as a dash
 *
 * Adds the next cell, from left to right and row by row.
 */
void
sondectl_table_add_cell (SondectlTable *self,
                         const char    *text)
{
  const gboolean is_empty = text == NULL || text[0] == '\0';

  g_ptr_array_add (self->cells, sondectl_format_printable (is_empty ? "-" : text));
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

static gboolean
can_be_bold (void)
{
  const char *no_color = g_getenv ("NO_COLOR");

  if (no_color != NULL && no_color[0] != '\0')
    return FALSE;
  if (g_strcmp0 (g_getenv ("TERM"), "dumb") == 0)
    return FALSE;

  return isatty (STDOUT_FILENO);
}

static glong *
measure (SondectlTable *self,
         gboolean       legend)
{
  glong *widths = g_new0 (glong, self->n_columns);

  for (guint i = 0; legend && i < self->n_columns; i++)
    widths[i] = g_utf8_strlen (_ (self->columns[i].heading), -1);
  for (guint i = 0; i < self->cells->len; i++)
    {
      glong *width = &widths[i % self->n_columns];

      *width = MAX (*width, g_utf8_strlen (self->cells->pdata[i], -1));
    }

  return widths;
}

static void
append_cell (SondectlTable *self,
             GString       *line,
             guint          column,
             glong          width,
             const char    *text)
{
  const int padding = (int) (width - g_utf8_strlen (text, -1));

  if (column > 0)
    g_string_append_printf (line, "%*s", GAP, "");
  if (self->columns[column].is_number)
    g_string_append_printf (line, "%*s%s", padding, "", text);
  else if (column + 1 < self->n_columns)
    g_string_append_printf (line, "%s%*s", text, padding, "");
  else
    g_string_append (line, text);
}

static void
print_headings (SondectlTable *self,
                const glong   *widths)
{
  const gboolean bold = can_be_bold ();
  g_autoptr (GString) line = g_string_new (NULL);

  for (guint i = 0; i < self->n_columns; i++)
    append_cell (self, line, i, widths[i], _ (self->columns[i].heading));
  g_print ("%s%s%s\n", bold ? BOLD : "", line->str, bold ? NORMAL : "");
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
  g_autofree glong *widths = measure (self, legend);
  g_autoptr (GString) line = g_string_new (NULL);

  if (legend)
    print_headings (self, widths);
  for (guint i = 0; i < self->cells->len; i++)
    {
      const guint column = i % self->n_columns;

      append_cell (self, line, column, widths[column], self->cells->pdata[i]);
      if (column + 1 < self->n_columns)
        continue;

      g_print ("%s\n", line->str);
      g_string_truncate (line, 0);
    }
}
