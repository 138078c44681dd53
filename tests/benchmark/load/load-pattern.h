/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is sent, and what has to come back: windows into random bytes. */
typedef struct
{
  uint8_t *sent;     /* (owned) */
  uint8_t *expected; /* (owned) */
} LoadPattern;

void   load_pattern_init (LoadPattern *self,
                          size_t       size,
                          bool         is_upper);
void   load_pattern_clear (LoadPattern *self);
size_t load_pattern_get_offset (uint32_t connection,
                                uint64_t message);
