/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sondectl-terminal.h"

G_BEGIN_DECLS

char *sondectl_format_address (const char *address,
                               guint16     port);
char *sondectl_format_addresses (GVariant *addresses);
char *sondectl_format_bytes (guint64 bytes);
char *sondectl_format_duration (guint64 usec);
char *sondectl_format_variant (GVariant *value);
char *sondectl_format_setting (const char *key,
                               GVariant   *value);
char *sondectl_format_printable (const char *text);
guint sondectl_format_get_width (const char *text);

SondectlStyle sondectl_format_get_state_style (const char *state);

gboolean sondectl_parse_id (const char *text,
                            guint64    *id,
                            GError    **error);
gboolean sondectl_parse_duration (const char *option,
                                  const char *text,
                                  guint64    *usec,
                                  GError    **error);
gboolean sondectl_parse_size (const char *option,
                              const char *text,
                              guint64    *size,
                              GError    **error);

G_END_DECLS
