/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* GKeyFile reads values, but does not say on which line they stand, takes the
 * last of two, and of a text that is no key file only says that it is none.
 * People who edit a configuration need better than that. */

#include "config.h"

#include "sonded-lines.h"

#include <libsonde/sonde.h>
#include <string.h>

struct _SondedLines
{
  char       *path;  /* (owned) */
  GHashTable *lines; /* (owned) (element-type utf8 guint): of groups and of keys in them */
};

static char *
make_id (const char *group,
         const char *key)
{
  return key != NULL ? g_strconcat (group, "\n", key, NULL) : g_strdup (group);
}

static gboolean
set_error_at (const char *path,
              guint       line,
              const char *message,
              GError    **error)
{
  g_set_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING, "%s:%u: %s", path, line, message);

  return FALSE;
}

/* A group may come again; a key that comes again was meant to be another. */
static gboolean
take_key (SondedLines *self,
          const char  *group,
          char        *line,
          guint        number,
          GError     **error)
{
  char            *equals = strchr (line, '=');
  g_autofree char *id = NULL;
  g_autofree char *message = NULL;

  if (equals == NULL || equals == line)
    return set_error_at (self->path, number, "not a group, a KEY=VALUE or a comment", error);
  if (group == NULL)
    return set_error_at (self->path, number, "a key before the first group", error);

  *equals = '\0';
  id = make_id (group, g_strchomp (line));
  if (!g_hash_table_contains (self->lines, id))
    {
      g_hash_table_insert (self->lines, g_steal_pointer (&id), GUINT_TO_POINTER (number));
      return TRUE;
    }
  message = g_strdup_printf ("%s= stands in [%s] already, on line %u",
                             line,
                             group,
                             GPOINTER_TO_UINT (g_hash_table_lookup (self->lines, id)));

  return set_error_at (self->path, number, message, error);
}

static gboolean
take_group (SondedLines *self,
            char        *line,
            guint        number,
            char       **group,
            GError     **error)
{
  const gsize length = strlen (line);

  if (length < 3 || line[length - 1] != ']')
    return set_error_at (self->path, number, "not a group, a KEY=VALUE or a comment", error);

  g_free (*group);
  *group = g_strndup (line + 1, length - 2);
  if (!g_hash_table_contains (self->lines, *group))
    g_hash_table_insert (self->lines, g_strdup (*group), GUINT_TO_POINTER (number));

  return TRUE;
}

static gboolean
take_lines (SondedLines *self,
            char       **lines,
            GError     **error)
{
  g_autofree char *group = NULL;
  gboolean         ok = TRUE;

  for (guint i = 0; ok && lines[i] != NULL; i++)
    {
      char *line = g_strstrip (lines[i]);

      if (!g_utf8_validate (line, -1, NULL))
        ok = set_error_at (self->path, i + 1, "not UTF-8", error);
      else if (line[0] == '[')
        ok = take_group (self, line, i + 1, &group, error);
      else if (line[0] != '\0' && line[0] != '#')
        ok = take_key (self, group, line, i + 1, error);
    }

  return ok;
}

/*
 * sonded_lines_index:
 * @path: the name of a file, for messages
 * @text: what stands in it
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING with the line
 *
 * Finds out what stands where.
 *
 * Returns: (transfer full): the lines, or %NULL if it is no key file
 */
SondedLines *
sonded_lines_index (const char *path,
                    const char *text,
                    GError    **error)
{
  g_autoptr (SondedLines) self = g_new0 (SondedLines, 1);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  self->path = g_strdup (path);
  self->lines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  return take_lines (self, lines, error) ? g_steal_pointer (&self) : NULL;
}

/*
 * sonded_lines_free:
 * @self: (transfer full): lines
 *
 * Frees them.
 */
void
sonded_lines_free (SondedLines *self)
{
  g_hash_table_unref (self->lines);
  g_free (self->path);
  g_free (self);
}

/*
 * sonded_lines_set_error:
 * @self: lines
 * @group: a group
 * @key: (nullable): a key in it
 * @message: what is wrong with it
 * @error: where to put the error
 *
 * Reports an error with the file and the line where it stands.
 *
 * Returns: %FALSE
 */
gboolean
sonded_lines_set_error (const SondedLines *self,
                        const char        *group,
                        const char        *key,
                        const char        *message,
                        GError           **error)
{
  g_autofree char *id = make_id (group, key);

  return set_error_at (self->path,
                       GPOINTER_TO_UINT (g_hash_table_lookup (self->lines, id)),
                       message,
                       error);
}
