/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Where log messages leave the process: standard error, or the journal.
 *
 * GLib's writers, and those of libsystemd, wait until a message is taken. A pipe
 * that nobody reads, a terminal that is stopped or a journal that is stuck would
 * then stop the thread that logs, and all of its connections. So here nothing
 * waits: what is not taken at once is lost, and how much is told later.
 *
 * O_NONBLOCK belongs to what was opened, which the shell and others share with
 * us; so a pipe or a terminal is opened once more for us alone. */

#include "config.h"

#include "sonded-log-sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Fits in the buffer of a socket, as it is by default. */
#define FIELD_MAX 49152

struct _SondedLogSink
{
  GMutex   lock;
  int      console; /* standard error, or what it is connected to */
  gboolean is_socket;
  gboolean may_block;
  gboolean in_line; /* a line was taken in part */
  guint    n_lost;
  int      journal; /* (owned) */
};

/* Who starts without them would get a socket or the bus in their place, and
 * write the log there. */
static void
open_standard_streams (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close (fd);
}

static void
open_console (SondedLogSink *self)
{
  struct stat status;

  self->console = STDERR_FILENO;
  if (fstat (STDERR_FILENO, &status) != 0)
    return;

  self->is_socket = S_ISSOCK (status.st_mode);
  if (!S_ISFIFO (status.st_mode) && !S_ISCHR (status.st_mode))
    return;

  self->console = open ("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  self->may_block = self->console < 0;
  if (self->console < 0)
    self->console = STDERR_FILENO;
}

/*
 * sonded_log_sink_new:
 *
 * Prepares to log. Where the process has no standard streams, they lead nowhere
 * from now on; so this comes before anything else is opened.
 */
SondedLogSink *
sonded_log_sink_new (void)
{
  SondedLogSink *self = g_new0 (SondedLogSink, 1);

  open_standard_streams ();
  /* A pipe whose reader has left is no reason to end. */
  signal (SIGPIPE, SIG_IGN);
  g_mutex_init (&self->lock);
  open_console (self);
  self->journal = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  return self;
}

static gboolean
would_block (SondedLogSink *self)
{
  struct pollfd poll_fd = { .fd = self->console, .events = POLLOUT };

  return self->may_block && poll (&poll_fd, 1, 0) == 0;
}

static gssize
write_some (SondedLogSink *self,
            const char    *text)
{
  if (self->is_socket)
    return send (self->console, text, strlen (text), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (would_block (self))
    return -1;

  return write (self->console, text, strlen (text));
}

static void
write_locked (SondedLogSink *self,
              const char    *line)
{
  g_autofree char *lost =
    self->n_lost > 0 ? g_strdup_printf ("(%u messages are lost)\n", self->n_lost) : NULL;
  g_autofree char *text =
    g_strconcat (self->in_line ? "\n" : "", lost != NULL ? lost : "", line, "\n", NULL);
  const gssize written = write_some (self, text);

  if (written <= 0)
    {
      self->n_lost++;
      return;
    }
  self->in_line = (gsize) written < strlen (text);
  self->n_lost = 0;
}

/*
 * sonded_log_sink_write:
 * @self: a sink
 * @line: a message without a line feed
 *
 * Writes a line to standard error, if it is taken at once. Any thread may.
 */
void
sonded_log_sink_write (SondedLogSink *self,
                       const char    *line)
{
  g_mutex_lock (&self->lock);
  write_locked (self, line);
  g_mutex_unlock (&self->lock);
}

/* In the native protocol of the journal, where a length comes before a value
 * that may hold a line feed. */
static void
append_field (GString    *message,
              const char *key,
              const char *value,
              gsize       length)
{
  const guint64 length_le = GUINT64_TO_LE ((guint64) length);

  g_string_append (message, key);
  g_string_append_c (message, '\n');
  g_string_append_len (message, (const char *) &length_le, sizeof length_le);
  g_string_append_len (message, value, (gssize) length);
  g_string_append_c (message, '\n');
}

static GString *
format_for_journal (const GLogField *fields,
                    gsize            n_fields)
{
  GString *message = g_string_new (NULL);

  for (gsize i = 0; i < n_fields; i++)
    {
      const gsize length =
        fields[i].length < 0 ? strlen (fields[i].value) : (gsize) fields[i].length;

      append_field (message, fields[i].key, fields[i].value, MIN (length, FIELD_MAX));
    }
  append_field (message, "SYSLOG_IDENTIFIER", G_LOG_DOMAIN, strlen (G_LOG_DOMAIN));

  return message;
}

/*
 * sonded_log_sink_send:
 * @self: a sink
 * @fields: a message
 * @n_fields: how many there are
 *
 * Sends a message to the journal, if it is taken at once. Any thread may.
 *
 * Returns: %FALSE if there is no journal
 */
gboolean
sonded_log_sink_send (SondedLogSink   *self,
                      const GLogField *fields,
                      gsize            n_fields)
{
  const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
  GString                 *message = format_for_journal (fields, n_fields);
  const gssize             sent = sendto (self->journal,
                                          message->str,
                                          message->len,
                                          MSG_DONTWAIT | MSG_NOSIGNAL,
                                          (const struct sockaddr *) &address,
                                          sizeof address);
  const gboolean           is_full = sent < 0 && (errno == EAGAIN || errno == ENOBUFS);

  g_string_free (message, TRUE);

  return sent >= 0 || is_full;
}
