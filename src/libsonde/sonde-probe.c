/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-mode.h"
#include "sonde-probe-private.h"

#define DEFAULT_HOST "localhost"
#define DEFAULT_PORT 9999
#define DEFAULT_CONNECT_TIMEOUT_USEC (3500 * G_TIME_SPAN_MILLISECOND)
#define DEFAULT_IO_TIMEOUT_USEC (5500 * G_TIME_SPAN_MILLISECOND)
#define DEFAULT_READ_SIZE 1024

/**
 * SondeProbe:
 *
 * A TCP client that checks whether a server does what it should.
 *
 * It connects, sends messages, and compares every byte of the answer with the
 * one that a server in a given [enum@Sonde.Mode] owes. It reads while it sends
 * and keeps nothing of the answer, so messages may have any size, and be sent
 * any number of times.
 *
 * A probe may be run many times, each time over a new connection.
 *
 * Since: 0.1
 */
G_DEFINE_FINAL_TYPE (SondeProbe, sonde_probe, G_TYPE_OBJECT)

enum
{
  PROP_HOST = 1,
  PROP_PORT,
  PROP_CONNECT_TIMEOUT_USEC,
  PROP_IO_TIMEOUT_USEC,
  PROP_RECEIVE_BUFFER,
  PROP_SEND_BUFFER,
  PROP_MODE,
  PROP_READ_SIZE,
  PROP_COUNT,
  N_PROPS
};

enum
{
  PROGRESS,
  N_SIGNALS
};

static GParamSpec *props[N_PROPS];
static guint       signals[N_SIGNALS];

/*
 * sonde_probe_emit_progress:
 * @n_received: how many bytes of the answer have come
 * @n_expected: how many are expected, at most
 * @user_data: the probe
 *
 * Emits [signal@Sonde.Probe::progress].
 */
void
sonde_probe_emit_progress (guint64  n_received,
                           guint64  n_expected,
                           gpointer user_data)
{
  g_signal_emit (user_data, signals[PROGRESS], 0, n_received, n_expected);
}

static void
sonde_probe_finalize (GObject *object)
{
  SondeProbe *self = SONDE_PROBE (object);

  sonde_probe_request_clear (&self->request);

  G_OBJECT_CLASS (sonde_probe_parent_class)->finalize (object);
}

