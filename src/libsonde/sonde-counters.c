/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-counters-private.h"

static const struct
{
  const char *name;
  const char *property;
  const char *blurb;
} counters[] = {
  [SONDE_COUNTER_ACCEPTED] = { "NAccepted", "n-accepted", "Connections accepted" },
  [SONDE_COUNTER_REFUSED] = { "NRefused", "n-refused", "Connections closed at once for a limit" },
  [SONDE_COUNTER_CLOSED] = { "NClosed", "n-closed", "Connections that ended, in whatever way" },
  [SONDE_COUNTER_RESET] = { "NReset", "n-reset", "Connections that either side reset" },
  [SONDE_COUNTER_TIMED_OUT] = { "NTimedOut", "n-timed-out", "Connections ended by a timeout" },
  [SONDE_COUNTER_BYTES_RECEIVED] = { "BytesReceived", "bytes-received", "Bytes received" },
  [SONDE_COUNTER_BYTES_SENT] = { "BytesSent", "bytes-sent", "Bytes sent" },
  [SONDE_COUNTER_QUICK_ACK_REARMS] = { "QuickAckRearms", "quick-ack-rearms",
                                       "Times TCP_QUICKACK was armed again" },
  [SONDE_COUNTER_STALLS] = { "Stalls", "stalls", "Times a peer did not take its bytes at once" },
  [SONDE_COUNTER_SHED] = { "NShed", "n-shed", "Connections reset for the bytes that they held" },
  [SONDE_COUNTER_ACCEPT_PAUSES] = { "NAcceptPauses", "n-accept-pauses",
                                    "Times accepting rested for a lack of something" },
};

G_STATIC_ASSERT (G_N_ELEMENTS (counters) == SONDE_COUNTER_LAST);

/*
 * sonde_counter_get_name:
 * @counter: a counter
 *
 * Gets the name of a counter on D-Bus.
 */
const char *
sonde_counter_get_name (SondeCounter counter)
{
  return counters[counter].name;
}

/*
 * sonde_counter_make_param_spec:
 * @counter: a counter
 *
 * Makes the GObject property that stands for a counter.
 */
GParamSpec *
sonde_counter_make_param_spec (SondeCounter counter)
{
  return g_param_spec_uint64 (counters[counter].property,
                              NULL,
                              counters[counter].blurb,
                              0,
                              G_MAXUINT64,
                              0,
                              G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
}

/*
 * sonde_counters_add_accept_error:
 * @self: the counters of a worker
 * @errsv: what accept(2) failed with
 *
 * Counts a failed accept(2) by its errno.
 */
void
sonde_counters_add_accept_error (SondeCounters *self,
                                 int            errsv)
{
  if (errsv > 0 && errsv <= SONDE_ERRNO_MAX)
    atomic_fetch_add_explicit (&self->accept_errors[errsv], 1, memory_order_relaxed);
}

/*
 * sonde_counters_note_queue:
 * @self: the counters of a worker
 * @depth: how many connections were found waiting
 *
 * Keeps the greatest length of the accept queue that was seen.
 */
void
sonde_counters_note_queue (SondeCounters *self,
                           guint          depth)
{
  guint peak = atomic_load_explicit (&self->accept_queue_peak, memory_order_relaxed);

  while (depth > peak &&
         !atomic_compare_exchange_weak (&self->accept_queue_peak, &peak, depth))
    ;
}
