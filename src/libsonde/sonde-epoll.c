/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* A GMainContext that waits with epoll_wait(2) instead of poll(2).
 *
 * Each turn of a GMainContext hands all its descriptors to poll(), which costs
 * as much as there are of them. Here the context's own few (its wake-up, the
 * listeners) live in an epoll set beside the connections, which the context
 * never hears of: those that are ready are served by its poll function itself.
 * So a wait is one system call, and ten thousand idle connections cost nothing.
 *
 * Nor does a wait cost a turn of the context: as long as there is nothing but
 * connections to serve, the poll function waits again. It returns when one of
 * the context's own descriptors is ready (another thread that attaches a source
 * wakes it up), when a timeout is due, when somebody in this thread has work for
 * the context and says so with sonde_epoll_interrupt(), and now and then. */

#include "config.h"

#include "sonde-epoll-private.h"
#include "sonde-error-private.h"
#include "sonde-syscall-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Waits before the context has its turn, whether there is anything for it or
 * not. */
#define ROUNDS_MAX 64

/* Events taken from the kernel at a time: enough to make the call cheap, few
 * enough that the first of them is not old when the last is served. */
#define BATCH 256

/* Descriptors that have to be left for a main context, which takes one: others
 * may come between. */
#define SPARE_FDS 8

G_STATIC_ASSERT ((int) G_IO_IN == (int) EPOLLIN && (int) G_IO_OUT == (int) EPOLLOUT);
G_STATIC_ASSERT ((int) G_IO_ERR == (int) EPOLLERR && (int) G_IO_HUP == (int) EPOLLHUP);

struct _SondeEpoll
{
  int            fd;
  GMainContext  *context; /* (owned) */
  SondeEpollFunc func;
  gpointer       user_data; /* (unowned), outlives us */

  GArray            *watched;      /* (owned) (element-type GPollFD): the own ones in the set */
  GArray            *gone;         /* (owned) (element-type int): closed, still in the context */
  GArray            *muted;        /* (owned) (element-type int): not waited for at the moment */
  gboolean           own_reported; /* the last turn was about one of them */
  gboolean           interrupted;
  gboolean           shared;    /* others wait for the own ones too */
  SondeEpollTurnFunc turn_func; /* (nullable) */
  SondeEpollOwnFunc  own_func;  /* (nullable) */
};

/* A GPollFunc gets no user data; a thread runs one context at a time. */
static _Thread_local SondeEpoll *current_epoll = NULL;

/* An item is a pointer, so its lowest bit is free to mark a descriptor of the
 * context's own. */
static guint64
tag_fd (int fd)
{
  return ((guint64) (guint) fd << 1) | 1;
}

static GPollFD *
get_watched (SondeEpoll *self,
             guint       i)
{
  return &g_array_index (self->watched, GPollFD, i);
}

static gboolean
has_number (GArray *numbers,
            int     fd)
{
  for (guint i = 0; i < numbers->len; i++)
    if (g_array_index (numbers, int, i) == fd)
      return TRUE;

  return FALSE;
}

static void
drop_number (GArray *numbers,
             int     fd)
{
  for (guint i = numbers->len; i > 0; i--)
    if (g_array_index (numbers, int, i - 1) == fd)
      g_array_remove_index_fast (numbers, i - 1);
}

/* The number of one that is gone may be somebody else's by now, in another
 * thread. */
static gboolean
is_out (SondeEpoll *self,
        int         fd)
{
  return has_number (self->gone, fd) || has_number (self->muted, fd);
}

static gboolean
has_fd (const GPollFD *fds,
        guint          n_fds,
        int            fd)
{
  for (guint i = 0; i < n_fds; i++)
    if (fds[i].fd == fd)
      return TRUE;

  return FALSE;
}

static void
forget_gone (SondeEpoll    *self,
             const GPollFD *fds,
             guint          n_fds)
{
  for (guint i = self->gone->len; i > 0; i--)
    if (!has_fd (fds, n_fds, g_array_index (self->gone, int, i - 1)))
      g_array_remove_index_fast (self->gone, i - 1);
}

