/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Who may come in. A server has its own limits, which all its workers share;
 * the process has one more, so that it never runs out of descriptors: a
 * GSocketService that does spins. */

#include "config.h"

#include "sonde-admission-private.h"
#include "sonde-memory-private.h"
#include "sonde-server.h"

#include <stdatomic.h>
#include <sys/resource.h>

/* Descriptors that are kept for everything that is not a connection. */
#define RESERVED_FDS 64

/* What a connection takes at once, generously. */
#define CONNECTION_SIZE 1024

typedef struct
{
  SondePeer peer;
  guint     n_connections;
} Source;

struct _SondeAdmission
{
  GMutex      lock;
  guint       max;            /* 0: no limit */
  guint       max_per_source; /* 0: no limit */
  guint       n_connections;
  GHashTable *sources; /* (owned) (element-type Source), a set keyed by host */
};

static _Atomic guint32 process_max = 0; /* 0: as many as there are descriptors */
static _Atomic guint32 process_connections = 0;
static _Atomic guint32 process_fds = 0;
static _Atomic guint32 process_fds_max = G_MAXINT32;

static guint
read_fd_limit (void)
{
  struct rlimit limit = { 0 };

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > G_MAXINT32)
    return G_MAXINT32;

  return limit.rlim_cur > 2 * RESERVED_FDS ? (guint) limit.rlim_cur - RESERVED_FDS
                                           : (guint) limit.rlim_cur / 2;
}

/*
 * sonde_admission_refresh:
 *
 * Looks at the limit on open files, which prlimit(1) may have changed.
 */
void
sonde_admission_refresh (void)
{
  process_fds_max = read_fd_limit ();
}

static void
leave_process (guint n_fds)
{
  atomic_fetch_sub (&process_connections, 1);
  atomic_fetch_sub (&process_fds, n_fds);
}

static gboolean
enter_process (guint n_fds)
{
  const guint max = process_max;
  const guint connections = atomic_fetch_add (&process_connections, 1) + 1;
  const guint fds = atomic_fetch_add (&process_fds, n_fds) + n_fds;

  if ((max == 0 || connections <= max) && fds <= process_fds_max)
    return TRUE;

  leave_process (n_fds);

  return FALSE;
}

/*
 * sonde_admission_count_fds:
 * @n_fds: how many descriptors more, or less, are in use
 *
 * Takes descriptors that are no connections into account.
 */
void
sonde_admission_count_fds (int n_fds)
{
  atomic_fetch_add (&process_fds, (guint32) n_fds);
}

/**
 * sonde_set_max_connections:
 * @max: a number of connections, or 0 for as many as there are descriptors
 *
 * Limits how many connections all servers of this process have together.
 *
 * Above it, and whatever it is, near the limit on open files, a connection is
 * accepted and closed at once, and counted in `NRefused`.
 *
 * Since: 0.1
 */
void
sonde_set_max_connections (guint max)
{
  process_max = max;
}

/*
 * sonde_admission_new:
 *
 * Makes the admission of a server, without limits.
 */
SondeAdmission *
sonde_admission_new (void)
{
  SondeAdmission *self = g_new0 (SondeAdmission, 1);

  sonde_admission_refresh ();
  g_mutex_init (&self->lock);
  self->sources = g_hash_table_new_full (sonde_peer_hash, sonde_peer_same_host, g_free, NULL);

  return self;
}

/*
 * sonde_admission_free:
 * @self: (transfer full): an admission that nobody uses any more
 *
 * Frees an admission.
 */
void
sonde_admission_free (SondeAdmission *self)
{
  g_hash_table_unref (self->sources);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/*
 * sonde_admission_set_limits:
 * @self: an admission
 * @max: connections in all, or 0 for no limit
 * @max_per_source: connections of one peer address, or 0 for no limit
 *
 * Sets the limits. Those who are in already may stay.
 */
void
sonde_admission_set_limits (SondeAdmission *self,
                            guint           max,
                            guint           max_per_source)
{
  g_mutex_lock (&self->lock);
  self->max = max;
  self->max_per_source = max_per_source;
  g_mutex_unlock (&self->lock);
}

static Source *
find_source (SondeAdmission  *self,
             const SondePeer *peer)
{
  Source *source = g_hash_table_lookup (self->sources, peer);

  if (source == NULL)
    {
      source = g_new0 (Source, 1);
      source->peer = *peer;
      g_hash_table_add (self->sources, source);
    }

  return source;
}

static gboolean
enter_server (SondeAdmission  *self,
              const SondePeer *peer)
{
  Source *source = NULL;

  if (self->max > 0 && self->n_connections >= self->max)
    return FALSE;

  source = find_source (self, peer);
  if (self->max_per_source > 0 && source->n_connections >= self->max_per_source)
    return FALSE;

  source->n_connections++;
  self->n_connections++;

  return TRUE;
}

/*
 * sonde_admission_enter:
 * @self: an admission
 * @peer: who wants to come in
 * @n_fds: how many descriptors the connection takes
 *
 * Lets a connection in, from any thread.
 *
 * Returns: %FALSE if a limit is reached
 */
gboolean
sonde_admission_enter (SondeAdmission  *self,
                       const SondePeer *peer,
                       guint            n_fds)
{
  gboolean admitted;

  if (!sonde_memory_has_room (CONNECTION_SIZE) || !enter_process (n_fds))
    return FALSE;

  g_mutex_lock (&self->lock);
  admitted = enter_server (self, peer);
  g_mutex_unlock (&self->lock);
  if (!admitted)
    leave_process (n_fds);

  return admitted;
}

/*
 * sonde_admission_leave:
 * @self: an admission
 * @peer: one that was let in
 * @n_fds: as when it came in
 *
 * Counts a connection out, from any thread.
 */
void
sonde_admission_leave (SondeAdmission  *self,
                       const SondePeer *peer,
                       guint            n_fds)
{
  Source *source = NULL;

  g_mutex_lock (&self->lock);
  source = g_hash_table_lookup (self->sources, peer);
  self->n_connections--;
  if (--source->n_connections == 0)
    g_hash_table_remove (self->sources, peer);
  g_mutex_unlock (&self->lock);

  leave_process (n_fds);
}
