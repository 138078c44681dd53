/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonded-name.h"

#include <string.h>

#define NAME_MAX_BYTES 64

/*
 * sonded_name_is_valid:
 * @name: what a server shall be called
 *
 * Checks the name of a server, be it from a file or from the bus:
 * %SONDED_NAME_ALLOWED.
 */
gboolean
sonded_name_is_valid (const char *name)
{
  if (name[0] == '\0' || strlen (name) > NAME_MAX_BYTES || !g_utf8_validate (name, -1, NULL))
    return FALSE;

  for (const char *c = name; *c != '\0'; c = g_utf8_next_char (c))
    if (!g_unichar_isprint (g_utf8_get_char (c)))
      return FALSE;

  return TRUE;
}
