/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-terminal.h"

G_BEGIN_DECLS

typedef struct
{
  const char *heading; /* translated when it is printed */
  gboolean    is_number;
} SondectlColumn;

typedef struct _SondectlTable SondectlTable;

SondectlTable *sondectl_table_new (const SondectlColumn *columns,
                                   guint                 n_columns);
void           sondectl_table_free (SondectlTable *self);
void           sondectl_table_add_cell (SondectlTable *self,
                                        const char    *text);
void           sondectl_table_take_cell (SondectlTable *self,
                                         char          *text);
void           sondectl_table_add_styled_cell (SondectlTable *self,
                                               const char    *text,
                                               SondectlStyle  style);
void           sondectl_table_print (SondectlTable *self,
                                     gboolean       legend);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondectlTable, sondectl_table_free)

G_END_DECLS
