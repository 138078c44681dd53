/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How much memory the process may still take. GLib ends a process that gets
 * none; so peers, who decide how many connections there are and how much waits
 * for them, are turned away while there is some left for everything else.
 *
 * Asking the kernel costs more than a connection does. What there is room for is
 * therefore given out in parts, and the kernel asked when one is used up. */

#include "config.h"

#include "sonde-memory-private.h"
#include "sonde-proc-private.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Kept free: an eighth of the limit, within these bounds. */
#define RESERVE_MIN (4 * 1024 * 1024)
#define RESERVE_MAX (64 * 1024 * 1024)

/* Given out at a time at most, also where there is no limit: there may be one
 * later, and until it is noticed this comes out of what is kept free. */
#define PART_MAX (RESERVE_MIN / 2)

#define TEXT_MAX 4096

static _Atomic gint64 part = 0;

static gint64
get_room (guint64 limit,
          guint64 used)
{
  const guint64 reserve = CLAMP (limit / 8, RESERVE_MIN, RESERVE_MAX);

  if (limit >= G_MAXINT64)
    return G_MAXINT64;

  return limit > used + reserve ? (gint64) (limit - used - reserve) : 0;
}

static gint64
measure_limit (int     resource,
               guint64 used)
{
  struct rlimit limit = { 0 };

  if (getrlimit (resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return G_MAXINT64;

  return get_room (limit.rlim_cur, used);
}

/* proc(5): all pages are the first number of statm, those of data the sixth. */
static gint64
measure_limits (const char *root)
{
  g_autofree char *text = sonde_proc_read (root, "proc/self/statm", TEXT_MAX);
  const guint64    page_size = (guint64) sysconf (_SC_PAGESIZE);
  unsigned long    all = 0, data = 0;

  if (text == NULL || sscanf (text, "%lu %*u %*u %*u %*u %lu", &all, &data) != 2)
    return G_MAXINT64;

  return MIN (measure_limit (RLIMIT_AS, all * page_size),
              measure_limit (RLIMIT_DATA, data * page_size));
}

static gboolean
read_number (const char *root,
             const char *group,
             const char *name,
             guint64    *number)
{
  g_autofree char *path = g_build_filename ("sys/fs/cgroup", group, name, NULL);
  g_autofree char *text = sonde_proc_read (root, path, TEXT_MAX);

  /* "max" is no number. */
  return text != NULL &&
         g_ascii_string_to_unsigned (g_strchomp (text), 10, 0, G_MAXUINT64, number, NULL);
}

/* cgroups(7): the line of the second version is "0::/PATH". */
static gint64
measure_group (const char *root)
{
  g_autofree char *text = sonde_proc_read (root, "proc/self/cgroup", TEXT_MAX);
  char            *group = text != NULL ? strstr (text, "0::/") : NULL;
  guint64          limit = 0, used = 0;

  if (group == NULL)
    return G_MAXINT64;

  group += strlen ("0::");
  *strchrnul (group, '\n') = '\0';
  if (!read_number (root, group, "memory.max", &limit) ||
      !read_number (root, group, "memory.current", &used))
    return G_MAXINT64;

  return get_room (limit, used);
}

/*
 * sonde_memory_measure_room:
 * @root: the root of the file system
 *
 * Asks the kernel how many bytes the process may take beside what has to stay
 * free: RLIMIT_AS, RLIMIT_DATA, and memory.max of its control group.
 *
 * Returns: a number of bytes; %G_MAXINT64 if there is no limit
 */
gint64
sonde_memory_measure_room (const char *root)
{
  return MIN (measure_limits (root), measure_group (root));
}

/*
 * sonde_memory_has_room:
 * @bytes: what a peer would have us take
 *
 * Checks, from any thread, whether there is room for it.
 */
gboolean
sonde_memory_has_room (gsize bytes)
{
  const gint64 wanted = (gint64) bytes;
  gint64       room;

  if (atomic_fetch_sub_explicit (&part, wanted, memory_order_relaxed) >= wanted)
    return TRUE;

  room = sonde_memory_measure_room ("/");
  atomic_store_explicit (&part, MIN (room / 8, PART_MAX), memory_order_relaxed);

  return room >= wanted;
}
