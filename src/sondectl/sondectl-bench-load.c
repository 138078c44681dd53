/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* In a closed loop each client asks again as soon as it has its answer. With a rate the
 * requests are due at fixed times, whatever becomes of those before, and go round the
 * clients in turn; one whose client is still busy waits, and its time counts from when it
 * was due. */

#include "config.h"

#include "sondectl-bench-load.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include <libsonde/sonde.h>

#include "sondectl-bench-crowd.h"
#include "sondectl-progress.h"

/* How often it looks whether somebody waits for too long, and tells how far it is. */
#define LOOK_EVERY_NSEC (SONDECTL_NSEC_PER_SEC / 10)

typedef struct
{
  const SondectlLoadOptions *options; /* (unowned) */
  SondectlLoadResult        *result;  /* (unowned) */
  SondectlCrowd              crowd;
  SondectlPattern            pattern;
  SondectlProgress           progress;
  guint                      n_busy;
  guint64                    n_due; /* with a rate: how many requests came due so far */
  gint64                     started_at;
  gint64                     ends_at;
  gint64                     looked_at;
} Load;

/* Set by SIGINT: the user has seen enough. */
static volatile sig_atomic_t is_interrupted;

static void
interrupt (int signum)
{
  is_interrupted = 1;
}

static void
load_clear (Load *self)
{
  sondectl_progress_end (&self->progress);
  sondectl_crowd_clear (&self->crowd);
  sondectl_pattern_clear (&self->pattern);
  signal (SIGINT, SIG_DFL);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Load, load_clear)

static gint64
get_due_time (Load   *self,
              guint64 request)
{
  const double nsec = (double) request * (double) SONDECTL_NSEC_PER_SEC;

  return self->started_at + (gint64) (nsec / (double) self->options->rate);
}

static gboolean
ask (Load           *self,
     SondectlClient *client,
     gint64          due_at,
     GError        **error)
{
  self->n_busy++;
  if (!sondectl_client_ask (client, &self->pattern, sondectl_crowd_get_time (), due_at, error))
    return FALSE;

  return client->n_sent == self->pattern.size ||
         sondectl_crowd_watch (&self->crowd, client, EPOLLIN | EPOLLOUT, error);
}

/* The number, among all requests, of the next one of a client. */
static guint64
get_next_request (Load           *self,
                  SondectlClient *client)
{
  return client->n_requests * self->options->n_connections + client->index;
}

/* A client that has its answer goes on at once, unless nothing is due yet. */
static gboolean
ask_again (Load           *self,
           SondectlClient *client,
           GError        **error)
{
  const guint64 request = get_next_request (self, client);
  const gint64  now = sondectl_crowd_get_time ();

  if (now >= self->ends_at)
    return TRUE;
  if (self->options->rate == 0)
    return ask (self, client, now, error);
  if (request < self->n_due)
    return ask (self, client, get_due_time (self, request), error);

  return TRUE;
}

static gboolean
ask_what_is_due (Load    *self,
                 gint64   now,
                 GError **error)
{
  for (; get_due_time (self, self->n_due) <= MIN (now, self->ends_at); self->n_due++)
    {
      SondectlClient *client = &self->crowd.clients[self->n_due % self->options->n_connections];

      if (client->state != SONDECTL_CLIENT_IDLE)
        continue;
      if (!ask (self, client, get_due_time (self, self->n_due), error))
        return FALSE;
    }

  return TRUE;
}

static void
count_answer (Load           *self,
              SondectlClient *client)
{
  const gint64 now = sondectl_crowd_get_time ();

  self->n_busy--;
  self->result->n_answered++;
  sondectl_histogram_add (&self->result->measured, now - client->sent_at);
  if (self->options->rate > 0)
    sondectl_histogram_add (&self->result->corrected, now - client->due_at);
}

static gboolean
handle_event (Load               *self,
              struct epoll_event *event,
              GError            **error)
{
  SondectlClient *client = event->data.ptr;
  const gboolean  was_busy = client->state == SONDECTL_CLIENT_BUSY;
  const gboolean  was_sending = was_busy && client->n_sent < self->pattern.size;

  if ((event->events & ~(guint32) EPOLLOUT) != 0 &&
      !sondectl_client_receive (client, &self->pattern, error))
    return FALSE;
  if (was_busy && client->state == SONDECTL_CLIENT_IDLE)
    {
      count_answer (self, client);
      return ask_again (self, client, error);
    }
  if (!was_sending || (event->events & EPOLLOUT) == 0)
    return TRUE;
  if (!sondectl_client_send (client, &self->pattern, error))
    return FALSE;

  return client->n_sent < self->pattern.size ||
         sondectl_crowd_watch (&self->crowd, client, EPOLLIN, error);
}

static gboolean
check_timeouts (Load    *self,
                gint64   now,
                GError **error)
{
  for (guint i = 0; i < self->options->n_connections; i++)
    {
      const SondectlClient *client = &self->crowd.clients[i];

      if (client->state != SONDECTL_CLIENT_BUSY ||
          sondectl_crowd_add_timeout (client->sent_at, self->options->io_timeout_usec) > now)
        continue;

      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_TIMED_OUT,
                   _ ("connection %u: request %" PRIu64
                      " was not answered within the I/O timeout"),
                   client->index + 1,
                   client->n_requests);
      return FALSE;
    }

  return TRUE;
}

