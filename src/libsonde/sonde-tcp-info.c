/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* struct tcp_info by names that carry their units.
 *
 * The kernel tells how much of it there is, and that may be more than the
 * headers know with which this was built: what was added since is found by its
 * place, which never changes. Left out are what no kernel fills in
 * (tcpi_last_ack_sent, tcpi_fackets since 4.15) and the last word, at 276, in
 * which 6.18 and later ones put different things. */

#include "config.h"

#include "sonde-tcp-info-private.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define MICROSECONDS 1
#define MILLISECONDS 1000

/* clang-format off */
#define FIELD(name, field, factor) \
  { name, offsetof (struct tcp_info, field), sizeof (((struct tcp_info *) NULL)->field), factor }

G_STATIC_ASSERT (offsetof (struct tcp_info, tcpi_snd_wnd) == 228);

/* How a field is named, where it is, how wide, and how many of the unit in its
 * name it counts. */
static const struct
{
  const char *name;
  gsize       offset;
  gsize       size;
  guint       factor;
} fields[] = {
  FIELD ("TcpState", tcpi_state, 1),
  FIELD ("TcpCongestionState", tcpi_ca_state, 1),
  FIELD ("TcpRetransmits", tcpi_retransmits, 1),
  FIELD ("TcpProbes", tcpi_probes, 1),
  FIELD ("TcpBackoff", tcpi_backoff, 1),
  FIELD ("TcpOptions", tcpi_options, 1),
  FIELD ("TcpRtoUSec", tcpi_rto, MICROSECONDS),
  FIELD ("TcpAckTimeoutUSec", tcpi_ato, MICROSECONDS),
  FIELD ("TcpSendMssBytes", tcpi_snd_mss, 1),
  FIELD ("TcpReceiveMssBytes", tcpi_rcv_mss, 1),
  FIELD ("TcpUnackedSegments", tcpi_unacked, 1),
  FIELD ("TcpSackedSegments", tcpi_sacked, 1),
  FIELD ("TcpLostSegments", tcpi_lost, 1),
  FIELD ("TcpRetransSegments", tcpi_retrans, 1),
  FIELD ("TcpLastDataSentUSec", tcpi_last_data_sent, MILLISECONDS),
  FIELD ("TcpLastDataReceivedUSec", tcpi_last_data_recv, MILLISECONDS),
  FIELD ("TcpLastAckReceivedUSec", tcpi_last_ack_recv, MILLISECONDS),
  FIELD ("TcpPathMtuBytes", tcpi_pmtu, 1),
  FIELD ("TcpReceiveSlowStartThresholdBytes", tcpi_rcv_ssthresh, 1),
  FIELD ("TcpRttUSec", tcpi_rtt, MICROSECONDS),
  FIELD ("TcpRttVarianceUSec", tcpi_rttvar, MICROSECONDS),
  FIELD ("TcpSendSlowStartThresholdSegments", tcpi_snd_ssthresh, 1),
  FIELD ("TcpCongestionWindowSegments", tcpi_snd_cwnd, 1),
  FIELD ("TcpAdvertisedMssBytes", tcpi_advmss, 1),
  FIELD ("TcpReorderingSegments", tcpi_reordering, 1),
  FIELD ("TcpReceiveRttUSec", tcpi_rcv_rtt, MICROSECONDS),
  FIELD ("TcpReceiveSpaceBytes", tcpi_rcv_space, 1),
  FIELD ("TcpTotalRetransSegments", tcpi_total_retrans, 1),
  FIELD ("TcpPacingRateBytesPerSec", tcpi_pacing_rate, 1),
  FIELD ("TcpMaxPacingRateBytesPerSec", tcpi_max_pacing_rate, 1),
  FIELD ("TcpAckedBytes", tcpi_bytes_acked, 1),
  FIELD ("TcpReceivedBytes", tcpi_bytes_received, 1),
  FIELD ("TcpSegmentsOut", tcpi_segs_out, 1),
  FIELD ("TcpSegmentsIn", tcpi_segs_in, 1),
  FIELD ("TcpNotSentBytes", tcpi_notsent_bytes, 1),
  FIELD ("TcpMinRttUSec", tcpi_min_rtt, MICROSECONDS),
  FIELD ("TcpDataSegmentsIn", tcpi_data_segs_in, 1),
  FIELD ("TcpDataSegmentsOut", tcpi_data_segs_out, 1),
  FIELD ("TcpDeliveryRateBytesPerSec", tcpi_delivery_rate, 1),
  FIELD ("TcpBusyUSec", tcpi_busy_time, MICROSECONDS),
  FIELD ("TcpReceiveWindowLimitedUSec", tcpi_rwnd_limited, MICROSECONDS),
  FIELD ("TcpSendBufferLimitedUSec", tcpi_sndbuf_limited, MICROSECONDS),
  FIELD ("TcpDeliveredSegments", tcpi_delivered, 1),
  FIELD ("TcpDeliveredCeSegments", tcpi_delivered_ce, 1),
  FIELD ("TcpSentBytes", tcpi_bytes_sent, 1),
  FIELD ("TcpRetransBytes", tcpi_bytes_retrans, 1),
  FIELD ("TcpDsackDuplicates", tcpi_dsack_dups, 1),
  FIELD ("TcpReorderingSeen", tcpi_reord_seen, 1),
  FIELD ("TcpOutOfOrderSegments", tcpi_rcv_ooopack, 1),
  FIELD ("TcpSendWindowBytes", tcpi_snd_wnd, 1),
  { "TcpReceiveWindowBytes", 232, 4, 1 },               /* Linux 6.2 */
  { "TcpRehashes", 236, 4, 1 },
  { "TcpTotalRtos", 240, 2, 1 },                        /* Linux 6.7 */
  { "TcpTotalRtoRecoveries", 242, 2, 1 },
  { "TcpTotalRtoUSec", 244, 4, MILLISECONDS },
  { "TcpReceivedCeSegments", 248, 4, 1 },               /* Linux 6.18 */
  { "TcpDeliveredEct1Bytes", 252, 4, 1 },
  { "TcpDeliveredEct0Bytes", 256, 4, 1 },
  { "TcpDeliveredCeBytes", 260, 4, 1 },
  { "TcpReceivedEct1Bytes", 264, 4, 1 },
  { "TcpReceivedEct0Bytes", 268, 4, 1 },
  { "TcpReceivedCeBytes", 272, 4, 1 },
};
/* clang-format on */

