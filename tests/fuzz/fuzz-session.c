/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* One connection, to which bytes come in pieces of any size: what is answered is
 * what the mode says, and nothing is kept in the end. */

#include "config.h"

#include "fuzz.h"

#include <libsonde/sonde-mode-private.h>
#include <libsonde/sonde-session-private.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE 65536
#define HEAD_SIZE 4

typedef struct
{
  SondeRules    rules;
  SondeCounters counters;
  SondeDesk     desk;
  SondeSession *session;
  int           client;
  guint32       interest;
  GByteArray   *answer;
} Fuzz;

/* A megabyte, which would take more time than all else if each input had its own. */
static guint8 *buffer = NULL;

static void
set_up (Fuzz         *self,
        const guint8 *head)
{
  const struct sockaddr_storage nobody = { 0 };
  struct epoll_event            event = { .events = EPOLLIN };
  int                           fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
  self->rules.mode = head[0] % (SONDE_MODE_UPPER_LINE + 1);
  self->rules.line_max = 1 + head[1];
  self->rules.read_size = 1 + head[2] * 16;
  self->rules.quick_ack = self->rules.no_delay = -1;
  self->rules.unsent_max = BUFFER_SIZE;
  self->desk.rules = &self->rules;
  self->desk.counters = &self->counters;
  if (buffer == NULL)
    buffer = g_malloc (SONDE_READ_SIZE_MAX);
  self->desk.buffer = buffer;
  self->session = sonde_session_new (fds[0], 1, &nobody, 1);
  self->session->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->session->interest = self->interest = EPOLLIN;
  g_assert_no_errno (epoll_ctl (self->session->epoll_fd, EPOLL_CTL_ADD, fds[0], &event));
  self->client = fds[1];
  self->answer = g_byte_array_new ();
}

static void
step_while_ready (Fuzz *self)
{
  struct epoll_event event;
  guint8             answer[4096];
  gssize             n;

  while (self->interest != 0 && epoll_wait (self->session->epoll_fd, &event, 1, 0) == 1)
    {
      self->interest = sonde_session_step (self->session, &self->desk, event.events);
      if (self->interest != 0)
        sonde_session_watch (self->session, self->interest);
      while ((n = recv (self->client, answer, sizeof answer, 0)) > 0)
        g_byte_array_append (self->answer, answer, (guint) n);
    }
}

/* The first byte of each piece is its length. */
static GByteArray *
send_pieces (Fuzz         *self,
             const guint8 *data,
             gsize         size)
{
  GByteArray *sent = g_byte_array_new ();

  while (size > 1)
    {
      const gsize  length = MIN ((gsize) data[0] + 1, size - 1);
      const gssize n = send (self->client, data + 1, length, MSG_NOSIGNAL);

      if (n > 0)
        g_byte_array_append (sent, data + 1, (guint) n);
      step_while_ready (self);
      data += length + 1;
      size -= length + 1;
    }
  shutdown (self->client, SHUT_WR);
  step_while_ready (self);

  return sent;
}

static gsize
get_expected_length (Fuzz       *self,
                     GByteArray *sent)
{
  const SondeModeEnd end = sonde_mode_get_end (self->rules.mode);
  const guint8      *newline = sent->len > 0 ? memchr (sent->data, '\n', sent->len) : NULL;
  const gsize        line = newline != NULL ? (gsize) (newline - sent->data) + 1 : sent->len;

  if (end == SONDE_MODE_ENDS_AFTER_LINE)
    return MIN (line, self->rules.line_max);

  return end == SONDE_MODE_ENDS_AFTER_READ ? self->answer->len : sent->len;
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  Fuzz self = { 0 };
  g_autoptr (GByteArray) sent = NULL;
  int epoll_fd;

  if (size < HEAD_SIZE || size > BUFFER_SIZE / 2)
    return 0;

  set_up (&self, data);
  epoll_fd = self.session->epoll_fd;
  sent = send_pieces (&self, data + HEAD_SIZE, size - HEAD_SIZE);
  sonde_mode_transform (self.rules.mode, sent->data, sent->len);

  g_assert_cmpuint (self.interest, ==, 0);
  g_assert_cmpuint (self.answer->len, ==, get_expected_length (&self, sent));
  if (self.answer->len > 0)
    g_assert_cmpint (memcmp (self.answer->data, sent->data, self.answer->len), ==, 0);
  sonde_session_free (self.session, &self.desk);
  g_assert_cmpuint (self.rules.unsent, ==, 0);

  close (epoll_fd);
  close (self.client);
  g_byte_array_unref (self.answer);

  return 0;
}
