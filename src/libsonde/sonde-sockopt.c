/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* From a row of the table to setsockopt(2), and back with getsockopt(2). */

#include "config.h"

#include "sonde-error-private.h"
#include "sonde-option-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union
{
  int           number;
  unsigned long number_long;
  struct linger linger;
  char          name[SONDE_OPTION_NAME_MAX + 1];
} Raw;

/*
 * sonde_option_get_number:
 * @value: a valid value of an option that is no name
 *
 * Gets the number that a value stands for; of a boolean, 0 or 1.
 */
guint64
sonde_option_get_number (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_variant_get_boolean (value) ? 1 : 0;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32 (value);

  return g_variant_get_uint64 (value);
}

static GVariant *
make_number (const SondeOption *self,
             guint64            number)
{
  if (self->key.kind == SONDE_KEY_BOOLEAN)
    return g_variant_ref_sink (g_variant_new_boolean (number != 0));
  if (self->key.kind == SONDE_KEY_COUNT)
    return g_variant_ref_sink (g_variant_new_uint32 ((guint32) number));

  return g_variant_ref_sink (g_variant_new_uint64 (number));
}

static guint64
get_unit (const SondeOption *self)
{
  return MAX (self->unit, 1);
}

/* Half a second of a kernel that counts seconds is one: a time asked for is
 * never cut to nothing. */
static guint64
to_kernel_unit (const SondeOption *self,
                GVariant          *value)
{
  const guint64 unit = get_unit (self);

  return sonde_option_get_number (value) / unit + (sonde_option_get_number (value) % unit != 0);
}

static socklen_t
encode (const SondeOption *self,
        GVariant          *value,
        Raw               *raw)
{
  switch (self->storage)
    {
    case SONDE_OPTION_NAME:
      g_strlcpy (raw->name, g_variant_get_string (value, NULL), sizeof raw->name);
      return (socklen_t) strlen (raw->name);
    case SONDE_OPTION_LINGER:
      raw->linger.l_linger = (int) to_kernel_unit (self, value);
      raw->linger.l_onoff = raw->linger.l_linger > 0;
      return sizeof raw->linger;
    case SONDE_OPTION_ULONG:
      raw->number_long = to_kernel_unit (self, value);
      return sizeof raw->number_long;
    case SONDE_OPTION_INT:
    default:
      raw->number = (int) to_kernel_unit (self, value);
      return sizeof raw->number;
    }
}

static guint64
decode_number (const SondeOption *self,
               const Raw         *raw)
{
  switch (self->storage)
    {
    case SONDE_OPTION_LINGER:
      return raw->linger.l_onoff ? (guint64) raw->linger.l_linger : 0;
    case SONDE_OPTION_ULONG:
      /* All ones is how the kernel says "not paced". */
      return raw->number_long == G_MAXULONG ? 0 : raw->number_long;
    case SONDE_OPTION_INT:
    case SONDE_OPTION_NAME:
    default:
      return (guint) raw->number;
    }
}

static GVariant *
decode (const SondeOption *self,
        const Raw         *raw)
{
  if (self->storage == SONDE_OPTION_NAME)
    return g_variant_ref_sink (g_variant_new_string (raw->name));

  return make_number (self, decode_number (self, raw) * get_unit (self));
}

static gboolean
is_ipv6 (int fd)
{
  int       domain = AF_UNSPEC;
  socklen_t length = sizeof domain;

  return getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_INET6;
}

/* An option that this kernel does not have is not an error of whoever asked:
 * the report says "unsupported". */
static gboolean
set_raw (const SondeOption *self,
         int                fd,
         const Raw         *raw,
         socklen_t          length,
         GError           **error)
{
  int result;

  /* A dual-stack socket speaks IPv4 too, so the IPv4 option is set as well. */
  result = setsockopt (fd, self->level, self->optname, raw, length);
  if (result == 0 && self->optname6 != 0 && is_ipv6 (fd))
    result = setsockopt (fd, self->level6, self->optname6, raw, length);
  if (result == 0 || errno == ENOPROTOOPT)
    return TRUE;

  sonde_error_set_errno (error, errno, "Could not set %s", self->key.name);

  return FALSE;
}

static gboolean
get_raw (const SondeOption *self,
         int                fd,
         Raw               *raw)
{
  const gboolean ipv6 = self->optname6 != 0 && is_ipv6 (fd);
  socklen_t      length = sizeof *raw;

  memset (raw, 0, sizeof *raw);

  return getsockopt (fd,
                     ipv6 ? self->level6 : self->level,
                     ipv6 ? self->optname6 : self->optname,
                     raw,
                     &length) == 0;
}

