/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sonde-mode.h"

G_BEGIN_DECLS

/* A place in a list of messages that are read as one stream, over and over. */
typedef struct
{
  GPtrArray *messages; /* (unowned) (element-type GBytes) */
  guint      n_more;   /* how many times again after this one */
  guint      index;
  gsize      offset;
} SondeCursor;

void          sonde_cursor_init (SondeCursor *self,
                                 GPtrArray   *messages,
                                 guint        count);
const guint8 *sonde_cursor_peek (SondeCursor *self,
                                 gsize       *length);
void          sonde_cursor_advance (SondeCursor *self,
                                    gsize        length);

/* The answer that a peer owes to messages, as far as it has come. */
typedef struct
{
  SondeCursor cursor;
  SondeMode   mode;
  const char *target;     /* (unowned), host and port for messages */
  guint64     n_expected; /* at most */
  guint64     n_matched;
  gboolean    any_length; /* once something came */
  gboolean    needs_eof;  /* before the peer can answer at all */
} SondeAnswer;

void     sonde_answer_init (SondeAnswer *self,
                            GPtrArray   *messages,
                            guint        count,
                            SondeMode    mode,
                            guint        read_size,
                            const char  *target);
gboolean sonde_answer_match (SondeAnswer  *self,
                             const guint8 *data,
                             gsize         length,
                             GError      **error);
gboolean sonde_answer_is_whole (SondeAnswer *self);
gboolean sonde_answer_may_end (SondeAnswer *self);

G_END_DECLS
