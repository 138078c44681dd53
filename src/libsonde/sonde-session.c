/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The life of one accepted connection, whoever drives it: a shard's loop or a
 * thread of its own. A driver waits for the events that a step asked for, then
 * takes the next step; a step that asks for none was the last one.
 *
 * Bytes are read into the driver's one buffer and sent from there. Only what
 * the kernel does not take at once is copied and kept, and then nothing is
 * read until it is gone: that is the whole of the backpressure. */

#include "config.h"

#include "sonde-memory-private.h"
#include "sonde-mode-private.h"
#include "sonde-session-private.h"
#include "sonde-syscall-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define OVER 0

/*
 * sonde_session_new:
 * @fd: (transfer full): the accepted socket, which does not block
 * @id: what the connection is called by
 * @peer: the peer's address
 * @now: the monotonic time
 *
 * Makes the session of a connection.
 */
SondeSession *
sonde_session_new (int                            fd,
                   guint64                        id,
                   const struct sockaddr_storage *peer,
                   gint64                         now)
{
  SondeSession *self = g_new0 (SondeSession, 1);

  self->fd = fd;
  self->epoll_fd = -1;
  self->id = id;
  self->opened = now;
  self->active = now;
  self->outcome = SONDE_COUNTER_CLOSED;
  sonde_peer_init (&self->peer, peer);

  return self;
}

/*
 * sonde_session_drop_held:
 * @self: a session, in the thread that serves it
 * @desk: what the driver lends
 *
 * Throws away what waits to be sent; others may hold as much instead.
 */
void
sonde_session_drop_held (SondeSession *self,
                         SondeDesk    *desk)
{
  if (self->held == NULL)
    return;

  sonde_rules_release (desk->rules, self->held_start + self->held_length);
  g_clear_pointer (&self->held, g_free);
  self->held_start = 0;
  self->held_length = 0;
  self->stalled = FALSE;
}

/* close(2) with SO_LINGER waits even on a socket that does not block, and
 * nothing may block a worker. With a time of 0 it resets. */
