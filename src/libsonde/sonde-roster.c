/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-roster-private.h"

/* Fewer leave nothing behind that is worth collecting. */
#define MANY 64

/*
 * sonde_roster_init:
 * @self: memory for a roster
 *
 * Makes an empty roster.
 */
void
sonde_roster_init (SondeRoster *self)
{
  g_mutex_init (&self->lock);
  self->first = NULL;
  self->last = NULL;
  self->n_sessions = 0;
  self->n_most = 0;
}

/*
 * sonde_roster_clear:
 * @self: an empty roster
 *
 * Frees what a roster holds.
 */
void
sonde_roster_clear (SondeRoster *self)
{
  g_assert (self->first == NULL);

  g_mutex_clear (&self->lock);
}

/*
 * sonde_roster_add:
 * @self: a roster
 * @session: (transfer full): a session with the highest id so far
 *
 * Adds a session; from now on other threads see it.
 */
void
sonde_roster_add (SondeRoster  *self,
                  SondeSession *session)
{
  g_mutex_lock (&self->lock);
  session->previous = self->last;
  if (self->last != NULL)
    self->last->next = session;
  else
    self->first = session;
  self->last = session;
  self->n_sessions++;
  self->n_most = MAX (self->n_most, self->n_sessions);
  g_mutex_unlock (&self->lock);
}

static gboolean
have_many_gone (SondeRoster *self)
{
  if (self->n_most >= MANY && self->n_sessions <= self->n_most / 4)
    {
      self->n_most = self->n_sessions;
      self->had_many = self->n_sessions > 0;
      return TRUE;
    }

  if (self->n_sessions > 0 || !self->had_many)
    return FALSE;

  /* The last ones may have taken their time, and held the most. */
  self->had_many = FALSE;

  return TRUE;
}

/*
 * sonde_roster_remove:
 * @self: a roster
 * @session: a session in it, which is the caller's from now on
 *
 * Removes a session; on return no other thread sees it.
 *
 * Returns: whether so many have gone that their memory is worth a thought
 */
gboolean
sonde_roster_remove (SondeRoster  *self,
                     SondeSession *session)
{
  gboolean many_have_gone;

  g_mutex_lock (&self->lock);
  if (session->previous != NULL)
    session->previous->next = session->next;
  else
    self->first = session->next;
  if (session->next != NULL)
    session->next->previous = session->previous;
  else
    self->last = session->previous;
  self->n_sessions--;
  many_have_gone = have_many_gone (self);
  g_mutex_unlock (&self->lock);

  return many_have_gone;
}

/*
 * sonde_roster_get_n_sessions:
 * @self: a roster
 *
 * Counts the sessions.
 */
guint
sonde_roster_get_n_sessions (SondeRoster *self)
{
  guint n;

  g_mutex_lock (&self->lock);
  n = self->n_sessions;
  g_mutex_unlock (&self->lock);

  return n;
}

/*
 * sonde_roster_foreach:
 * @self: a roster
 * @after_id: an id; sessions up to it are passed over
 * @func: what is called for each session
 * @user_data: what it is called with
 *
 * Shows the sessions by ascending id, under the lock that keeps them open.
 *
 * Returns: %FALSE if @func stopped it
 */
gboolean
sonde_roster_foreach (SondeRoster     *self,
                      guint64          after_id,
                      SondeSessionFunc func,
                      gpointer         user_data)
{
  gboolean go_on = TRUE;

  g_mutex_lock (&self->lock);
  for (SondeSession *session = self->first; go_on && session != NULL; session = session->next)
    if (session->id > after_id)
      go_on = func (session, user_data);
  g_mutex_unlock (&self->lock);

  return go_on;
}

/*
 * sonde_roster_find:
 * @self: a roster
 * @id: the id of a session
 * @func: what is called for it; its result is not looked at
 * @user_data: what it is called with
 *
 * Shows one session, under the lock that keeps it open.
 *
 * Returns: %FALSE if it is not there
 */
gboolean
sonde_roster_find (SondeRoster     *self,
                   guint64          id,
                   SondeSessionFunc func,
                   gpointer         user_data)
{
  SondeSession *session = NULL;

  g_mutex_lock (&self->lock);
  for (session = self->first; session != NULL && session->id < id;)
    session = session->next;
  if (session != NULL && session->id != id)
    session = NULL;
  if (session != NULL)
    func (session, user_data);
  g_mutex_unlock (&self->lock);

  return session != NULL;
}

/*
 * sonde_roster_get_newest:
 * @self: a roster
 *
 * Gets the id of the session that was opened last.
 *
 * Returns: an id, or 0 if there is none
 */
guint64
sonde_roster_get_newest (SondeRoster *self)
{
  guint64 id;

  g_mutex_lock (&self->lock);
  id = self->last != NULL ? self->last->id : 0;
  g_mutex_unlock (&self->lock);

  return id;
}

static gint64
get_active (SondeSession *session)
{
  return atomic_load_explicit (&session->active, memory_order_relaxed);
}

/* Of those that hold bytes, an answer that is not taken or a line that does not
 * end, and are not about to be reset already. */
static SondeSession *
find_longest_holding (SondeRoster *self)
{
  SondeSession *longest = NULL;

  for (SondeSession *session = self->first; session != NULL; session = session->next)
    if (session->held_length > 0 && session->order < SONDE_ORDER_RESET &&
        (longest == NULL || get_active (session) < get_active (longest)))
      longest = session;

  return longest;
}

/*
 * sonde_roster_get_longest_holding:
 * @self: a roster
 *
 * Gets since when the connection moves nothing that has done so for longest, of
 * those that hold bytes.
 *
 * Returns: a monotonic time, %G_MAXINT64 if there is no such one
 */
gint64
sonde_roster_get_longest_holding (SondeRoster *self)
{
  SondeSession *longest = NULL;
  gint64        since;

  g_mutex_lock (&self->lock);
  longest = find_longest_holding (self);
  since = longest != NULL ? get_active (longest) : G_MAXINT64;
  g_mutex_unlock (&self->lock);

  return since;
}

/*
 * sonde_roster_reset_longest_holding:
 * @self: a roster
 * @desk: (nullable): that of the calling thread, if it serves all sessions
 *
 * Resets the connection that has moved nothing for longest, of those that hold
 * bytes. With @desk, what it holds is free on return.
 *
 * Returns: %FALSE if there is none that is not about to be reset already
 */
gboolean
sonde_roster_reset_longest_holding (SondeRoster *self,
                                    SondeDesk   *desk)
{
  SondeSession *longest = NULL;

  g_mutex_lock (&self->lock);
  longest = find_longest_holding (self);
  if (longest != NULL)
    sonde_session_give_order (longest, SONDE_ORDER_RESET);
  if (longest != NULL && desk != NULL)
    sonde_session_drop_held (longest, desk);
  g_mutex_unlock (&self->lock);

  return longest != NULL;
}