static void
forget_watched (SondeEpoll *self)
{
  /* One that was closed has left the set on its own: EBADF is fine. */
  for (guint i = 0; i < self->watched->len; i++)
    if (!is_out (self, get_watched (self, i)->fd))
      epoll_ctl (self->fd, EPOLL_CTL_DEL, get_watched (self, i)->fd, NULL);
  g_array_set_size (self->watched, 0);
}

/* Two sources may be on one descriptor; the kernel wants it once. */
static guint32
get_events (SondeEpoll *self,
            int         fd)
{
  guint32 events = 0;

  for (guint i = 0; i < self->watched->len; i++)
    if (get_watched (self, i)->fd == fd)
      events |= get_watched (self, i)->events;

  return events;
}

static void
watch (SondeEpoll *self,
       int         fd)
{
  struct epoll_event event = { .events = get_events (self, fd), .data.u64 = tag_fd (fd) };

  if (is_out (self, fd))
    return;

  /* epoll_ctl(2): what is exclusive cannot be modified, but is it already. */
  if (self->shared)
    {
      event.events |= EPOLLEXCLUSIVE;
      epoll_ctl (self->fd, EPOLL_CTL_ADD, fd, &event);
      return;
    }
  if (epoll_ctl (self->fd, EPOLL_CTL_MOD, fd, &event) != 0)
    epoll_ctl (self->fd, EPOLL_CTL_ADD, fd, &event);
}

static gboolean
same_fds (SondeEpoll    *self,
          const GPollFD *fds,
          guint          n_fds)
{
  if (n_fds != self->watched->len)
    return FALSE;

  for (guint i = 0; i < n_fds; i++)
    if (fds[i].fd != get_watched (self, i)->fd || fds[i].events != get_watched (self, i)->events)
      return FALSE;

  return TRUE;
}

/* A descriptor that was closed and opened again is not in the set, though its
 * number is the same. Whoever changes the context's descriptors also wakes it
 * up; so when one of them was reported, all are handed over once more. */
static void
watch_all (SondeEpoll    *self,
           const GPollFD *fds,
           guint          n_fds)
{
  if (G_LIKELY (!self->own_reported && same_fds (self, fds, n_fds)))
    return;

  if (!same_fds (self, fds, n_fds))
    {
      forget_watched (self);
      forget_gone (self, fds, n_fds);
      g_array_append_vals (self->watched, fds, n_fds);
    }
  for (guint i = 0; i < n_fds; i++)
    watch (self, fds[i].fd);
}

static guint
report (GPollFD *fds,
        guint    n_fds,
        int      fd,
        guint32  events)
{
  guint n = 0;

  for (guint i = 0; i < n_fds; i++)
    if (fds[i].fd == fd)
      {
        fds[i].revents = (gushort) (events & (fds[i].events | G_IO_ERR | G_IO_HUP));
        n += fds[i].revents != 0;
      }

  return n;
}

/* In the first round of a turn the context's own descriptors are its own. After
 * that the thread is busy, and whoever knows a shorter way may go it. With one
 * that is shared he must: what was ready may be gone when the context comes. */
static gboolean
take_shortcut (SondeEpoll *self,
               int         fd,
               guint       round)
{
  return (round > 0 || self->shared) && self->own_func != NULL &&
         self->own_func (fd, self->user_data);
}

/* Serves what is ready of the connections, and returns how many of the
 * context's own descriptors are ready. */
static guint
serve (SondeEpoll               *self,
       const struct epoll_event *events,
       int                       n_events,
       guint                     round,
       GPollFD                  *fds,
       guint                     n_fds)
{
  const gint64 now = g_get_monotonic_time ();
  guint        n_reported = 0;

  for (int i = 0; i < n_events; i++)
    {
      const int own_fd = (int) (events[i].data.u64 >> 1);

      if ((events[i].data.u64 & 1) == 0)
        self->func (events[i].data.ptr, events[i].events, now, self->user_data);
      else if (!take_shortcut (self, own_fd, round))
        n_reported += report (fds, n_fds, own_fd, events[i].events);
    }

  return n_reported;
}

static int
get_time_left (gint64 deadline)
{
  const gint64 left = deadline - g_get_monotonic_time ();

  return left > 0 ? (int) ((left + 999) / 1000) : 0;
}

