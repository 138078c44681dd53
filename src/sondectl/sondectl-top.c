/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "sondectl-bus.h"
#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-screen.h"
#include "sondectl-top-model.h"
#include "sondectl-top-view.h"

#define INTERVAL "1s"
#define INTERVAL_MIN (100 * G_TIME_SPAN_MILLISECOND)
#define INTERVAL_MAX G_TIME_SPAN_HOUR

/* Rates take two readings. */
#define ROUNDS_FOR_RATES 2

typedef struct
{
  SondectlContext *context; /* (unowned) */
  GMainLoop       *loop;    /* (owned) */
  SondectlScreen   screen;
  SondectlTopModel model;
  SondectlTopView  view;
  guint64          interval_usec;
  int              n_iterations; /* 0: until somebody ends it */
  guint            n_rounds_seen;
  gboolean         is_daemon_gone;
  int              signum; /* the signal that ends it, or 0 */
} Top;

static void
top_clear (Top *self)
{
  sondectl_screen_close (&self->screen);
  sondectl_top_model_clear (&self->model);
  g_clear_pointer (&self->loop, g_main_loop_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Top, top_clear)

static gboolean
is_json (Top *self)
{
  return self->context->json != SONDECTL_JSON_OFF;
}

static GVariant *
server_to_variant (const SondectlTopServer *server)
{
  const struct
  {
    const char *key;
    GVariant   *value;
  } rows[] = {
    { "Name", g_variant_new_string (server->name) },
    { "State", g_variant_new_string (server->state) },
    { "NConnections", g_variant_new_uint32 (server->n_connections) },
    { "AcceptedPerSecond", g_variant_new_double (server->accept_rate) },
    { "BytesReceivedPerSecond", g_variant_new_double (server->receive_rate) },
    { "BytesSentPerSecond", g_variant_new_double (server->send_rate) },
    { "AcceptQueueDepth", g_variant_new_uint32 (server->queue_depth) },
    { "AcceptQueueLimit", g_variant_new_uint32 (server->queue_limit) },
    { "NRefused", g_variant_new_uint64 (server->n_refused) },
  };
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_variant_builder_add (&builder, "{sv}", rows[i].key, rows[i].value);

  return g_variant_builder_end (&builder);
}

static void
print_json (Top *self)
{
  const SondectlTopModel *model = &self->model;
  GVariantBuilder         builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantBuilder         servers = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < model->servers->len; i++)
    g_variant_builder_add_value (&servers, server_to_variant (model->servers->pdata[i]));
  g_variant_builder_add (&builder,
                         "{sv}",
                         "NConnections",
                         g_variant_new_uint32 (model->n_connections));
  g_variant_builder_add (&builder, "{sv}", "Servers", g_variant_builder_end (&servers));
  sondectl_json_print (self->context, g_variant_builder_end (&builder));
  fflush (stdout);
}

static void
draw (Top *self)
{
  g_autofree char *screen = NULL;

  sondectl_screen_get_size (&self->view.columns, &self->view.lines);
  screen = sondectl_top_view_draw (&self->view, &self->model);
  sondectl_screen_write (screen);
}

static void
poll_servers (Top *self)
{
  if (is_json (self))
    sondectl_top_model_poll (&self->model, 0, G_MAXUINT);
  else
    sondectl_top_model_poll (&self->model,
                             self->view.first,
                             sondectl_top_view_get_n_rows (&self->view));
}

static gboolean
poll_cb (gpointer user_data)
{
  poll_servers (user_data);

  return G_SOURCE_CONTINUE;
}

static void
on_round (Top *self)
{
  const int n_shown = (int) self->model.n_rounds - ROUNDS_FOR_RATES + 1;

  if (is_json (self) && n_shown > 0)
    print_json (self);
  if (self->n_iterations > 0 && n_shown >= self->n_iterations)
    g_main_loop_quit (self->loop);
}

static void
model_changed (gpointer user_data)
{
  Top        *self = user_data;
  const guint n_rounds = self->model.n_rounds;

  if (self->screen.is_open)
    draw (self);
  if (n_rounds > self->n_rounds_seen)
    on_round (self);
  self->n_rounds_seen = n_rounds;
}

static void
daemon_gone (gpointer user_data)
{
  Top *self = user_data;

  self->is_daemon_gone = TRUE;
  g_main_loop_quit (self->loop);
}

static void
sort_by_next (Top *self)
{
  sondectl_top_model_sort (&self->model, (self->model.order + 1) % SONDECTL_TOP_N_ORDERS);
}

static void
scroll (Top *self,
        int  n_rows)
{
  sondectl_top_view_scroll (&self->view, &self->model, n_rows);
  poll_servers (self);
}

static void
handle_key (Top        *self,
            const char *key)
{
  const int page = (int) sondectl_top_view_get_n_rows (&self->view);

  if (g_str_equal (key, "q") || g_str_equal (key, "\003"))
    g_main_loop_quit (self->loop);
  else if (g_str_equal (key, "\032"))
    sondectl_screen_suspend (&self->screen);
  else if (g_str_equal (key, "s"))
    sort_by_next (self);
  else if (g_str_equal (key, "\033[A") || g_str_equal (key, "k"))
    scroll (self, -1);
  else if (g_str_equal (key, "\033[B") || g_str_equal (key, "j"))
    scroll (self, 1);
  else if (g_str_equal (key, "\033[5~"))
    scroll (self, -page);
  else if (g_str_equal (key, "\033[6~") || g_str_equal (key, " "))
    scroll (self, page);
}

