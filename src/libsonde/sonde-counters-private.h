/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib-object.h>
#include <stdatomic.h>

G_BEGIN_DECLS

/* What comes later in the life of a connection comes later here. */
typedef enum
{
  SONDE_COUNTER_ACCEPTED,
  SONDE_COUNTER_REFUSED,
  SONDE_COUNTER_CLOSED,
  SONDE_COUNTER_RESET,
  SONDE_COUNTER_TIMED_OUT,
  SONDE_COUNTER_BYTES_RECEIVED,
  SONDE_COUNTER_BYTES_SENT,
  SONDE_COUNTER_QUICK_ACK_REARMS,
  SONDE_COUNTER_STALLS,
  SONDE_COUNTER_SHED,
  SONDE_COUNTER_ACCEPT_PAUSES,
  SONDE_COUNTER_LAST,
} SondeCounter;

/* Linux has no errno above this one. */
#define SONDE_ERRNO_MAX 133

/* What one worker counts. Each has its own, so that workers do not fight over
 * a cache line; whoever asks adds them up. */
typedef struct
{
  _Atomic guint64 values[SONDE_COUNTER_LAST];
  _Atomic guint64 accept_errors[SONDE_ERRNO_MAX + 1];
  _Atomic guint32 accept_queue_peak;
} SondeCounters;

static inline void
sonde_counters_add (SondeCounters *self,
                    SondeCounter   counter,
                    guint64        amount)
{
  atomic_fetch_add_explicit (&self->values[counter], amount, memory_order_relaxed);
}

static inline guint64
sonde_counters_get (SondeCounters *self,
                    SondeCounter   counter)
{
  return atomic_load_explicit (&self->values[counter], memory_order_relaxed);
}

const char *sonde_counter_get_name (SondeCounter counter);
GParamSpec *sonde_counter_make_param_spec (SondeCounter counter);

void sonde_counters_add_accept_error (SondeCounters *self,
                                      int            errsv);
void sonde_counters_note_queue (SondeCounters *self,
                                guint          depth);

G_END_DECLS
