/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonded-config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sonded-lines.h"

#define GENERAL_GROUP "Sonde"
#define SERVER_GROUP_PREFIX "Server "
#define GROUPS "[" GENERAL_GROUP "], [" SERVER_GROUP_PREFIX "NAME]"
#define SERVER_NAME_MAX 64

/* Nobody writes a configuration this long; /dev/zero does. */
#define FILE_SIZE_MAX (1024 * 1024)

/*
 * sonded_config_is_valid_name:
 * @name: what a server shall be called
 *
 * Checks the name of a server: 1 to 64 bytes of printable UTF-8.
 */
gboolean
sonded_config_is_valid_name (const char *name)
{
  if (name[0] == '\0' || strlen (name) > SERVER_NAME_MAX || !g_utf8_validate (name, -1, NULL))
    return FALSE;

  for (const char *c = name; *c != '\0'; c = g_utf8_next_char (c))
    if (!g_unichar_isprint (g_utf8_get_char (c)))
      return FALSE;

  return TRUE;
}

static SondedConfig *
config_new (void)
{
  SondedConfig *self = g_new0 (SondedConfig, 1);

  self->servers = g_hash_table_new_full (g_str_hash,
                                         g_str_equal,
                                         g_free,
                                         (GDestroyNotify) sonde_settings_unref);

  return self;
}

/*
 * sonded_config_free:
 * @self: (transfer full): a configuration
 *
 * Frees a configuration.
 */
void
sonded_config_free (SondedConfig *self)
{
  g_hash_table_unref (self->servers);
  g_free (self);
}

static gboolean
take_general_key (SondedConfig *self,
                  const char   *key,
                  const char   *value,
                  GError      **error)
{
  guint64 number = 0;

  if (strcmp (key, "MaxConnections") != 0)
    {
      g_set_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING,
                   "%s is not a setting of [" GENERAL_GROUP "]; allowed: MaxConnections", key);
      return FALSE;
    }
  if (!g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT32, &number, NULL))
    {
      g_set_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING,
                   "MaxConnections=%s is not valid; allowed: 0 to %d", value, G_MAXINT32);
      return FALSE;
    }
  self->max_connections = (guint) number;

  return TRUE;
}

static gboolean
load_general (SondedConfig      *self,
              const SondedLines *lines,
              GKeyFile          *file,
              GError           **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (file, GENERAL_GROUP, NULL, NULL);

  for (gsize i = 0; keys != NULL && keys[i] != NULL; i++)
    {
      g_autofree char *value = g_key_file_get_value (file, GENERAL_GROUP, keys[i], NULL);
      g_autoptr (GError) local_error = NULL;

      if (!take_general_key (self, keys[i], value, &local_error))
        return sonded_lines_set_error (lines, GENERAL_GROUP, keys[i], local_error->message, error);
    }

  return TRUE;
}

static gboolean
load_key (SondeSettings     *settings,
          const SondedLines *lines,
          GKeyFile          *file,
          const char        *group,
          const char        *key,
          GError           **error)
{
  g_autofree char *value = g_key_file_get_string (file, group, key, NULL);
  g_autofree char *raw = g_key_file_get_value (file, group, key, NULL);
  g_autoptr (GError) local_error = NULL;

  /* A value that is no string to GKeyFile, for a stray backslash, is taken as
   * it stands, and refused as what it is. */
  if (sonde_settings_set_string (settings, key, value != NULL ? value : raw, &local_error))
    return TRUE;

  return sonded_lines_set_error (lines, group, key, local_error->message, error);
}

static SondeSettings *
load_settings (const SondedLines *lines,
               GKeyFile          *file,
               const char        *group,
               GError           **error)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (GVariant) nothing = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr (GError) local_error = NULL;
  g_auto (GStrv) keys = g_key_file_get_keys (file, group, NULL, NULL);

  /* A preset lies below the other keys, wherever it stands. */
  if (g_key_file_has_key (file, group, "Preset", NULL) &&
      !load_key (settings, lines, file, group, "Preset", error))
    return NULL;
  for (gsize i = 0; keys[i] != NULL; i++)
    if (strcmp (keys[i], "Preset") != 0 &&
        !load_key (settings, lines, file, group, keys[i], error))
      return NULL;

  /* Updated with nothing, settings are checked as a whole. */
  if (!sonde_settings_update (settings, nothing, &local_error))
    {
      sonded_lines_set_error (lines, group, NULL, local_error->message, error);
      return NULL;
    }

  return g_steal_pointer (&settings);
}

static gboolean
load_group (SondedConfig      *self,
            const SondedLines *lines,
            GKeyFile          *file,
            const char        *group,
            GError           **error)
{
  const char    *name = group + strlen (SERVER_GROUP_PREFIX);
  SondeSettings *settings = NULL;

  if (strcmp (group, GENERAL_GROUP) == 0)
    return load_general (self, lines, file, error);
  if (!g_str_has_prefix (group, SERVER_GROUP_PREFIX) || !sonded_config_is_valid_name (name))
    {
      g_autofree char *message = g_strdup_printf ("[%s] is not a group; allowed: " GROUPS, group);

      return sonded_lines_set_error (lines, group, NULL, message, error);
    }

  settings = load_settings (lines, file, group, error);
  if (settings == NULL)
    return FALSE;
  g_hash_table_insert (self->servers, g_strdup (name), settings);

  return TRUE;
}

/*
 * sonded_config_parse:
 * @path: the name of the file, for messages
 * @text: what stands in it
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Reads a configuration. It is taken whole or not at all.
 *
 * Returns: (transfer full): the configuration
 */
SondedConfig *
sonded_config_parse (const char *path,
                     const char *text,
                     GError    **error)
{
  g_autoptr (SondedConfig) self = config_new ();
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (SondedLines) lines = NULL;
  g_autoptr (GError) local_error = NULL;
  g_auto (GStrv) groups = NULL;

  lines = sonded_lines_index (path, text, error);
  if (lines == NULL)
    return NULL;
  if (!g_key_file_load_from_data (file, text, strlen (text), G_KEY_FILE_NONE, &local_error))
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   "%s: %s",
                   path,
                   local_error->message);
      return NULL;
    }

  groups = g_key_file_get_groups (file, NULL);
  for (gsize i = 0; groups[i] != NULL; i++)
    if (!load_group (self, lines, file, groups[i], error))
      return NULL;

  return g_steal_pointer (&self);
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

/*
 * sonded_config_load:
 * @path: a file
 * @error: where to put an error: %SONDE_ERROR_INVALID_SETTING, or
 *   %SONDE_ERROR_FAILED if it cannot be read
 *
 * Reads a configuration from a file.
 *
 * Returns: (transfer full): the configuration
 */
SondedConfig *
sonded_config_load (const char *path,
                    GError    **error)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();

  if (!read_file (path, text, error))
    return NULL;
  if (!has_no_zero_byte (path, text, error))
    return NULL;
  g_byte_array_append (text, (const guint8 *) "", 1);

  return sonded_config_parse (path, (const char *) text->data, error);
}