/* The length of the key that a text begins with: a sequence is one key. */
static gsize
measure_key (const char *text)
{
  gsize length = 2;

  if (text[0] != '\033' || (text[1] != '[' && text[1] != 'O'))
    return 1;

  while (text[length] != '\0' && !g_ascii_isalpha (text[length]) && text[length] != '~')
    length++;

  return text[length] != '\0' ? length + 1 : length;
}

static gboolean
keys_cb (int          fd,
         GIOCondition condition,
         gpointer     user_data)
{
  Top         *self = user_data;
  char         text[64] = { 0 };
  const gssize n_bytes = read (fd, text, sizeof text - 1);

  /* The terminal is gone. */
  if (n_bytes <= 0)
    {
      g_main_loop_quit (self->loop);
      return G_SOURCE_REMOVE;
    }

  for (gsize i = 0; i < (gsize) n_bytes;)
    {
      const gsize      length = measure_key (text + i);
      g_autofree char *key = g_strndup (text + i, length);

      handle_key (self, key);
      i += length;
    }
  draw (self);

  return G_SOURCE_CONTINUE;
}

static gboolean
resized_cb (gpointer user_data)
{
  draw (user_data);

  return G_SOURCE_CONTINUE;
}

static gboolean
terminated_cb (gpointer user_data)
{
  Top *self = user_data;

  self->signum = SIGTERM;
  g_main_loop_quit (self->loop);

  return G_SOURCE_CONTINUE;
}

static gboolean
hung_up_cb (gpointer user_data)
{
  Top *self = user_data;

  self->signum = SIGHUP;
  g_main_loop_quit (self->loop);

  return G_SOURCE_CONTINUE;
}

static gboolean
interrupted_cb (gpointer user_data)
{
  g_main_loop_quit (((Top *) user_data)->loop);

  return G_SOURCE_CONTINUE;
}

static gboolean
open_screen (Top     *self,
             GError **error)
{
  if (is_json (self))
    return TRUE;
  if (!sondectl_screen_open (&self->screen, error))
    return FALSE;

  sondectl_top_view_init (&self->view);
  g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, keys_cb, self);
  g_unix_signal_add (SIGWINCH, resized_cb, self);
  draw (self);

  return TRUE;
}

static gboolean
run (Top     *self,
     GError **error)
{
  g_unix_signal_add (SIGINT, interrupted_cb, self);
  g_unix_signal_add (SIGTERM, terminated_cb, self);
  g_unix_signal_add (SIGHUP, hung_up_cb, self);
  if (!open_screen (self, error))
    return FALSE;

  poll_servers (self);
  g_timeout_add ((guint) (self->interval_usec / G_TIME_SPAN_MILLISECOND), poll_cb, self);
  g_main_loop_run (self->loop);
  sondectl_screen_close (&self->screen);
  if (!self->is_daemon_gone)
    return TRUE;

  g_set_error_literal (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_SERVER, _ ("the daemon is gone"));

  return FALSE;
}

static gboolean
parse (Top             *self,
       SondectlContext *context,
       int             *argc,
       char          ***argv,
       GError         **error)
{
  g_autofree char   *interval = NULL;
  const GOptionEntry entries[] = {
    { "interval", 0, 0, G_OPTION_ARG_STRING, &interval,
      N_ ("How often to read the counters (1s)"), N_ ("TIME") },
    { "iterations", 'n', 0, G_OPTION_ARG_INT, &self->n_iterations,
      N_ ("End after NUMBER readings; with --json after one by default"), N_ ("NUMBER") },
    G_OPTION_ENTRY_NULL,
  };

  if (!sondectl_context_parse_verb (context, entries, 0, 0, argc, argv))
    return FALSE;
  if (!sondectl_parse_duration ("interval",
                                interval != NULL ? interval : INTERVAL,
                                &self->interval_usec,
                                error))
    return FALSE;
  if (self->n_iterations == 0 && context->json != SONDECTL_JSON_OFF)
    self->n_iterations = 1;
  if (self->n_iterations >= 0 && self->interval_usec >= INTERVAL_MIN &&
      self->interval_usec <= INTERVAL_MAX)
    return TRUE;

  g_set_error_literal (error,
                       G_OPTION_ERROR,
                       G_OPTION_ERROR_BAD_VALUE,
                       self->n_iterations < 0
                         ? _ ("--iterations takes a number that is not negative")
                         : _ ("--interval takes 100ms to 1h"));

  return FALSE;
}

static SondectlExit
start (Top *self)
{
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GError) error = NULL;

  connection = sondectl_bus_connect (self->context, &error);
  if (connection != NULL && sondectl_top_model_init (&self->model, connection, &error) &&
      run (self, &error))
    return SONDECTL_EXIT_OK;

  sondectl_bus_explain_error (self->context, &error);

  return sondectl_exit_with_error ("top", error);
}

/*
 * sondectl_top:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Shows on a screen what the servers do at this moment.
 */
SondectlExit
sondectl_top (SondectlContext *context,
              int              argc,
              char           **argv)
{
  g_auto (Top) self = { .context = context };
  g_autoptr (GError) error = NULL;
  SondectlExit status;

  if (!parse (&self, context, &argc, &argv, &error))
    {
      if (error != NULL)
        sondectl_exit_with_error ("top", error);
      return SONDECTL_EXIT_USAGE;
    }

  self.loop = g_main_loop_new (NULL, FALSE);
  self.model.changed = model_changed;
  self.model.gone = daemon_gone;
  self.model.user_data = &self;
  status = start (&self);
  if (self.signum == 0)
    return status;

  /* Whoever sent it wants to see that it ended us, and not that we ended. */
  signal (self.signum, SIG_DFL);
  raise (self.signum);

  return SONDECTL_EXIT_FAILED;
}