static void
set_linger (SondeSession *self,
            gboolean      reset)
{
  const struct linger linger = { .l_onoff = reset, .l_linger = 0 };

  setsockopt (self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/*
 * sonde_session_free:
 * @self: a session whose last step was taken
 * @desk: what the driver lends
 *
 * Closes the connection and counts how it ended.
 */
void
sonde_session_free (SondeSession *self,
                    SondeDesk    *desk)
{
  /* One that is silent gets a FIN; one that does not take its bytes does not
   * take a FIN behind them either. */
  const gboolean reset = self->outcome == SONDE_COUNTER_RESET || self->stalled;

  sonde_session_drop_held (self, desk);
  if (reset || sonde_rules_get (desk->rules, linger))
    set_linger (self, reset);
  /* A child that was forked may have the descriptor still; then closing it here
   * would not end that it is watched. */
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, self->fd, NULL);
  close (self->fd);
  sonde_counters_add (desk->counters, SONDE_COUNTER_CLOSED, 1);
  if (self->outcome != SONDE_COUNTER_CLOSED)
    sonde_counters_add (desk->counters, self->outcome, 1);
  if (sonde_rules_get (desk->rules, debug))
    g_debug ("connection %" G_GUINT64_FORMAT " is closed: received %" G_GUINT64_FORMAT
             " bytes, sent %" G_GUINT64_FORMAT,
             self->id,
             self->received,
             self->sent);
  g_free (self);
}

static guint32
end (SondeSession *self,
     SondeCounter  outcome)
{
  self->outcome = (guint8) outcome;

  return OVER;
}

/* A call failed. The kernel's own timeouts, of keep-alive and of data that
 * nobody acknowledges, end a connection with ETIMEDOUT. */
static guint32
end_by_errno (SondeSession *self)
{
  return end (self, errno == ETIMEDOUT ? SONDE_COUNTER_TIMED_OUT : SONDE_COUNTER_RESET);
}

static void
log_bytes (SondeSession *self,
           SondeDesk    *desk,
           const char   *verb,
           const guint8 *data,
           gsize         length)
{
  g_autofree char *content = NULL;

  if (sonde_rules_get (desk->rules, log_content))
    {
      g_autofree char *text = g_strndup ((const char *) data, length);

      content = g_strescape (text, NULL);
    }
  g_debug ("connection %" G_GUINT64_FORMAT ": %s %" G_GSIZE_FORMAT " bytes%s%s",
           self->id,
           verb,
           length,
           content != NULL ? ": " : "",
           content != NULL ? content : "");
}

static void
note_sent (SondeSession *self,
           SondeDesk    *desk,
           const guint8 *data,
           gsize         length)
{
  atomic_fetch_add_explicit (&self->sent, length, memory_order_relaxed);
  sonde_counters_add (desk->counters, SONDE_COUNTER_BYTES_SENT, length);
  atomic_store_explicit (&self->active, desk->now, memory_order_relaxed);
  if (G_UNLIKELY (sonde_rules_get (desk->rules, debug)))
    log_bytes (self, desk, "sent", data, length);
}

/* TCP_QUICKACK does not stick (tcp(7)), so "yes" means again after each read. */
static void
rearm_quick_ack (SondeSession *self,
                 SondeDesk    *desk)
{
  const int on = 1;

  setsockopt (self->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  sonde_counters_add (desk->counters, SONDE_COUNTER_QUICK_ACK_REARMS, 1);
}

static void
note_received (SondeSession *self,
               SondeDesk    *desk,
               const guint8 *data,
               gsize         length)
{
  atomic_fetch_add_explicit (&self->received, length, memory_order_relaxed);
  sonde_counters_add (desk->counters, SONDE_COUNTER_BYTES_RECEIVED, length);
  atomic_store_explicit (&self->active, desk->now, memory_order_relaxed);
  if (sonde_rules_get (desk->rules, quick_ack) == TRUE)
    rearm_quick_ack (self, desk);
  if (G_UNLIKELY (sonde_rules_get (desk->rules, debug)))
    log_bytes (self, desk, "received", data, length);
}

/* What all connections hold together is bounded. Beyond the bound somebody has
 * to go: he who has not moved a byte for longest, and only where there is no
 * such one, he who asks. */
static SondeRoom
shed (SondeDesk *desk)
{
  sonde_counters_add (desk->counters, SONDE_COUNTER_SHED, 1);

  return desk->make_room != NULL ? desk->make_room (desk->worker) : SONDE_ROOM_NEVER;
}

static gboolean
reserve (SondeDesk *desk,
         gsize      length)
{
  /* What the other one held is not given back to the kernel, but used again. */
  if (!sonde_memory_has_room (length) && shed (desk) == SONDE_ROOM_NEVER)
    return FALSE;

  while (!sonde_rules_reserve (desk->rules, length))
    {
      const SondeRoom room = shed (desk);

      if (room == SONDE_ROOM_NEVER)
        return FALSE;
      if (room == SONDE_ROOM_NOW)
        continue;

      sonde_rules_take (desk->rules, length);
      return TRUE;
    }

  return TRUE;
}

/* Keeps bytes for later, behind those that are kept already. */
static gboolean
hold (SondeSession *self,
      SondeDesk    *desk,
      const guint8 *data,
      gsize         length)
{
  gsize   held;
  guint8 *grown = NULL;

  if (!reserve (desk, length))
    return FALSE;

  /* Who had to go for it may be this one, with the line that it had begun. */
  if (self->order >= SONDE_ORDER_RESET)
    {
      sonde_rules_release (desk->rules, length);
      return FALSE;
    }
  held = (gsize) self->held_start + self->held_length;
  grown = g_try_realloc (self->held, held + length);
  if (grown == NULL)
    {
      sonde_counters_add (desk->counters, SONDE_COUNTER_SHED, 1);
      sonde_rules_release (desk->rules, length);
      return FALSE;
    }
  memcpy (grown + held, data, length);
  self->held = grown;
  self->held_length += (guint32) length;

  return TRUE;
}

/* All is sent: says so to the peer. What it still sends is read and thrown
 * away until its own FIN, because close(2) on unread bytes resets, and the
 * reset can overtake the answer. */
static guint32
leave (SondeSession *self,
       SondeDesk    *desk)
{
  if (self->peer_finished)
    return end (self, SONDE_COUNTER_CLOSED);
  if (shutdown (self->fd, SHUT_WR) != 0)
    return end (self, SONDE_COUNTER_RESET);

  self->phase = SONDE_PHASE_LEAVING;
  atomic_store_explicit (&self->active, desk->now, memory_order_relaxed);

  return EPOLLIN;
}

static guint32
after_sending (SondeSession *self,
               SondeDesk    *desk)
{
  return self->phase == SONDE_PHASE_FLUSHING ? leave (self, desk) : EPOLLIN;
}

static guint32
send_bytes (SondeSession *self,
            SondeDesk    *desk,
            const guint8 *data,
            gsize         length)
{
  const gssize n = sonde_syscall_send (self->fd, data, length, MSG_NOSIGNAL);
  const gsize  sent = n > 0 ? (gsize) n : 0;

  if (n < 0 && errno != EAGAIN && errno != EINTR)
    return end_by_errno (self);
  if (sent > 0)
    note_sent (self, desk, data, sent);
  if (sent == length)
    return after_sending (self, desk);
  if (!hold (self, desk, data + sent, length - sent))
    return end (self, SONDE_COUNTER_RESET);

  self->stalled = TRUE;
  sonde_counters_add (desk->counters, SONDE_COUNTER_STALLS, 1);

  return EPOLLOUT;
}

static guint32
flush (SondeSession *self,
       SondeDesk    *desk)
{
  const guint8 *rest = self->held + self->held_start;
  const gssize  n = sonde_syscall_send (self->fd, rest, self->held_length, MSG_NOSIGNAL);

  if (n < 0 && errno != EAGAIN && errno != EINTR)
    return end_by_errno (self);
  if (n > 0)
    {
      note_sent (self, desk, rest, (gsize) n);
      self->held_start += (guint32) n;
      self->held_length -= (guint32) n;
    }
  if (self->held_length > 0)
    return EPOLLOUT;

  sonde_session_drop_held (self, desk);

  return after_sending (self, desk);
}

/* The line is whole: from now on what is held waits to be sent. */
static guint32
answer_line (SondeSession *self,
             SondeDesk    *desk)
{
  self->phase = SONDE_PHASE_FLUSHING;
  if (self->held == NULL)
    return leave (self, desk);

  sonde_mode_transform (sonde_rules_get (desk->rules, mode), self->held, self->held_length);
  self->stalled = TRUE;

  return flush (self, desk);
}

static guint32
take_line (SondeSession *self,
           SondeDesk    *desk,
           const guint8 *data,
           gsize         length)
{
  const gsize   line_max = sonde_rules_get (desk->rules, line_max);
  const gsize   room = line_max - MIN (self->held_length, line_max);
  const guint8 *newline = memchr (data, '\n', MIN (length, room));
  const gsize   taken = newline != NULL ? (gsize) (newline - data) + 1 : MIN (length, room);

  if (taken > 0 && !hold (self, desk, data, taken))
    return end (self, SONDE_COUNTER_RESET);
  /* A line that fills the room is too long already: its line feed would not fit. */
  if (newline == NULL && taken < room)
    return EPOLLIN;

  return answer_line (self, desk);
}

static guint32
answer (SondeSession *self,
        SondeDesk    *desk,
        gsize         length)
{
  const SondeMode    mode = sonde_rules_get (desk->rules, mode);
  const SondeModeEnd mode_end = sonde_mode_get_end (mode);

  /* A line that began in another mode is still a line. */
  if (mode_end == SONDE_MODE_ENDS_AFTER_LINE || self->held != NULL)
    return take_line (self, desk, desk->buffer, length);
  if (mode_end == SONDE_MODE_ENDS_AFTER_READ)
    self->phase = SONDE_PHASE_FLUSHING;
  sonde_mode_transform (mode, desk->buffer, length);

  return send_bytes (self, desk, desk->buffer, length);
}

static guint32
read_end (SondeSession *self,
          SondeDesk    *desk)
{
  self->peer_finished = TRUE;
  self->phase = SONDE_PHASE_FLUSHING;

  return self->held != NULL ? answer_line (self, desk) : leave (self, desk);
}

static guint32
read_bytes (SondeSession *self,
            SondeDesk    *desk)
{
  const gsize  size = sonde_rules_get (desk->rules, read_size);
  const gssize n = sonde_syscall_recv (self->fd, desk->buffer, size, 0);

  if (n == 0)
    return read_end (self, desk);
  if (n > 0)
    {
      note_received (self, desk, desk->buffer, (gsize) n);
      return answer (self, desk, (gsize) n);
    }
  if (errno != EAGAIN && errno != EINTR)
    return end_by_errno (self);
  if (self->order != SONDE_ORDER_FINISH)
    return EPOLLIN;

  /* All that had come is answered. */
  self->phase = SONDE_PHASE_FLUSHING;

  return self->held != NULL ? answer_line (self, desk) : leave (self, desk);
}

static guint32
discard (SondeSession *self,
         SondeDesk    *desk)
{
  /* tcp(7): with MSG_TRUNC the bytes are dropped, not copied. */
  const gssize n = recv (self->fd, desk->buffer, SONDE_READ_SIZE_MAX, MSG_TRUNC);

  if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
    return EPOLLIN;

  return end (self, n == 0 ? SONDE_COUNTER_CLOSED : SONDE_COUNTER_RESET);
}

static SondeCounter
take_outcome (SondeSession *self)
{
  int       errsv = 0;
  socklen_t length = sizeof errsv;

  getsockopt (self->fd, SOL_SOCKET, SO_ERROR, &errsv, &length);

  return errsv == ETIMEDOUT ? SONDE_COUNTER_TIMED_OUT : SONDE_COUNTER_RESET;
}

static guint32
proceed (SondeSession *self,
         SondeDesk    *desk,
         guint32       events)
{
  if (self->phase == SONDE_PHASE_LEAVING)
    return discard (self, desk);

  /* While nothing is read, a hang-up is final: it would be reported again and
   * again, and the bytes it concerns can no longer be delivered. */
  if (self->stalled)
    return events & EPOLLHUP ? end (self, take_outcome (self)) : flush (self, desk);

  return read_bytes (self, desk);
}

static gboolean
is_reading (SondeSession *self)
{
  return self->phase == SONDE_PHASE_OPEN && !self->stalled;
}

/*
 * sonde_session_step:
 * @self: a session
 * @desk: what the driver lends
 * @events: the epoll(7) events that came
 *
 * Does what can be done without waiting.
 *
 * Returns: the events to wait for before the next step, or 0 if this was the
 *   last one
 */
guint32
sonde_session_step (SondeSession *self,
                    SondeDesk    *desk,
                    guint32       events)
{
  const SondeOrder order = self->order;
  guint32          interest;

  if (order == SONDE_ORDER_RESET)
    return end (self, SONDE_COUNTER_RESET);
  if (order == SONDE_ORDER_EXPIRE)
    return end (self, SONDE_COUNTER_TIMED_OUT);

  interest = proceed (self, desk, events);

  /* One who has to finish reads on without waiting for more. */
  if (order == SONDE_ORDER_FINISH && interest == EPOLLIN && is_reading (self))
    interest |= EPOLLOUT;

  return interest;
}

static void
modify (SondeSession *self,
        guint32       events)
{
  struct epoll_event event = { .events = events, .data.ptr = self };

  epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
}

/*
 * sonde_session_watch:
 * @self: a session that epoll_fd watches
 * @events: the events that its last step asked for
 *
 * Makes the driver wait for the right events.
 */
void
sonde_session_watch (SondeSession *self,
                     guint32       events)
{
  if (events == self->interest && self->order == SONDE_ORDER_NONE)
    return;

  self->interest = events;
  modify (self, events);

  /* An order that came before the line above has just been talked over. */
  if (self->order > SONDE_ORDER_FINISH)
    modify (self, EPOLLIN | EPOLLOUT);
  else if (self->order == SONDE_ORDER_FINISH && is_reading (self))
    modify (self, EPOLLIN | EPOLLOUT);
}

/*
 * sonde_session_give_order:
 * @self: a session, under the lock of its worker
 * @order: what it has to do
 *
 * Tells a session from any thread what to do, and wakes its driver. An order
 * is never taken back; a harder one replaces it.
 */
void
sonde_session_give_order (SondeSession *self,
                          SondeOrder    order)
{
  if (order <= self->order)
    return;

  self->order = order;
  if (order == SONDE_ORDER_FINISH)
    atomic_store_explicit (&self->active, g_get_monotonic_time (), memory_order_relaxed);

  /* A peer that takes nothing keeps a stalled session from ever becoming
   * writable; SHUT_RD sends nothing, but wakes whoever waits. */
  if (order != SONDE_ORDER_FINISH)
    shutdown (self->fd, SHUT_RD);
  modify (self, EPOLLIN | EPOLLOUT);
}
