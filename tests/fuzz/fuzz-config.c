/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* A configuration: any text is either one, or refused with its file and line. */

#include "config.h"

#include "fuzz.h"

#include <sonded/sonded-config.h>

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (SondedConfig) config = sonded_config_parse ("fuzz.conf", text, &error);

  g_assert_true ((config == NULL) == (error != NULL));
  if (error == NULL)
    return 0;

  g_assert_true (g_error_matches (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING));
  g_assert_true (g_str_has_prefix (error->message, "fuzz.conf:"));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));

  return 0;
}
