/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* All connections of a server, whichever worker has them: they share what may be
 * held unsent, and so whoever has to go is sought among them all. */

#include "config.h"

#include "sonde-crowd-private.h"

struct _SondeCrowd
{
  GMutex     lock;
  GPtrArray *rosters; /* (owned) (element-type SondeRoster) (unowned elements) */
};

/*
 * sonde_crowd_new:
 *
 * Makes a crowd of nobody.
 */
SondeCrowd *
sonde_crowd_new (void)
{
  SondeCrowd *self = g_new0 (SondeCrowd, 1);

  g_mutex_init (&self->lock);
  self->rosters = g_ptr_array_new ();

  return self;
}

/*
 * sonde_crowd_free:
 * @self: (transfer full): a crowd that nobody uses any more
 *
 * Frees a crowd.
 */
void
sonde_crowd_free (SondeCrowd *self)
{
  g_ptr_array_unref (self->rosters);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/*
 * sonde_crowd_add:
 * @self: a crowd
 * @roster: the connections of a worker; they stay the worker's
 *
 * Adds the connections of a worker.
 */
void
sonde_crowd_add (SondeCrowd  *self,
                 SondeRoster *roster)
{
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->rosters, roster);
  g_mutex_unlock (&self->lock);
}

/*
 * sonde_crowd_remove:
 * @self: a crowd
 * @roster: the connections of a worker; nobody looks at them on return
 *
 * Removes the connections of a worker.
 */
void
sonde_crowd_remove (SondeCrowd  *self,
                    SondeRoster *roster)
{
  g_mutex_lock (&self->lock);
  g_ptr_array_remove_fast (self->rosters, roster);
  g_mutex_unlock (&self->lock);
}

static SondeRoster *
find_longest (SondeCrowd *self)
{
  SondeRoster *longest = NULL;
  gint64       since = G_MAXINT64;

  for (guint i = 0; i < self->rosters->len; i++)
    {
      const gint64 begin = sonde_roster_get_longest_holding (self->rosters->pdata[i]);

      if (begin < since)
        {
          longest = self->rosters->pdata[i];
          since = begin;
        }
    }

  return longest;
}

/*
 * sonde_crowd_make_room:
 * @self: a crowd
 * @own: the connections of the calling worker
 * @desk: (nullable): that of the calling thread, if it serves all of @own
 *
 * Resets the connection that has moved nothing for longest, of those that hold
 * bytes.
 *
 * Returns: when what it held is free
 */
SondeRoom
sonde_crowd_make_room (SondeCrowd  *self,
                       SondeRoster *own,
                       SondeDesk   *desk)
{
  SondeRoster *roster = NULL;
  SondeRoom    room = SONDE_ROOM_NEVER;

  g_mutex_lock (&self->lock);
  while (room == SONDE_ROOM_NEVER && (roster = find_longest (self)) != NULL)
    {
      SondeDesk *own_desk = roster == own ? desk : NULL;

      if (sonde_roster_reset_longest_holding (roster, own_desk))
        room = own_desk != NULL ? SONDE_ROOM_NOW : SONDE_ROOM_SOON;
    }
  g_mutex_unlock (&self->lock);

  return room;
}
