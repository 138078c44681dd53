/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Each message is a window into the same random bytes, at a place that depends
 * on the connection and on the number of the message. So comparing every byte
 * costs a memcmp(), and bytes of another connection, of another message, or in
 * another order do not compare equal. */

#include "load-pattern.h"

#include <stdlib.h>

/* A power of two; together the windows fit into the first-level cache, or a
 * load of small messages would measure that instead. */
#define N_WINDOWS 4096

#define SEED 0x5eed50e0de5eed50u

/* splitmix64 */
static uint64_t
next_random (uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;

  return z ^ (z >> 31);
}

static uint8_t
to_upper (uint8_t byte)
{
  return byte >= 'a' && byte <= 'z' ? (uint8_t) (byte - 'a' + 'A') : byte;
}

/*
 * load_pattern_init:
 * @self: memory for a pattern
 * @size: of a message
 * @is_upper: whether the server turns a-z into A-Z
 *
 * Makes the bytes of all messages.
 */
void
load_pattern_init (LoadPattern *self,
                   size_t       size,
                   bool         is_upper)
{
  uint64_t state = SEED;

  self->sent = malloc (size + N_WINDOWS);
  self->expected = malloc (size + N_WINDOWS);
  if (self->sent == NULL || self->expected == NULL)
    abort ();

  for (size_t i = 0; i < size + N_WINDOWS; i++)
    {
      self->sent[i] = (uint8_t) (next_random (&state) >> 56);
      self->expected[i] = is_upper ? to_upper (self->sent[i]) : self->sent[i];
    }
}

/*
 * load_pattern_clear:
 * @self: a pattern
 *
 * Frees the bytes.
 */
void
load_pattern_clear (LoadPattern *self)
{
  free (self->sent);
  free (self->expected);
}

/*
 * load_pattern_get_offset:
 * @connection: the number of a connection
 * @message: the number of a message on it
 *
 * Tells where in the bytes a message begins.
 */
size_t
load_pattern_get_offset (uint32_t connection,
                         uint64_t message)
{
  /* Odd factors: 4,096 messages in a row have a window each, and so have the
   * same messages of 4,096 connections. */
  return (connection * 2081u + message * 1237u) % N_WINDOWS;
}
