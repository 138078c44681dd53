/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* One file of a configuration: read with care, and taken apart into keys. What
 * they mean is not known here. */

#include "config.h"

#include "sonded-config-file.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <libsonde/sonde.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESOURCE_SCHEME "resource://"

/* Nobody writes a configuration this long; /dev/zero does. */
#define FILE_SIZE_MAX (1024 * 1024)

/*
 * sonded_config_file_parse:
 * @path: the name of the file, for messages
 * @text: what stands in it
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Finds the groups and keys in a text.
 *
 * Returns: (transfer full): the file
 */
SondedConfigFile *
sonded_config_file_parse (const char *path,
                          const char *text,
                          GError    **error)
{
  g_autoptr (SondedConfigFile) self = g_new0 (SondedConfigFile, 1);
  g_autoptr (GError) local_error = NULL;

  self->keys = g_key_file_new ();
  self->lines = sonded_lines_index (path, text, error);
  if (self->lines == NULL)
    return NULL;
  if (g_key_file_load_from_data (self->keys, text, strlen (text), G_KEY_FILE_NONE, &local_error))
    return g_steal_pointer (&self);

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "%s: %s",
               path,
               local_error->message);

  return NULL;
}

/*
 * sonded_config_file_free:
 * @self: (transfer full): a file
 *
 * Frees it.
 */
void
sonded_config_file_free (SondedConfigFile *self)
{
  g_clear_pointer (&self->keys, g_key_file_unref);
  g_clear_pointer (&self->lines, sonded_lines_free);
  g_free (self);
}

static gboolean
set_file_error (const char *path,
                const char *why,
                GError    **error)
{
  g_set_error (error, SONDE_ERROR, SONDE_ERROR_FAILED, "Cannot read %s: %s", path, why);

  return FALSE;
}

/* A FIFO must not hang the daemon, nor a device fill its memory. */
static gboolean
read_file (const char *path,
           GByteArray *text,
           GError    **error)
{
  struct stat status;
  guint8      buffer[4096];
  gssize      n = 0;
  gboolean    ok = TRUE;
  const int   fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (fd < 0)
    return set_file_error (path, g_strerror (errno), error);
  if (fstat (fd, &status) != 0 || !S_ISREG (status.st_mode))
    ok = set_file_error (path, "not a regular file", error);

  while (ok && (n = read (fd, buffer, sizeof buffer)) > 0)
    {
      g_byte_array_append (text, buffer, (guint) n);
      if (text->len > FILE_SIZE_MAX)
        ok = set_file_error (path, "larger than 1 MiB", error);
    }
  if (ok && n < 0)
    ok = set_file_error (path, g_strerror (errno), error);
  close (fd);

  return ok;
}

/* To all that reads text the text would end here. */
static gboolean
has_no_zero_byte (const char *path,
                  GByteArray *text,
                  GError    **error)
{
  const guint8 *zero = text->len > 0 ? memchr (text->data, '\0', text->len) : NULL;
  guint         line = 1;

  if (zero == NULL)
    return TRUE;

  for (const guint8 *byte = text->data; byte < zero; byte++)
    line += *byte == '\n';
  g_set_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING, "%s:%u: a zero byte", path, line);

  return FALSE;
}

static char *
read_resource (const char *uri,
               GError    **error)
{
  const char *path = uri + strlen (RESOURCE_SCHEME);
  g_autoptr (GBytes) text = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, error);

  /* glib-compile-resources ends each file with a NUL. */
  return text != NULL ? g_strdup (g_bytes_get_data (text, NULL)) : NULL;
}

/*
 * sonded_config_file_dup_text:
 * @path: a file, or a `resource://` in the program itself
 * @error: where to put an error: %SONDE_ERROR_INVALID_SETTING, or
 *   %SONDE_ERROR_FAILED if it cannot be read
 *
 * Reads a file as it is.
 *
 * Returns: (transfer full): the text
 */
char *
sonded_config_file_dup_text (const char *path,
                             GError    **error)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();

  if (g_str_has_prefix (path, RESOURCE_SCHEME))
    return read_resource (path, error);
  if (!read_file (path, text, error))
    return NULL;
  if (!has_no_zero_byte (path, text, error))
    return NULL;
  g_byte_array_append (text, (const guint8 *) "", 1);

  return (char *) g_byte_array_free (g_steal_pointer (&text), FALSE);
}

/*
 * sonded_config_file_read:
 * @path: a file, or a `resource://` in the program itself
 * @error: where to put an error: %SONDE_ERROR_INVALID_SETTING, or
 *   %SONDE_ERROR_FAILED if it cannot be read
 *
 * Reads a file and finds the groups and keys in it.
 *
 * Returns: (transfer full): the file
 */
SondedConfigFile *
sonded_config_file_read (const char *path,
                         GError    **error)
{
  g_autofree char *text = sonded_config_file_dup_text (path, error);

  return text != NULL ? sonded_config_file_parse (path, text, error) : NULL;
}
