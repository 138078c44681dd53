/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* THE table: everything that is to be known about a socket option stands in
 * its row, and nowhere else. */

#include "config.h"

#include "sonde-option-private.h"

#include <glib/gi18n-lib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* The kernel's MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL and MAX_TCP_KEEPCNT. */
#define KEEP_ALIVE_SECONDS_MAX (32767 * SONDE_KEY_SECOND)
#define KEEP_ALIVE_PROBES_MAX 127

/* The kernel's TCP_MIN_MSS and MAX_TCP_WINDOW. */
#define SEGMENT_MIN 88
#define SEGMENT_MAX 32767

#define EVERYWHERE (SONDE_OPTION_ON_LISTENER | SONDE_OPTION_ON_CONNECTION)

/* clang-format off */
static const SondeOption options[] = {
  [SONDE_ROW_REUSE_ADDRESS] =
  { .key = { "ReuseAddress", "reuse-address",
             N_ ("Bind although old connections linger in TIME_WAIT"),
             SONDE_KEY_BOOLEAN },
    .level = SOL_SOCKET, .optname = SO_REUSEADDR, .phases = SONDE_OPTION_BEFORE_BIND },
  [SONDE_ROW_REUSE_PORT] =
  { .key = { "ReusePort", "reuse-port", N_ ("Let several sockets share the port"),
             SONDE_KEY_BOOLEAN },
    .level = SOL_SOCKET, .optname = SO_REUSEPORT, .phases = SONDE_OPTION_BEFORE_BIND },
  [SONDE_ROW_BACKLOG] =
  { .key = { "Backlog", "backlog", N_ ("Length of the accept queue"),
             SONDE_KEY_COUNT, 1, G_MAXINT32, TRUE },
    .phases = SONDE_OPTION_AT_LISTEN, .sysctl = "net.core.somaxconn", .capped = TRUE },
  [SONDE_ROW_NO_DELAY] =
  { .key = { "NoDelay", "no-delay", N_ ("Send small segments at once (no Nagle algorithm)"),
             SONDE_KEY_BOOLEAN },
    .level = IPPROTO_TCP, .optname = TCP_NODELAY, .phases = EVERYWHERE },
  [SONDE_ROW_QUICK_ACK] =
  { .key = { "QuickAck", "quick-ack", N_ ("Acknowledge at once, armed again after each read"),
             SONDE_KEY_BOOLEAN },
    .level = IPPROTO_TCP, .optname = TCP_QUICKACK, .phases = EVERYWHERE | SONDE_OPTION_REARMED,
    .unset = SONDE_OPTION_STAYS },
  [SONDE_ROW_KEEP_ALIVE] =
  { .key = { "KeepAlive", "keep-alive", N_ ("Probe idle peers"),
             SONDE_KEY_BOOLEAN },
    .level = SOL_SOCKET, .optname = SO_KEEPALIVE, .phases = EVERYWHERE },
  [SONDE_ROW_KEEP_ALIVE_TIME] =
  { .key = { "KeepAliveTimeUSec", "keep-alive-time-usec", N_ ("Idle time before the first probe"),
             SONDE_KEY_TIME, SONDE_KEY_SECOND, KEEP_ALIVE_SECONDS_MAX, TRUE },
    .level = IPPROTO_TCP, .optname = TCP_KEEPIDLE, .unit = SONDE_KEY_SECOND, .phases = EVERYWHERE,
    .sysctl = "net.ipv4.tcp_keepalive_time" },
  [SONDE_ROW_KEEP_ALIVE_INTERVAL] =
  { .key = { "KeepAliveIntervalUSec", "keep-alive-interval-usec", N_ ("Time between probes"),
             SONDE_KEY_TIME, SONDE_KEY_SECOND, KEEP_ALIVE_SECONDS_MAX, TRUE },
    .level = IPPROTO_TCP, .optname = TCP_KEEPINTVL, .unit = SONDE_KEY_SECOND, .phases = EVERYWHERE,
    .sysctl = "net.ipv4.tcp_keepalive_intvl" },
  [SONDE_ROW_KEEP_ALIVE_PROBES] =
  { .key = { "KeepAliveProbes", "keep-alive-probes", N_ ("Unanswered probes that end a connection"),
             SONDE_KEY_COUNT, 1, KEEP_ALIVE_PROBES_MAX, TRUE },
    .level = IPPROTO_TCP, .optname = TCP_KEEPCNT, .phases = EVERYWHERE,
    .sysctl = "net.ipv4.tcp_keepalive_probes" },
  [SONDE_ROW_RECEIVE_BUFFER] =
  { .key = { "ReceiveBuffer", "receive-buffer",
             N_ ("Bytes of the receive buffer, without overhead"),
             SONDE_KEY_SIZE, 1, G_MAXINT32, TRUE },
    .level = SOL_SOCKET, .optname = SO_RCVBUF, .phases = EVERYWHERE, .doubled = TRUE,
    .unset = SONDE_OPTION_STAYS, .sysctl = "net.core.rmem_max", .capped = TRUE },
  [SONDE_ROW_SEND_BUFFER] =
  { .key = { "SendBuffer", "send-buffer", N_ ("Bytes of the send buffer, without overhead"),
             SONDE_KEY_SIZE, 1, G_MAXINT32, TRUE },
    .level = SOL_SOCKET, .optname = SO_SNDBUF, .phases = EVERYWHERE, .doubled = TRUE,
    .unset = SONDE_OPTION_STAYS, .sysctl = "net.core.wmem_max", .capped = TRUE },
  [SONDE_ROW_USER_TIMEOUT] =
  { .key = { "UserTimeoutUSec", "user-timeout-usec",
             N_ ("How long sent data may stay unacknowledged"),
             SONDE_KEY_TIME, 1000, G_MAXINT32 * (guint64) 1000, TRUE },
    .level = IPPROTO_TCP, .optname = TCP_USER_TIMEOUT, .unit = 1000, .phases = EVERYWHERE,
    .unset = SONDE_OPTION_UNSET_BY_ZERO },
  [SONDE_ROW_DEFER_ACCEPT] =
  { .key = { "DeferAcceptUSec",
      "defer-accept-usec",
      N_ ("Accept only once data came, or after this time"),
             SONDE_KEY_TIME, SONDE_KEY_SECOND, SONDE_KEY_TIME_MAX, TRUE },
    .level = IPPROTO_TCP, .optname = TCP_DEFER_ACCEPT, .unit = SONDE_KEY_SECOND,
    .phases = SONDE_OPTION_ON_LISTENER, .unset = SONDE_OPTION_UNSET_BY_ZERO },
  [SONDE_ROW_CONGESTION] =
  { .key = { "Congestion", "congestion", N_ ("Congestion control algorithm"),
             SONDE_KEY_STRING, 0, SONDE_OPTION_NAME_MAX },
    .level = IPPROTO_TCP, .optname = TCP_CONGESTION, .storage = SONDE_OPTION_NAME,
    .phases = EVERYWHERE, .sysctl = "net.ipv4.tcp_available_congestion_control",
    .capped = TRUE },
  [SONDE_ROW_MAX_PACING_RATE] =
  { .key = { "MaxPacingRate", "max-pacing-rate", N_ ("Bytes sent per second at most"),
             SONDE_KEY_SIZE, 1, G_MAXUINT64 - 1, TRUE },
    .level = SOL_SOCKET, .optname = SO_MAX_PACING_RATE, .storage = SONDE_OPTION_ULONG,
    .phases = EVERYWHERE, .unset = SONDE_OPTION_UNSET_BY_ONES },
  [SONDE_ROW_NOT_SENT_LOW_WATER] =
  { .key = { "NotSentLowWater", "not-sent-low-water",
             N_ ("Unsent bytes above which no more are taken"),
             SONDE_KEY_SIZE, 1, G_MAXINT32, TRUE },
    .level = IPPROTO_TCP, .optname = TCP_NOTSENT_LOWAT, .phases = EVERYWHERE,
    .unset = SONDE_OPTION_UNSET_BY_ZERO, .sysctl = "net.ipv4.tcp_notsent_lowat" },
  [SONDE_ROW_LINGER] =
  { .key = { "LingerUSec", "linger-usec", N_ ("How long close(2) waits for unsent data"),
             SONDE_KEY_TIME, SONDE_KEY_SECOND, 65535 * SONDE_KEY_SECOND, TRUE },
    .level = SOL_SOCKET, .optname = SO_LINGER, .storage = SONDE_OPTION_LINGER,
    .unit = SONDE_KEY_SECOND, .phases = EVERYWHERE, .unset = SONDE_OPTION_UNSET_BY_ZERO },
  [SONDE_ROW_TYPE_OF_SERVICE] =
  { .key = { "TypeOfService", "type-of-service", N_ ("DSCP and ECN byte of the packets"),
             SONDE_KEY_COUNT, 1, 255, TRUE },
    .level = IPPROTO_IP, .optname = IP_TOS, .level6 = IPPROTO_IPV6, .optname6 = IPV6_TCLASS,
    .phases = EVERYWHERE, .unset = SONDE_OPTION_UNSET_BY_ZERO },
  [SONDE_ROW_MAX_SEGMENT] =
  { .key = { "MaxSegment", "max-segment", N_ ("Greatest segment that is announced to the peer"),
             SONDE_KEY_COUNT, SEGMENT_MIN, SEGMENT_MAX, TRUE },
    .level = IPPROTO_TCP, .optname = TCP_MAXSEG, .phases = SONDE_OPTION_ON_LISTENER,
    .unset = SONDE_OPTION_UNSET_BY_ZERO },
};
/* clang-format on */

