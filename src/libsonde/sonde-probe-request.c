/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-probe-request-private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "sonde-dial-private.h"
#include "sonde-kernel-limits.h"

/* Keys of the result that come from the kernel's limits. */
static const struct
{
  const char *key;
  const char *limit;
} limit_keys[] = {
  { "KernelConnectTimeoutUSec", "ConnectTimeoutUSec" },
  { "KernelConnectTimeoutClassicUSec", "ConnectTimeoutClassicUSec" },
  { "ReceiveBufferMax", "RmemMax" },
  { "SendBufferMax", "WmemMax" },
};

static GPtrArray *
copy_messages (GPtrArray *messages)
{
  static const char *const defaults[] = { "data1\n", "data2\n" };
  GPtrArray               *copy = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; i < messages->len; i++)
    g_ptr_array_add (copy, g_bytes_ref (g_ptr_array_index (messages, i)));

  for (gsize i = 0; messages->len == 0 && i < G_N_ELEMENTS (defaults); i++)
    g_ptr_array_add (copy, g_bytes_new_static (defaults[i], strlen (defaults[i])));

  return copy;
}

static void
add_value (GVariantBuilder *builder,
           const char      *key,
           GVariant        *value)
{
  g_autofree char *text = g_variant_print (value, FALSE);

  g_debug ("%s: %s", key, text);
  g_variant_builder_add (builder, "{sv}", key, value);
}

static void
add_uint64 (GVariantBuilder *builder,
            const char      *key,
            guint64          value)
{
  add_value (builder, key, g_variant_new_uint64 (value));
}

static void
add_address (GVariantBuilder *builder,
             const char      *address_key,
             const char      *port_key,
             GSocketAddress  *address)
{
  GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS (address);
  GInetAddress       *host = g_inet_socket_address_get_address (inet);

  add_value (builder, address_key, g_variant_new_take_string (g_inet_address_to_string (host)));
  add_value (builder, port_key, g_variant_new_uint16 (g_inet_socket_address_get_port (inet)));
}

static void
add_local_address (GVariantBuilder *builder,
                   int              fd)
{
  struct sockaddr_storage native = { 0 };
  socklen_t               length = sizeof native;
  g_autoptr (GSocketAddress) address = NULL;

  if (getsockname (fd, (struct sockaddr *) &native, &length) < 0)
    return;

  address = g_socket_address_new_from_native (&native, length);
  add_address (builder, "LocalAddress", "LocalPort", address);
}

static void
add_buffer (GVariantBuilder *builder,
            const char      *key,
            int              fd,
            int              optname)
{
  int       size = 0;
  socklen_t length = sizeof size;

  if (getsockopt (fd, SOL_SOCKET, optname, &size, &length) == 0)
    add_uint64 (builder, key, size);
}

