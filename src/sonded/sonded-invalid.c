/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonded-invalid.h"

#include <libsonde/sonde.h>

/*
 * sonded_set_invalid:
 * @error: where to put the error
 * @key: what was set, be it that somebody made the name up
 * @value: to what
 * @allowed: what it may be set to
 *
 * Reports a value that is not valid, as the library does.
 *
 * Returns: %FALSE
 */
gboolean
sonded_set_invalid (GError    **error,
                    const char *key,
                    const char *value,
                    const char *allowed)
{
  g_autofree char *key_excerpt = sonde_error_excerpt (key);
  g_autofree char *value_excerpt = sonde_error_excerpt (value);

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "%s=%s is not valid; allowed: %s",
               key_excerpt,
               value_excerpt,
               allowed);

  return FALSE;
}