/* One turn's wait, in as many rounds as there is nothing for the context. */
static int
wait_and_serve (SondeEpoll *self,
                GPollFD    *fds,
                guint       n_fds,
                int         timeout_ms)
{
  const gint64       begin = timeout_ms > 0 ? g_get_monotonic_time () : 0;
  const gint64       deadline = begin + timeout_ms * (gint64) 1000;
  struct epoll_event events[BATCH];

  for (guint round = 0; round < ROUNDS_MAX && !self->interrupted; round++)
    {
      const int left_ms = timeout_ms > 0 && round > 0 ? get_time_left (deadline) : timeout_ms;
      const int n = sonde_syscall_epoll_wait (self->fd, events, BATCH, left_ms);
      guint     n_reported;

      if (n <= 0)
        return n;
      n_reported = serve (self, events, n, round, fds, n_fds);
      if (n_reported > 0 || timeout_ms == 0)
        return (int) n_reported;
    }

  return 0;
}

static int
epoll_func (GPollFD *fds,
            guint    n_fds,
            int      timeout_ms)
{
  SondeEpoll *self = current_epoll;
  int         n_reported;

  if (self == NULL)
    return g_poll (fds, n_fds, timeout_ms);

  /* What is attached from here on the context has not seen yet. */
  self->interrupted = FALSE;
  if (self->own_reported && self->turn_func != NULL)
    self->turn_func (self->user_data);
  watch_all (self, fds, n_fds);
  for (guint i = 0; i < n_fds; i++)
    fds[i].revents = 0;

  n_reported = wait_and_serve (self, fds, n_fds, timeout_ms);
  self->own_reported = n_reported > 0;

  return n_reported;
}

/* GLib ends the process where a main context gets no descriptor to wake it up. */
static gboolean
has_spare_fds (void)
{
  int      fds[SPARE_FDS];
  guint    n = 0;
  gboolean ok = TRUE;
  int      errsv;

  while (ok && n < SPARE_FDS)
    {
      fds[n] = eventfd (0, EFD_CLOEXEC);
      ok = fds[n] >= 0;
      n += ok;
    }
  errsv = errno;
  while (n > 0)
    close (fds[--n]);
  errno = errsv;

  return ok;
}

/*
 * sonde_epoll_new:
 * @func: what is called for an item that is ready
 * @user_data: (nullable): what it is called with
 * @error: where to put an error
 *
 * Makes a main context that polls with epoll. One thread runs it, between
 * sonde_epoll_enter() and sonde_epoll_leave().
 *
 * Returns: (transfer full): the context and its set
 */
SondeEpoll *
sonde_epoll_new (SondeEpollFunc func,
                 gpointer       user_data,
                 GError       **error)
{
  SondeEpoll *self = NULL;
  const int   fd = epoll_create1 (EPOLL_CLOEXEC);

  if (fd < 0)
    {
      sonde_error_set_errno (error, errno, "Could not make an epoll set");
      return NULL;
    }

  if (!has_spare_fds ())
    {
      sonde_error_set_errno (error, errno, "Could not make a main context");
      close (fd);
      return NULL;
    }

  self = g_new0 (SondeEpoll, 1);
  self->fd = fd;
  self->func = func;
  self->user_data = user_data;
  self->watched = g_array_new (FALSE, FALSE, sizeof (GPollFD));
  self->gone = g_array_new (FALSE, FALSE, sizeof (int));
  self->muted = g_array_new (FALSE, FALSE, sizeof (int));
  self->context = g_main_context_new ();
  g_main_context_set_poll_func (self->context, epoll_func);

  return self;
}

/*
 * sonde_epoll_free:
 * @self: (transfer full): a set that no thread runs
 *
 * Frees the set and its context.
 */
void
sonde_epoll_free (SondeEpoll *self)
{
  g_main_context_unref (self->context);
  g_array_unref (self->muted);
  g_array_unref (self->gone);
  g_array_unref (self->watched);
  close (self->fd);
  g_free (self);
}

/*
 * sonde_epoll_set_own_func:
 * @self: a set that no thread runs yet
 * @func: a function
 *
 * Has a function asked whether it takes care of a descriptor of the context's
 * own, when the thread is busy anyway.
 */
void
sonde_epoll_set_own_func (SondeEpoll       *self,
                          SondeEpollOwnFunc func)
{
  self->own_func = func;
}

