/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Keeps one message under way on each of many connections. */

#include "load-dial.h"
#include "load-modes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 256
#define TICK_MS 50
#define NS_PER_S 1000000000u

/* A message that takes longer is lost. On a busy machine the GIO peers have
 * needed 20 s for a thousand, with ten thousand idle connections beside. */
#define PATIENCE_NS (120ull * NS_PER_S)

typedef struct
{
  int            fd;
  uint32_t       number;
  uint64_t       message;
  uint64_t       began;
  const uint8_t *sent;
  const uint8_t *expected;
  size_t         n_sent;
  size_t         n_received;
  bool           is_broken;
} Connection;

typedef enum
{
  WARMING_UP,
  MEASURING,
  STOPPING,
} Phase;

typedef struct
{
  const LoadOptions *options;
  const LoadPattern *pattern;
  LoadMeter         *meter;
  int                epoll_fd;
  Connection        *connections; /* (owned) */
  uint8_t           *buffer;      /* (owned) */
  unsigned           n_under_way; /* messages */
  Phase              phase;
  bool               input_closed;
  uint64_t           next_phase; /* when it begins */
} Echo;

static void
watch (Echo       *self,
       Connection *connection,
       int         operation,
       uint32_t    events)
{
  struct epoll_event event = { .events = events, .data.ptr = connection };

  epoll_ctl (self->epoll_fd, operation, connection->fd, &event);
}

static void
give_up (Echo       *self,
         Connection *connection)
{
  self->meter->n_failed++;
  self->n_under_way--;
  connection->is_broken = true;
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
}

static void
send_more (Echo       *self,
           Connection *connection)
{
  const bool    was_whole = connection->n_sent == 0;
  const size_t  length = self->options->size - connection->n_sent;
  const ssize_t n =
    send (connection->fd, connection->sent + connection->n_sent, length, MSG_NOSIGNAL);

  if (n < 0 && errno != EAGAIN)
    {
      give_up (self, connection);
      return;
    }

  connection->n_sent += n > 0 ? (size_t) n : 0;
  if (connection->n_sent < self->options->size && was_whole)
    watch (self, connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  else if (connection->n_sent == self->options->size && !was_whole)
    watch (self, connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void
begin_message (Echo       *self,
               Connection *connection,
               uint64_t    now)
{
  const size_t offset = load_pattern_get_offset (connection->number, connection->message++);

  connection->sent = self->pattern->sent + offset;
  connection->expected = self->pattern->expected + offset;
  connection->n_sent = 0;
  connection->n_received = 0;
  connection->began = now;
  self->n_under_way++;
  send_more (self, connection);
}

static void
end_message (Echo       *self,
             Connection *connection,
             uint64_t    now)
{
  load_histogram_add (&self->meter->latency, now - connection->began);
  self->meter->n_done++;
  self->meter->n_bytes += self->options->size;
  self->n_under_way--;
  if (self->phase != STOPPING)
    begin_message (self, connection, now);
}

static void
receive (Echo       *self,
         Connection *connection)
{
  const size_t  size = self->options->size;
  const ssize_t n = recv (connection->fd, self->buffer, size - connection->n_received, 0);

  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0)
    {
      give_up (self, connection);
      return;
    }

  if (memcmp (self->buffer, connection->expected + connection->n_received, (size_t) n) != 0)
    self->meter->n_wrong++;
  connection->n_received += (size_t) n;
  if (connection->n_received == size)
    end_message (self, connection, load_now ());
}

static void
handle (Echo                     *self,
        const struct epoll_event *event)
{
  Connection *connection = event->data.ptr;

  if (connection == NULL)
    {
      self->input_closed = true;
      epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
      return;
    }

  if (event->events & EPOLLOUT && connection->n_sent < self->options->size)
    send_more (self, connection);
  if (event->events & ~(uint32_t) EPOLLOUT && !connection->is_broken)
    receive (self, connection);
}

static void
change_phase (Echo    *self,
              uint64_t now)
{
  const double seconds = self->options->seconds;

  if (self->phase == WARMING_UP && now >= self->next_phase)
    {
      self->phase = MEASURING;
      load_say_ready ();
      load_meter_begin (self->meter);
      self->next_phase = seconds > 0 ? now + (uint64_t) (seconds * NS_PER_S) : UINT64_MAX;
    }
  else if (self->phase == MEASURING && (now >= self->next_phase || self->input_closed))
    {
      self->phase = STOPPING;
      self->next_phase = now + PATIENCE_NS;
    }
}

static void
run (Echo *self)
{
  struct epoll_event events[BATCH];

  while (self->phase != STOPPING || self->n_under_way > 0)
    {
      const int n = epoll_wait (self->epoll_fd, events, BATCH, TICK_MS);
      uint64_t  now;

      for (int i = 0; i < n; i++)
        handle (self, &events[i]);
      now = load_now ();
      change_phase (self, now);
      load_meter_show_progress (self->meter, now);
      if (self->phase == STOPPING && now >= self->next_phase)
        {
          self->meter->n_lost = self->n_under_way;
          return;
        }
    }
}

static void
open_all (Echo *self)
{
  for (uint32_t i = 0; i < self->options->n_connections; i++)
    {
      Connection *connection = &self->connections[i];

      connection->number = i;
      connection->fd = load_dial (self->options->port, i);
      load_prepare (connection->fd);
      fcntl (connection->fd, F_SETFL, O_NONBLOCK);
      watch (self, connection, EPOLL_CTL_ADD, EPOLLIN);
      begin_message (self, connection, load_now ());
    }
}

/* All has come back, so each connection has nothing more to say. */
static void
close_all (Echo *self)
{
  for (uint32_t i = 0; i < self->options->n_connections; i++)
    {
      Connection *connection = &self->connections[i];

      fcntl (connection->fd, F_SETFL, 0);
      if (connection->is_broken || self->meter->n_lost > 0)
        close (connection->fd);
      else if (!load_finish (connection->fd))
        self->meter->n_failed++;
    }
}

static void
watch_input (Echo *self)
{
  struct epoll_event event = { .events = 0, .data.ptr = NULL };

  /* Without events asked for, a pipe reports only that it is closed. */
  if (self->options->seconds == 0 &&
      epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0)
    abort ();
}

/*
 * load_run_echo:
 * @options: what is asked for
 * @pattern: the bytes
 * @meter: what is measured
 *
 * Echoes for a time, or until standard input is closed.
 */
void
load_run_echo (const LoadOptions *options,
               const LoadPattern *pattern,
               LoadMeter         *meter)
{
  Echo self = {
    .options = options,
    .pattern = pattern,
    .meter = meter,
    .epoll_fd = epoll_create1 (EPOLL_CLOEXEC),
    .connections = calloc (options->n_connections, sizeof (Connection)),
    .buffer = malloc (options->size),
  };

  if (self.connections == NULL || self.buffer == NULL || self.epoll_fd < 0)
    abort ();

  open_all (&self);
  watch_input (&self);
  self.next_phase = load_now () + (uint64_t) (options->warm_up * NS_PER_S);
  run (&self);
  load_meter_end (meter);
  close_all (&self);
  close (self.epoll_fd);
  free (self.buffer);
  free (self.connections);
}