static gboolean
look (Load    *self,
      gint64   now,
      GError **error)
{
  const guint64    elapsed = (now - self->started_at) / SONDECTL_NSEC_PER_USEC;
  g_autofree char *text = NULL;

  if (now < self->looked_at + LOOK_EVERY_NSEC)
    return TRUE;

  self->looked_at = now;
  /* Translators: requests answered so far, requests per second, percent of the time. */
  text = g_strdup_printf (_ ("%" PRIu64 " requests  %.0f/s  %d%%"),
                          self->result->n_answered,
                          (double) self->result->n_answered * G_USEC_PER_SEC /
                            (double) MAX (elapsed, 1),
                          (int) MIN (elapsed * 100 / self->options->duration_usec, 100));
  sondectl_progress_show (&self->progress, text);

  return check_timeouts (self, now, error);
}

static gint64
get_wake_time (Load  *self,
               gint64 now)
{
  gint64 wake_at = now + LOOK_EVERY_NSEC;

  if (now < self->ends_at)
    wake_at = MIN (wake_at, self->ends_at);
  if (self->options->rate > 0 && now < self->ends_at)
    wake_at = MIN (wake_at, get_due_time (self, self->n_due));

  return wake_at;
}

static gboolean
step (Load    *self,
      GError **error)
{
  const gint64 until = get_wake_time (self, sondectl_crowd_get_time ());
  const int    n_events = sondectl_crowd_wait (&self->crowd, until);

  for (int i = 0; i < n_events; i++)
    {
      if (!handle_event (self, &self->crowd.events[i], error))
        return FALSE;
    }

  if (is_interrupted)
    self->ends_at = MIN (self->ends_at, sondectl_crowd_get_time ());
  if (self->options->rate > 0 && !ask_what_is_due (self, sondectl_crowd_get_time (), error))
    return FALSE;

  return look (self, sondectl_crowd_get_time (), error);
}

static gboolean
begin (Load    *self,
       GError **error)
{
  self->started_at = self->looked_at = sondectl_crowd_get_time ();
  self->ends_at = self->started_at + (gint64) self->options->duration_usec * SONDECTL_NSEC_PER_USEC;
  if (self->options->rate > 0)
    return ask_what_is_due (self, self->started_at, error);

  for (guint i = 0; i < self->options->n_connections; i++)
    {
      if (!ask (self, &self->crowd.clients[i], self->started_at, error))
        return FALSE;
    }

  return TRUE;
}

/* What came due and was never sent has waited for at least as long as until now. To
 * leave it out would be the omission that is to be corrected. */
static void
count_unanswered (Load *self)
{
  const gint64 now = sondectl_crowd_get_time ();

  while (self->options->rate > 0 && get_due_time (self, self->n_due) <= self->ends_at)
    self->n_due++;
  for (guint i = 0; self->options->rate > 0 && i < self->options->n_connections; i++)
    {
      SondectlClient *client = &self->crowd.clients[i];

      for (; get_next_request (self, client) < self->n_due; client->n_requests++)
        {
          const gint64 due_at = get_due_time (self, get_next_request (self, client));

          sondectl_histogram_add (&self->result->corrected, now - due_at);
          self->result->n_unanswered++;
        }
    }
}

/* In a closed loop nobody says when a request was due. Half of the time the next one
 * came after the median; so that is the pace that a slow answer broke. */
static void
finish (Load *self)
{
  SondectlLoadResult *result = self->result;

  result->duration_usec = (sondectl_crowd_get_time () - self->started_at) / SONDECTL_NSEC_PER_USEC;
  count_unanswered (self);
  if (self->options->rate == 0)
    sondectl_histogram_correct (&result->corrected,
                                &result->measured,
                                sondectl_histogram_get_percentile (&result->measured, 50));
}

static gboolean
load_init (Load                      *self,
           const SondectlLoadOptions *options,
           SondectlLoadResult        *result,
           GError                   **error)
{
  const struct sigaction action = { .sa_handler = interrupt };

  self->options = options;
  self->result = result;
  sondectl_pattern_init (&self->pattern, options->size, options->is_upper);
  sondectl_progress_begin (&self->progress);

  /* Sleep as exactly as the rate asks for. */
  prctl (PR_SET_TIMERSLACK, 1, 0, 0, 0);
  is_interrupted = 0;
  sigaction (SIGINT, &action, NULL);

  return sondectl_crowd_init (&self->crowd, options->n_connections, error) &&
         sondectl_crowd_connect (&self->crowd,
                                 options->address,
                                 options->connect_timeout_usec,
                                 &is_interrupted,
                                 error);
}

/*
 * sondectl_load_run:
 * @options: what to do
 * @result: (out caller-allocates): what came of it; all zeros before
 * @error: why it failed
 *
 * Connects, asks until the time is over or the user interrupts it, and waits for the last
 * answers. Every byte of every answer is verified; the first failure is the end of it.
 */
gboolean
sondectl_load_run (const SondectlLoadOptions *options,
                   SondectlLoadResult        *result,
                   GError                   **error)
{
  g_auto (Load) self = { .crowd.epoll_fd = -1 };

  if (!load_init (&self, options, result, error) || !begin (&self, error))
    return FALSE;

  while (self.n_busy > 0 || sondectl_crowd_get_time () < self.ends_at)
    {
      if (!step (&self, error))
        return FALSE;
    }

  finish (&self);

  return TRUE;
}