static void
sonde_probe_get_property (GObject    *object,
                          guint       prop_id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  SondeProbeRequest *request = &SONDE_PROBE (object)->request;

  switch (prop_id)
    {
    case PROP_HOST:
      g_value_set_string (value, request->host);
      break;
    case PROP_PORT:
      g_value_set_uint (value, request->port);
      break;
    case PROP_CONNECT_TIMEOUT_USEC:
      g_value_set_uint64 (value, request->connect_timeout_usec);
      break;
    case PROP_IO_TIMEOUT_USEC:
      g_value_set_uint64 (value, request->io_timeout_usec);
      break;
    case PROP_RECEIVE_BUFFER:
      g_value_set_uint64 (value, request->receive_buffer);
      break;
    case PROP_SEND_BUFFER:
      g_value_set_uint64 (value, request->send_buffer);
      break;
    case PROP_MODE:
      g_value_set_enum (value, request->mode);
      break;
    case PROP_READ_SIZE:
      g_value_set_uint (value, request->read_size);
      break;
    case PROP_COUNT:
      g_value_set_uint (value, request->count);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
set_host (SondeProbeRequest *request,
          const char        *host)
{
  g_free (request->host);
  request->host = g_strdup (host != NULL ? host : DEFAULT_HOST);
}

static void
sonde_probe_set_property (GObject      *object,
                          guint         prop_id,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  SondeProbeRequest *request = &SONDE_PROBE (object)->request;

  switch (prop_id)
    {
    case PROP_HOST:
      set_host (request, g_value_get_string (value));
      break;
    case PROP_PORT:
      request->port = g_value_get_uint (value);
      break;
    case PROP_CONNECT_TIMEOUT_USEC:
      request->connect_timeout_usec = g_value_get_uint64 (value);
      break;
    case PROP_IO_TIMEOUT_USEC:
      request->io_timeout_usec = g_value_get_uint64 (value);
      break;
    case PROP_RECEIVE_BUFFER:
      request->receive_buffer = g_value_get_uint64 (value);
      break;
    case PROP_SEND_BUFFER:
      request->send_buffer = g_value_get_uint64 (value);
      break;
    case PROP_MODE:
      request->mode = g_value_get_enum (value);
      break;
    case PROP_READ_SIZE:
      request->read_size = g_value_get_uint (value);
      break;
    case PROP_COUNT:
      request->count = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static GParamSpec *
uint64_property (const char *name,
                 guint64     maximum,
                 guint64     initial)
{
  return g_param_spec_uint64 (name,
                              NULL,
                              NULL,
                              0,
                              maximum,
                              initial,
                              G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
}

static GParamSpec *
uint_property (const char *name,
               guint       maximum,
               guint       initial)
{
  return g_param_spec_uint (name,
                            NULL,
                            NULL,
                            1,
                            maximum,
                            initial,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
}

static void
sonde_probe_class_init (SondeProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = sonde_probe_finalize;
  object_class->get_property = sonde_probe_get_property;
  object_class->set_property = sonde_probe_set_property;

  /**
   * SondeProbe:host:
   *
   * The peer's name, or its IPv4 or IPv6 address.
   *
   * All addresses that a name has are tried in turn.
   *
   * Since: 0.1
   */
  props[PROP_HOST] = g_param_spec_string ("host",
                                          NULL,
                                          NULL,
                                          DEFAULT_HOST,
                                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  /**
   * SondeProbe:port:
   *
   * The peer's port, 1 to 65535.
   *
   * Since: 0.1
   */
  props[PROP_PORT] = uint_property ("port", G_MAXUINT16, DEFAULT_PORT);

  /**
   * SondeProbe:connect-timeout-usec:
   *
   * How long looking up the name and connecting may take together, in
   * microseconds; 0 leaves it to the resolver and the kernel.
   *
   * Addresses that are tried in turn share it evenly.
   *
   * Since: 0.1
   */
  props[PROP_CONNECT_TIMEOUT_USEC] = uint64_property ("connect-timeout-usec",
                                                      G_MAXUINT64,
                                                      DEFAULT_CONNECT_TIMEOUT_USEC);

  /**
   * SondeProbe:io-timeout-usec:
   *
   * How long an exchange may go without a byte sent or received, in
   * microseconds; 0 for any time.
   *
   * Since: 0.1
   */
  props[PROP_IO_TIMEOUT_USEC] = uint64_property ("io-timeout-usec",
                                                 G_MAXUINT64,
                                                 DEFAULT_IO_TIMEOUT_USEC);

  /**
   * SondeProbe:receive-buffer:
   *
   * The receive buffer to ask the kernel for, in bytes; 0 leaves it alone.
   *
   * The kernel bounds it, and uses twice as much.
   *
   * Since: 0.1
   */
  props[PROP_RECEIVE_BUFFER] = uint64_property ("receive-buffer", G_MAXINT, 0);

  /**
   * SondeProbe:send-buffer:
   *
   * The send buffer to ask the kernel for, in bytes; 0 leaves it alone.
   *
   * The kernel bounds it, and uses twice as much.
   *
   * Since: 0.1
   */
  props[PROP_SEND_BUFFER] = uint64_property ("send-buffer", G_MAXINT, 0);

  /**
   * SondeProbe:mode:
   *
   * What the peer is expected to do with what it gets.
   *
   * Since: 0.1
   */
  props[PROP_MODE] = g_param_spec_enum ("mode",
                                        NULL,
                                        NULL,
                                        SONDE_TYPE_MODE,
                                        SONDE_MODE_ECHO,
                                        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  /**
   * SondeProbe:read-size:
   *
   * How many bytes the peer's one read takes at most, if it reads only once.
   *
   * Since: 0.1
   */
  props[PROP_READ_SIZE] = uint_property ("read-size", G_MAXUINT, DEFAULT_READ_SIZE);

  /**
   * SondeProbe:count:
   *
   * How many times the messages are sent, one after the other over the same
   * connection.
   *
   * Since: 0.1
   */
  props[PROP_COUNT] = uint_property ("count", G_MAXUINT, 1);

  g_object_class_install_properties (object_class, N_PROPS, props);

  /**
   * SondeProbe::progress:
   * @self: the probe
   * @n_received: how many bytes of the answer have come
   * @n_expected: how many are expected, at most
   *
   * Emitted while a run goes on that takes long, some times a second.
   *
   * [method@Sonde.Probe.run] emits it in its own thread,
   * [method@Sonde.Probe.run_async] in the main context that it was called from.
   * A run that stands still emits nothing.
   *
   * Since: 0.1
   */
  signals[PROGRESS] = g_signal_new ("progress",
                                    SONDE_TYPE_PROBE,
                                    G_SIGNAL_RUN_LAST,
                                    0,
                                    NULL,
                                    NULL,
                                    NULL,
                                    G_TYPE_NONE,
                                    2,
                                    G_TYPE_UINT64,
                                    G_TYPE_UINT64);
}

static void
sonde_probe_init (SondeProbe *self)
{
  self->request = (SondeProbeRequest){
    .host = g_strdup (DEFAULT_HOST),
    .port = DEFAULT_PORT,
    .connect_timeout_usec = DEFAULT_CONNECT_TIMEOUT_USEC,
    .io_timeout_usec = DEFAULT_IO_TIMEOUT_USEC,
    .mode = SONDE_MODE_ECHO,
    .read_size = DEFAULT_READ_SIZE,
    .count = 1,
    .messages = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref),
  };
}

/**
 * sonde_probe_new:
 * @host: the peer's name or address
 * @port: the peer's port, not 0
 *
 * Creates a probe.
 *
 * Returns: (transfer full): the probe
 *
 * Since: 0.1
 */
SondeProbe *
sonde_probe_new (const char *host,
                 guint16     port)
{
  g_return_val_if_fail (host != NULL, NULL);
  g_return_val_if_fail (port > 0, NULL);

  return g_object_new (SONDE_TYPE_PROBE, "host", host, "port", (guint) port, NULL);
}

/**
 * sonde_probe_add_message:
 * @self: a probe
 * @message: what to send
 *
 * Adds a message to send, after those added before.
 *
 * Without any, a probe sends `data1` and `data2`, each with a newline. With
 * empty ones only, it connects and takes its leave.
 *
 * Since: 0.1
 */
void
sonde_probe_add_message (SondeProbe *self,
                         GBytes     *message)
{
  g_return_if_fail (SONDE_IS_PROBE (self));
  g_return_if_fail (message != NULL);

  g_ptr_array_add (self->request.messages, g_bytes_ref (message));
}
