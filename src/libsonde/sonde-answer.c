/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What a peer owes for the messages that it gets, worked out block by block as
 * the answer comes in: neither is ever kept, whatever their size. */

#include "config.h"

#include "sonde-answer-private.h"

#include <string.h>

#include "sonde-error.h"
#include "sonde-mode-private.h"

#define BLOCK_SIZE 4096

static guint64
count_bytes (GPtrArray *messages)
{
  guint64 n_bytes = 0;

  for (guint i = 0; i < messages->len; i++)
    n_bytes += g_bytes_get_size (g_ptr_array_index (messages, i));

  return n_bytes;
}

/*
 * sonde_cursor_init:
 * @self: (out caller-allocates): a cursor
 * @messages: (element-type GBytes): what to read; must outlive the cursor
 * @count: how many times, at least once
 *
 * Begins at the first byte of messages.
 */
void
sonde_cursor_init (SondeCursor *self,
                   GPtrArray   *messages,
                   guint        count)
{
  /* Nothing, over and over, would only take time. */
  *self = (SondeCursor){
    .messages = messages,
    .n_more = count_bytes (messages) > 0 ? count - 1 : 0,
  };
}

static gboolean
begin_again (SondeCursor *self)
{
  if (self->n_more == 0)
    return FALSE;

  self->n_more--;
  self->index = 0;

  return TRUE;
}

/*
 * sonde_cursor_peek:
 * @self: a cursor
 * @length: (out): how many bytes there are in one piece, 0 at the end
 *
 * Gets the bytes at a cursor.
 *
 * Returns: (nullable) (array length=length): the bytes, %NULL at the end
 */
const guint8 *
sonde_cursor_peek (SondeCursor *self,
                   gsize       *length)
{
  for (; self->index < self->messages->len || begin_again (self); self->index++, self->offset = 0)
    {
      gsize         size = 0;
      const guint8 *data = g_bytes_get_data (g_ptr_array_index (self->messages, self->index),
                                             &size);

      if (self->offset < size)
        {
          *length = size - self->offset;
          return data + self->offset;
        }
    }

  *length = 0;

  return NULL;
}

/*
 * sonde_cursor_advance:
 * @self: a cursor
 * @length: how many bytes; no more than one peek brought
 *
 * Moves a cursor on.
 */
void
sonde_cursor_advance (SondeCursor *self,
                      gsize        length)
{
  self->offset += length;
}

/* The length of the first line with its newline, or 0 if it does not end. */
static guint64
measure_line (GPtrArray *messages)
{
  SondeCursor   cursor;
  guint64       n_before = 0;
  const guint8 *data;
  gsize         length;

  sonde_cursor_init (&cursor, messages, 1);
  while ((data = sonde_cursor_peek (&cursor, &length)) != NULL)
    {
      const guint8 *newline = memchr (data, '\n', length);

      if (newline != NULL)
        return n_before + (newline - data) + 1;

      n_before += length;
      sonde_cursor_advance (&cursor, length);
    }

  return 0;
}

/*
 * sonde_answer_init:
 * @self: an answer
 * @messages: (element-type GBytes): what is sent; must outlive the answer
 * @count: how many times it is sent, at least once
 * @mode: what the peer does with it
 * @read_size: how much a peer reads that reads only once
 * @target: the peer's name for messages
 *
 * Works out what answer to expect.
 */
void
sonde_answer_init (SondeAnswer *self,
                   GPtrArray   *messages,
                   guint        count,
                   SondeMode    mode,
                   guint        read_size,
                   const char  *target)
{
  const SondeModeEnd end = sonde_mode_get_end (mode);
  const guint64      n_line = end == SONDE_MODE_ENDS_AFTER_LINE ? measure_line (messages) : 0;

  *self = (SondeAnswer){
    .mode = mode,
    .target = target,
    .any_length = end == SONDE_MODE_ENDS_AFTER_READ,
    .needs_eof = end == SONDE_MODE_ENDS_AFTER_LINE && n_line == 0,
  };
  sonde_cursor_init (&self->cursor, messages, count);
  if (!g_uint64_checked_mul (&self->n_expected, count_bytes (messages), count))
    self->n_expected = G_MAXUINT64;

  if (end == SONDE_MODE_ENDS_AFTER_READ)
    self->n_expected = MIN (self->n_expected, read_size);
  if (n_line > 0)
    self->n_expected = n_line;
}

static void
set_mismatch (SondeAnswer *self,
              guint8       expected,
              guint8       got,
              GError     **error)
{
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_ECHO_MISMATCH,
               "the answer of %s differs at offset %" G_GUINT64_FORMAT
               ": expected 0x%02x, got 0x%02x",
               self->target,
               self->n_matched,
               expected,
               got);
}

static void
set_surplus (SondeAnswer *self,
             guint8       got,
             GError     **error)
{
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_ECHO_MISMATCH,
               "the answer of %s differs at offset %" G_GUINT64_FORMAT
               ": expected its end, got 0x%02x",
               self->target,
               self->n_matched,
               got);
}

static gboolean
match_block (SondeAnswer  *self,
             const guint8 *data,
             const guint8 *expected,
             gsize         length,
             GError      **error)
{
  guint8 block[BLOCK_SIZE];
  gsize  n_same = 0;

  memcpy (block, expected, length);
  sonde_mode_transform (self->mode, block, length);

  if (memcmp (block, data, length) == 0)
    {
      self->n_matched += length;
      sonde_cursor_advance (&self->cursor, length);
      return TRUE;
    }

  while (block[n_same] == data[n_same])
    n_same++;
  self->n_matched += n_same;
  set_mismatch (self, block[n_same], data[n_same], error);

  return FALSE;
}

/*
 * sonde_answer_match:
 * @self: an answer
 * @data: (array length=length): its next bytes
 * @length: how many
 * @error: (nullable): where to put the error
 *
 * Compares what came with what was expected.
 *
 * Returns: %FALSE with %SONDE_ERROR_ECHO_MISMATCH if they differ
 */
gboolean
sonde_answer_match (SondeAnswer  *self,
                    const guint8 *data,
                    gsize         length,
                    GError      **error)
{
  while (length > 0)
    {
      const guint64 n_owed = self->n_expected - self->n_matched;
      gsize         n_here;
      const guint8 *expected = sonde_cursor_peek (&self->cursor, &n_here);

      if (n_owed == 0)
        {
          set_surplus (self, data[0], error);
          return FALSE;
        }

      n_here = MIN (MIN (n_here, n_owed), MIN (length, BLOCK_SIZE));
      if (!match_block (self, data, expected, n_here, error))
        return FALSE;

      data += n_here;
      length -= n_here;
    }

  return TRUE;
}

/*
 * sonde_answer_is_whole:
 * @self: an answer
 *
 * Checks whether all that can come has come.
 */
gboolean
sonde_answer_is_whole (SondeAnswer *self)
{
  return self->n_matched == self->n_expected;
}

/*
 * sonde_answer_may_end:
 * @self: an answer
 *
 * Checks whether the peer may close before it has sent all that can come: one
 * that reads only once answers whatever that read brought.
 */
gboolean
sonde_answer_may_end (SondeAnswer *self)
{
  return self->any_length && self->n_matched > 0;
}
