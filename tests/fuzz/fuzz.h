/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

/* What libFuzzer calls with each input that it thinks of, and fuzz-main.c with
 * each file of a corpus. What must not happen aborts. */
int LLVMFuzzerTestOneInput (const guint8 *data,
                            gsize         size);
