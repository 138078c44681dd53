/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

char *sondectl_format_address (const char *address,
                               guint16     port);
char *sondectl_format_addresses (GVariant *addresses);
char *sondectl_format_bytes (guint64 bytes);
char *sondectl_format_duration (guint64 usec);
char *sondectl_format_variant (GVariant *value);
char *sondectl_format_printable (const char *text);

gboolean sondectl_parse_duration (const char *option,
                                  const char *text,
                                  guint64    *usec,
                                  GError    **error);
gboolean sondectl_parse_size (const char *option,
                              const char *text,
                              guint64    *size,
                              GError    **error);

G_END_DECLS