/* More than any kernel fills in. */
#define INFO_MAX 512

typedef union
{
  struct tcp_info info;
  guint8          raw[INFO_MAX];
} Info;

static guint64
read_field (const guint8 *raw,
            gsize         size)
{
  guint64 wide;
  guint32 word;
  guint16 half;

  if (size == sizeof wide)
    {
      memcpy (&wide, raw, sizeof wide);
      return wide;
    }
  if (size == sizeof word)
    {
      memcpy (&word, raw, sizeof word);
      return word;
    }
  if (size == sizeof half)
    {
      memcpy (&half, raw, sizeof half);
      return half;
    }

  return *raw;
}

/* They share bytes, and are there as long as Linux has had them all: 4.18. */
static void
insert_bit_fields (const struct tcp_info *info,
                   GVariantDict          *dict)
{
  g_variant_dict_insert (dict, "TcpSendWindowScaleBits", "t", (guint64) info->tcpi_snd_wscale);
  g_variant_dict_insert (dict, "TcpReceiveWindowScaleBits", "t", (guint64) info->tcpi_rcv_wscale);
  g_variant_dict_insert (dict,
                         "TcpDeliveryRateAppLimited",
                         "t",
                         (guint64) info->tcpi_delivery_rate_app_limited);
  g_variant_dict_insert (dict,
                         "TcpFastOpenClientFailure",
                         "t",
                         (guint64) info->tcpi_fastopen_client_fail);
}

/*
 * sonde_tcp_info_read:
 * @fd: a TCP socket
 * @dict: where to put what the kernel tells
 *
 * Reads TCP_INFO. What this kernel does not deliver is left out; every value
 * is a `t`.
 */
void
sonde_tcp_info_read (int           fd,
                     GVariantDict *dict)
{
  Info      info = { 0 };
  socklen_t length = sizeof info;

  if (getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
    return;

  insert_bit_fields (&info.info, dict);
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    if (fields[i].offset + fields[i].size <= length)
      g_variant_dict_insert (dict,
                             fields[i].name,
                             "t",
                             read_field (info.raw + fields[i].offset, fields[i].size) *
                               fields[i].factor);
}