static void
add_kernel_rtt (GVariantBuilder *builder,
                int              fd)
{
  struct tcp_info info = { 0 };
  socklen_t       length = sizeof info;

  if (getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
    add_uint64 (builder, "KernelRttUSec", info.tcpi_rtt);
}

static void
add_limits (GVariantBuilder         *builder,
            const SondeProbeRequest *request)
{
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new ();

  add_uint64 (builder, "ConnectTimeoutUSec", request->connect_timeout_usec);

  for (gsize i = 0; i < G_N_ELEMENTS (limit_keys); i++)
    {
      g_autoptr (GVariant) value = sonde_kernel_limits_get_value (limits, limit_keys[i].limit);

      if (value != NULL)
        add_value (builder, limit_keys[i].key, value);
    }
}

static void
add_connection (GVariantBuilder       *builder,
                const SondeDialResult *dialled)
{
  add_address (builder, "PeerAddress", "PeerPort", dialled->address);
  add_local_address (builder, dialled->fd);
  add_uint64 (builder, "ConnectUSec", dialled->connect_usec);
  add_buffer (builder, "ReceiveBuffer", dialled->fd, SO_RCVBUF);
  add_buffer (builder, "SendBuffer", dialled->fd, SO_SNDBUF);
}

static void
add_exchange (GVariantBuilder           *builder,
              const SondeExchangeResult *exchanged,
              int                        fd)
{
  add_uint64 (builder, "FirstByteUSec", exchanged->first_byte_usec);
  add_uint64 (builder, "RoundTripUSec", exchanged->round_trip_usec);
  add_uint64 (builder, "BytesSent", exchanged->n_sent);
  add_uint64 (builder, "BytesReceived", exchanged->n_received);
  add_kernel_rtt (builder, fd);
}

static gboolean
dial (const SondeProbeRequest *request,
      const char              *target,
      SondeWait               *wait,
      SondeDialResult         *result,
      GError                 **error)
{
  const SondeDialOptions options = {
    .host = request->host,
    .target = target,
    .port = request->port,
    .timeout_usec = request->connect_timeout_usec,
    .receive_buffer = request->receive_buffer,
    .send_buffer = request->send_buffer,
  };

  return sonde_dial (&options, wait, result, error);
}

static gboolean
exchange (const SondeProbeRequest *request,
          const char              *target,
          SondeExchangeOptions    *options,
          int                      fd,
          SondeWait               *wait,
          SondeExchangeResult     *result,
          GError                 **error)
{
  options->messages = request->messages;
  options->count = request->count;
  options->target = target;
  options->mode = request->mode;
  options->read_size = request->read_size;
  options->timeout_usec = request->io_timeout_usec;

  return sonde_exchange_run (options, fd, wait, result, error);
}

/*
 * sonde_probe_request_copy:
 * @self: a request
 *
 * Copies a request, and fills in the default messages if there are none.
 *
 * Returns: (transfer full): the copy
 */
SondeProbeRequest *
sonde_probe_request_copy (const SondeProbeRequest *self)
{
  SondeProbeRequest *copy = g_memdup2 (self, sizeof *self);

  copy->host = g_strdup (self->host);
  copy->messages = copy_messages (self->messages);

  return copy;
}

/*
 * sonde_probe_request_clear:
 * @self: a request
 *
 * Frees what a request holds.
 */
void
sonde_probe_request_clear (SondeProbeRequest *self)
{
  g_clear_pointer (&self->host, g_free);
  g_clear_pointer (&self->messages, g_ptr_array_unref);
}

/*
 * sonde_probe_request_free:
 * @self: a request that was copied
 *
 * Frees a request.
 */
void
sonde_probe_request_free (SondeProbeRequest *self)
{
  sonde_probe_request_clear (self);
  g_free (self);
}

/*
 * sonde_probe_request_run:
 * @self: a request
 * @progress: (nullable): whom to tell how far the answer has come, in this thread
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable
 * @error: (nullable): where to put the error
 *
 * Connects, exchanges, and tells how it went; see sonde_probe_run().
 *
 * Returns: (transfer full) (nullable): the result, or %NULL with an error
 */
GVariant *
sonde_probe_request_run (const SondeProbeRequest *self,
                         SondeProgressFunc        progress,
                         gpointer                 progress_data,
                         GCancellable            *cancellable,
                         GError                 **error)
{
  g_autofree char *target = sonde_dial_format_target (self->host, self->port);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_auto (SondeDialResult) dialled = SONDE_DIAL_RESULT_INIT;
  g_auto (SondeWait) wait = SONDE_WAIT_INIT;
  SondeExchangeOptions options = { .progress = progress, .progress_data = progress_data };
  SondeExchangeResult  exchanged;

  g_debug ("probing %s, mode %s", target, sonde_mode_to_string (self->mode));
  add_limits (&builder, self);

  if (!sonde_wait_init (&wait, cancellable, error) ||
      !dial (self, target, &wait, &dialled, error))
    return NULL;
  add_connection (&builder, &dialled);

  if (!exchange (self, target, &options, dialled.fd, &wait, &exchanged, error))
    return NULL;
  add_exchange (&builder, &exchanged, dialled.fd);

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}
