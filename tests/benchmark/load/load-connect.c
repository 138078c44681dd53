/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Connects, sends a message, reads it back and closes, many at a time. */

#include "load-dial.h"
#include "load-modes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64

/* Nothing came back for so long: it is lost. */
#define PATIENCE_MS 120000

typedef struct
{
  int      fd;
  uint32_t number;
  uint64_t began;
  size_t   n_received;
} Slot;

typedef struct
{
  const LoadOptions *options;
  const LoadPattern *pattern;
  LoadMeter         *meter;
  int                epoll_fd;
  uint64_t           n_dialled;
  uint64_t           n_wanted;
  unsigned           n_open;
  uint8_t           *buffer; /* (owned) */
} Connect;

static void
dial (Connect *self,
      Slot    *slot)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = slot };

  slot->number = (uint32_t) self->n_dialled++;
  slot->n_received = 0;
  slot->began = load_now ();
  slot->fd = load_dial (self->options->port, slot->number);
  self->n_open++;
  load_send_all (slot->fd,
                 self->pattern->sent + load_pattern_get_offset (slot->number, 0),
                 self->options->size);
  epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, slot->fd, &event);
}

static void
finish (Connect *self,
        Slot    *slot)
{
  close (slot->fd);
  self->n_open--;
  if (self->n_dialled < self->n_wanted)
    dial (self, slot);
}

static void
take (Connect *self,
      Slot    *slot)
{
  const size_t offset = load_pattern_get_offset (slot->number, 0) + slot->n_received;
  const size_t size = self->options->size;
  /* One more than there should be, to notice it. */
  const ssize_t n =
    recv (slot->fd, self->buffer, size - slot->n_received + 1, MSG_DONTWAIT);

  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0)
    {
      self->meter->n_failed++;
      finish (self, slot);
      return;
    }

  slot->n_received += (size_t) n;
  if (slot->n_received > size ||
      memcmp (self->buffer, self->pattern->expected + offset, (size_t) n) != 0)
    self->meter->n_wrong++;
  if (slot->n_received < size)
    return;

  load_histogram_add (&self->meter->latency, load_now () - slot->began);
  self->meter->n_done++;
  self->meter->n_bytes += size;
  finish (self, slot);
}

static void
run (Connect *self,
     Slot    *slots,
     uint64_t n_wanted)
{
  struct epoll_event events[BATCH];

  self->n_wanted += n_wanted;
  for (unsigned i = 0; i < self->options->n_connections && self->n_dialled < self->n_wanted; i++)
    dial (self, &slots[i]);
  while (self->n_open > 0)
    {
      const int n = epoll_wait (self->epoll_fd, events, BATCH, PATIENCE_MS);

      if (n == 0)
        {
          self->meter->n_lost += self->n_open;
          return;
        }
      for (int i = 0; i < n; i++)
        take (self, events[i].data.ptr);
      load_meter_show_progress (self->meter, load_now ());
    }
}

/* When the server has answered one more, and closed it, it has also dealt with
 * the FINs before that: so their cost is not left out. */
static void
settle (Connect *self)
{
  const int     fd = load_dial (self->options->port, 0);
  const uint8_t byte = 0;
  uint8_t       answer = 1;

  load_prepare (fd);
  if (!load_send_all (fd, &byte, 1) || !load_receive_all (fd, &answer, 1) || answer != byte)
    self->meter->n_failed++;
  if (!load_finish (fd))
    self->meter->n_failed++;
}

/*
 * load_run_connect:
 * @options: what is asked for
 * @pattern: the bytes
 * @meter: what is measured
 *
 * Makes connections until there were enough.
 */
void
load_run_connect (const LoadOptions *options,
                  const LoadPattern *pattern,
                  LoadMeter         *meter)
{
  Connect self = {
    .options = options,
    .pattern = pattern,
    .meter = meter,
    .epoll_fd = epoll_create1 (EPOLL_CLOEXEC),
    .buffer = malloc (options->size + 1),
  };
  Slot *slots = calloc (options->n_connections, sizeof *slots);

  if (slots == NULL || self.buffer == NULL || self.epoll_fd < 0)
    abort ();

  /* One in twenty to warm up. */
  run (&self, slots, options->count / 20 + 1);
  settle (&self);
  load_say_ready ();
  load_meter_begin (meter);
  run (&self, slots, options->count);
  settle (&self);
  load_meter_end (meter);
  close (self.epoll_fd);
  free (self.buffer);
  free (slots);
}