/*
 * sonde_epoll_set_turn_func:
 * @self: a set that no thread runs yet
 * @func: a function
 *
 * Has a function called after each turn in which a descriptor of the context's
 * own was ready, when whoever waited for it has had his chance.
 */
void
sonde_epoll_set_turn_func (SondeEpoll        *self,
                           SondeEpollTurnFunc func)
{
  self->turn_func = func;
}

/*
 * sonde_epoll_get_context:
 * @self: a set
 *
 * Gets the main context.
 *
 * Returns: (transfer none): the context
 */
GMainContext *
sonde_epoll_get_context (SondeEpoll *self)
{
  return self->context;
}

/*
 * sonde_epoll_get_fd:
 * @self: a set
 *
 * Gets the descriptor of the epoll set.
 */
int
sonde_epoll_get_fd (SondeEpoll *self)
{
  return self->fd;
}

/* A number that the kernel gives out again was closed before, and is none of
 * the context's own any more. */
static void
forget_number (SondeEpoll *self,
               int         fd)
{
  for (guint i = self->watched->len; i > 0; i--)
    if (get_watched (self, i - 1)->fd == fd)
      g_array_remove_index (self->watched, i - 1);
}

/*
 * sonde_epoll_add:
 * @self: a set
 * @fd: a descriptor that the context does not watch itself
 * @events: the epoll(7) events to wait for
 * @item: (not nullable): what the function gets; at an even address
 *
 * Waits for a descriptor, until it is closed.
 *
 * Returns: %FALSE with errno set if the kernel refuses
 */
gboolean
sonde_epoll_add (SondeEpoll *self,
                 int         fd,
                 guint32     events,
                 gpointer    item)
{
  struct epoll_event event = { .events = events, .data.ptr = item };

  forget_number (self, fd);

  return epoll_ctl (self->fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/*
 * sonde_epoll_remove:
 * @self: a set
 * @fd: a descriptor of the context's own that is about to be closed
 *
 * Takes a descriptor out of the set. Closing it does not do that as long as
 * there is another descriptor, here or elsewhere, for the same open file.
 */
void
sonde_epoll_remove (SondeEpoll *self,
                    int         fd)
{
  epoll_ctl (self->fd, EPOLL_CTL_DEL, fd, NULL);
  drop_number (self->muted, fd);
  g_array_append_val (self->gone, fd);
}

/*
 * sonde_epoll_mute:
 * @self: a set
 * @fd: a descriptor of the context's own
 *
 * Does not wait for a descriptor until sonde_epoll_unmute(). Whoever waits for
 * it in the context hears nothing of it, and need not know.
 */
void
sonde_epoll_mute (SondeEpoll *self,
                  int         fd)
{
  epoll_ctl (self->fd, EPOLL_CTL_DEL, fd, NULL);
  g_array_append_val (self->muted, fd);
}

/*
 * sonde_epoll_unmute:
 * @self: a set
 * @fd: a descriptor that is muted
 *
 * Waits for a descriptor again.
 */
void
sonde_epoll_unmute (SondeEpoll *self,
                    int         fd)
{
  drop_number (self->muted, fd);
  watch (self, fd);
}

/*
 * sonde_epoll_share:
 * @self: a set that no thread runs yet
 *
 * Expects others to wait for the same descriptors as the context. Then each
 * event is told to one of them alone, if they all do this, and the own
 * function is asked in any case.
 */
void
sonde_epoll_share (SondeEpoll *self)
{
  self->shared = TRUE;
}

/*
 * sonde_epoll_interrupt:
 * @self: a set, in the thread that runs it
 *
 * Gives the context its turn as soon as the item that is being served is
 * done: this thread has attached a source, or quit the loop.
 */
void
sonde_epoll_interrupt (SondeEpoll *self)
{
  self->interrupted = TRUE;
}

/*
 * sonde_epoll_enter:
 * @self: a set
 *
 * Makes the calling thread the one that runs the context.
 */
void
sonde_epoll_enter (SondeEpoll *self)
{
  current_epoll = self;
  g_main_context_push_thread_default (self->context);
}

/*
 * sonde_epoll_leave:
 * @self: a set that the calling thread entered
 *
 * Ends what sonde_epoll_enter() began.
 */
void
sonde_epoll_leave (SondeEpoll *self)
{
  g_main_context_pop_thread_default (self->context);
  current_epoll = NULL;
}
