/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* One line of a screen, which is never longer than that is wide. */

#include "config.h"

#include "sondectl-line.h"

#include "sondectl-format.h"

#define NORMAL "\033[m"

/*
 * sondectl_line_add_attribute:
 * @self: a line
 * @attribute: an escape sequence
 *
 * Changes how what follows looks, where the terminal can do that.
 */
void
sondectl_line_add_attribute (SondectlLine *self,
                             const char   *attribute)
{
  if (!self->is_plain)
    g_string_append (self->text, attribute);
}

/*
 * sondectl_line_add_spaces:
 * @self: a line
 * @n_columns: how many, at most
 *
 * Leaves columns free.
 */
void
sondectl_line_add_spaces (SondectlLine *self,
                          guint         n_columns)
{
  const guint n_spaces = MIN (n_columns, self->left);

  g_string_append_printf (self->text, "%*s", (int) n_spaces, "");
  self->left -= n_spaces;
}

/*
 * sondectl_line_add_text:
 * @self: a line
 * @text: what to write
 *
 * Writes as much of a text as there is room for.
 */
void
sondectl_line_add_text (SondectlLine *self,
                        const char   *text)
{
  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    {
      const gssize     length = g_utf8_next_char (c) - c;
      g_autofree char *character = g_strndup (c, length);
      const guint      width = sondectl_format_get_width (character);

      if (width > self->left)
        return;

      g_string_append (self->text, character);
      self->left -= width;
    }
}

/*
 * sondectl_line_add_cell:
 * @self: a line
 * @text: what to write
 * @width: of the cell, in columns
 * @is_number: whether to align it to the right
 *
 * Writes a text into a cell, and a space behind it. One that is too long loses its end,
 * and is never mixed up with what follows.
 */
void
sondectl_line_add_cell (SondectlLine *self,
                        const char   *text,
                        guint         width,
                        gboolean      is_number)
{
  const guint  n_columns = MIN (sondectl_format_get_width (text), width);
  SondectlLine cell = { self->text, MIN (width, self->left), self->is_plain };
  guint        n_free = cell.left;

  if (is_number)
    sondectl_line_add_spaces (&cell, width - n_columns);
  sondectl_line_add_text (&cell, text);
  sondectl_line_add_spaces (&cell, cell.left);
  self->left -= n_free;
  sondectl_line_add_spaces (self, 1);
}

/*
 * sondectl_line_end:
 * @self: a line
 *
 * Goes on to the next line of the screen.
 */
void
sondectl_line_end (SondectlLine *self)
{
  sondectl_line_add_attribute (self, NORMAL);
  g_string_append (self->text, SONDECTL_LINE_CLEAR SONDECTL_LINE_BREAK);
}