G_STATIC_ASSERT (G_N_ELEMENTS (options) == SONDE_N_OPTIONS);

/*
 * sonde_option_get_table:
 *
 * Gets the table of all socket options, %SONDE_N_OPTIONS rows.
 */
const SondeOption *
sonde_option_get_table (void)
{
  return options;
}

static const char *
say_clamped (const SondeOption *self)
{
  g_autofree char *reason = g_strconcat ("clamped-by-", self->sysctl, NULL);

  return g_intern_string (reason);
}

static const char *
explain_buffer (const SondeOption *self,
                guint64            asked,
                guint64            effective,
                GVariant          *limit)
{
  const guint64 cap = limit != NULL && g_variant_is_of_type (limit, G_VARIANT_TYPE_UINT64)
                        ? g_variant_get_uint64 (limit)
                        : G_MAXUINT64;

  if (asked > cap && effective < 2 * asked)
    return say_clamped (self);
  if (effective == 2 * asked)
    return "doubled";
  if (effective > 2 * asked)
    return "raised-to-minimum";

  return "not-applied";
}

/* The kernel counts in coarser units, or keeps some bits to itself. */
static gboolean
is_rounded (const SondeOption *self,
            guint64            asked,
            guint64            effective)
{
  if ((self->phases & SONDE_OPTION_ON_CONNECTION) == 0)
    return TRUE;
  if (self->optname == IP_TOS && self->level == IPPROTO_IP)
    return effective == (asked & ~(guint64) 3);

  return effective > asked && effective - asked < self->unit;
}

