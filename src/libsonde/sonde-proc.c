/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What /proc says, read with suspicion: in a container any file may be missing,
 * and a test may put anything in its place. Whatever cannot be made sense of is
 * absent; nothing here blocks, aborts or reads without an end. */

#include "config.h"

#include "sonde-proc-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* The longest sysctl read here is a list of congestion controls, which the
 * kernel itself bounds at 2 KiB. */
#define SYSCTL_SIZE_MAX 4096

static gssize
read_until_end (int   fd,
                char *buffer,
                gsize size)
{
  gsize length = 0;

  while (length < size)
    {
      gssize n = read (fd, buffer + length, size - length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      if (n == 0)
        break;

      length += n;
    }

  return length;
}

/*
 * sonde_proc_read:
 * @root: the root of the file system
 * @path: the file, below @root
 * @max_size: more bytes than this are not believed
 *
 * Reads a small text file.
 *
 * Returns: (transfer full) (nullable): its content, or %NULL if it cannot be
 *   read at once, is too long or is not UTF-8
 */
char *
sonde_proc_read (const char *root,
                 const char *path,
                 gsize       max_size)
{
  g_autofree char *filename = g_build_filename (root, path, NULL);
  g_autofree char *text = NULL;
  gssize           length;
  int              fd;

  /* Non-blocking, so that a FIFO in place of the file is merely empty. */
  fd = g_open (filename, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
  if (fd < 0)
    return NULL;

  /* Where memory is short, not to know is no reason to die. */
  text = g_try_malloc (max_size + 1);
  length = text != NULL ? read_until_end (fd, text, max_size + 1) : -1;
  g_close (fd, NULL);
  if (length < 0 || (gsize) length > max_size)
    return NULL;

  text[length] = '\0';
  if (!g_utf8_validate_len (text, length, NULL))
    return NULL;

  return g_steal_pointer (&text);
}

static gboolean
parse_numbers (char    *text,
               guint64  max,
               guint64 *numbers,
               guint    n_numbers)
{
  char *rest = NULL;
  guint n_found = 0;

  for (char *word = strtok_r (text, " \t\n", &rest);
       word != NULL;
       word = strtok_r (NULL, " \t\n", &rest))
    {
      if (n_found == n_numbers)
        return FALSE;
      if (!g_ascii_string_to_unsigned (word, 10, 0, max, &numbers[n_found], NULL))
        return FALSE;
      n_found++;
    }

  return n_found == n_numbers;
}

static GVariant *
parse_value (char       *text,
             const char *type)
{
  guint64 n[3];

  if (g_str_equal (type, "u") && parse_numbers (text, G_MAXUINT32, n, 1))
    return g_variant_new_uint32 (n[0]);
  if (g_str_equal (type, "i") && parse_numbers (text, G_MAXINT32, n, 1))
    return g_variant_new_int32 (n[0]);
  if (g_str_equal (type, "t") && parse_numbers (text, G_MAXUINT64, n, 1))
    return g_variant_new_uint64 (n[0]);
  if (g_str_equal (type, "(ttt)") && parse_numbers (text, G_MAXUINT64, n, 3))
    return g_variant_new ("(ttt)", n[0], n[1], n[2]);
  if (g_str_equal (type, "s") && *g_strstrip (text) != '\0')
    return g_variant_new_string (text);

  return NULL;
}

/*
 * sonde_proc_read_sysctl:
 * @root: the root of the file system
 * @sysctl: the name, such as `net.core.somaxconn`
 * @type: `u`, `i`, `t`, `(ttt)` or `s`; a number is never negative
 *
 * Reads a sysctl, in the unit it has in /proc.
 *
 * Returns: (transfer floating) (nullable): the value, or %NULL if it is absent
 *   or is not of @type
 */
GVariant *
sonde_proc_read_sysctl (const char *root,
                        const char *sysctl,
                        const char *type)
{
  g_autofree char *path = g_strconcat ("proc/sys/", sysctl, NULL);
  g_autofree char *text = NULL;

  text = sonde_proc_read (root, g_strdelimit (path, ".", '/'), SYSCTL_SIZE_MAX);
  if (text == NULL)
    return NULL;

  return parse_value (text, type);
}