/*
 * sonde_option_make_scratch_socket:
 *
 * Makes a socket that is never connected: to try a value on, or to see what
 * the kernel gives on its own.
 *
 * Returns: a file descriptor, or -1 with errno set
 */
int
sonde_option_make_scratch_socket (void)
{
  return socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
}

/*
 * sonde_option_write:
 * @self: a row of the table
 * @fd: a TCP socket; a listening one for the backlog
 * @value: a valid value of the row
 * @error: where to put an error
 *
 * Sets the option. One that the kernel does not know is left alone.
 */
gboolean
sonde_option_write (const SondeOption *self,
                    int                fd,
                    GVariant          *value,
                    GError           **error)
{
  Raw       raw = { 0 };
  socklen_t length;

  if (self->phases & SONDE_OPTION_AT_LISTEN)
    {
      const guint64 backlog = sonde_option_get_number (value);

      if (listen (fd, backlog > 0 ? (int) backlog : G_MAXINT) == 0)
        return TRUE;

      sonde_error_set_errno (error,
                             errno,
                             "Could not listen with %s=%" G_GUINT64_FORMAT,
                             self->key.name,
                             backlog);
      return FALSE;
    }

  length = encode (self, value, &raw);

  return set_raw (self, fd, &raw, length, error);
}

static gboolean
copy_default (const SondeOption *self,
              int                fd,
              GError           **error)
{
  int       scratch = sonde_option_make_scratch_socket ();
  Raw       raw = { 0 };
  gboolean  have;
  socklen_t length = sizeof raw.number;

  if (scratch < 0)
    {
      sonde_error_set_errno (error, errno, "Could not make a socket");
      return FALSE;
    }
  have = get_raw (self, scratch, &raw);
  close (scratch);
  if (self->storage == SONDE_OPTION_NAME)
    length = (socklen_t) strlen (raw.name);

  return !have || set_raw (self, fd, &raw, length, error);
}

/*
 * sonde_option_unset:
 * @self: a row of the table
 * @fd: a TCP socket; a listening one for the backlog
 * @error: where to put an error
 *
 * Gives the option back to the kernel, as far as the kernel takes it back.
 */
gboolean
sonde_option_unset (const SondeOption *self,
                    int                fd,
                    GError           **error)
{
  g_autoptr (GVariant) nothing = NULL;
  Raw raw = { 0 };

  if (self->phases & SONDE_OPTION_AT_LISTEN || self->unset == SONDE_OPTION_UNSET_BY_ZERO)
    {
      nothing = make_number (self, 0);
      return sonde_option_write (self, fd, nothing, error);
    }
  if (self->unset == SONDE_OPTION_UNSET_BY_DEFAULT)
    return copy_default (self, fd, error);
  if (self->unset == SONDE_OPTION_STAYS)
    return TRUE;

  raw.number_long = G_MAXULONG;

  return set_raw (self, fd, &raw, sizeof raw.number_long, error);
}

/* tcp(7): of a listener, tcpi_sacked is the limit of its accept queue. */
static GVariant *
read_backlog (const SondeOption *self,
              int                fd)
{
  struct tcp_info info = { 0 };
  socklen_t       length = sizeof info;

  if (getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || info.tcpi_state != TCP_LISTEN)
    return NULL;

  return make_number (self, info.tcpi_sacked);
}

/*
 * sonde_option_read:
 * @self: a row of the table
 * @fd: a TCP socket
 *
 * Reads back what the kernel made of the option.
 *
 * Returns: (transfer full) (nullable): the value in the key's unit, or %NULL
 *   where the kernel does not know the option
 */
GVariant *
sonde_option_read (const SondeOption *self,
                   int                fd)
{
  Raw raw;

  if (self->phases & SONDE_OPTION_AT_LISTEN)
    return read_backlog (self, fd);
  if (!get_raw (self, fd, &raw))
    return NULL;

  return decode (self, &raw);
}

/*
 * sonde_option_restore:
 * @self: a row of the table
 * @fd: a TCP socket; a listening one for the backlog
 * @found: what sonde_option_read() said about it before
 * @error: where to put an error
 *
 * Gives the option the value that it had. What a new socket has too is rather
 * given back to the kernel: of MaxSegment, say, a listener tells a value that
 * nobody has set.
 */
gboolean
sonde_option_restore (const SondeOption *self,
                      int                fd,
                      GVariant          *found,
                      GError           **error)
{
  const int scratch = sonde_option_make_scratch_socket ();
  g_autoptr (GVariant) fresh = NULL;

  if (scratch >= 0)
    {
      fresh = sonde_option_read (self, scratch);
      close (scratch);
    }
  if (fresh != NULL && g_variant_equal (fresh, found))
    return sonde_option_unset (self, fd, error);

  return sonde_option_write (self, fd, found, error);
}