static const char *
explain_number (const SondeOption *self,
                guint64            asked,
                guint64            effective,
                GVariant          *limit)
{
  if (self->doubled)
    return explain_buffer (self, asked, effective, limit);
  if (self->capped && effective < asked)
    return say_clamped (self);

  return is_rounded (self, asked, effective) ? "rounded" : "not-applied";
}

/*
 * sonde_option_explain:
 * @self: a row of the table
 * @is_set: whether the option was asked for at all
 * @asked: what was asked for
 * @effective: (nullable): what the kernel says
 * @limit: (nullable): the value of the sysctl that limits the option
 *
 * Says why the effective value is what it is.
 *
 * Returns: (transfer none): a reason as in `GetOptionReport()`
 */
const char *
sonde_option_explain (const SondeOption *self,
                      gboolean           is_set,
                      GVariant          *asked,
                      GVariant          *effective,
                      GVariant          *limit)
{
  if (effective == NULL)
    return "unsupported";
  if (!is_set)
    return "kernel-default";
  if (g_variant_equal (asked, effective))
    return "as-asked";
  if (self->phases & SONDE_OPTION_REARMED)
    return "not-sticky";
  if (self->phases & SONDE_OPTION_BEFORE_BIND)
    return "needs-relisten";
  if (self->storage == SONDE_OPTION_NAME)
    return "not-applied";

  return explain_number (self,
                         sonde_option_get_number (asked),
                         sonde_option_get_number (effective),
                         limit);
}
