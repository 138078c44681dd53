/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What is logged, and where to: GLib's structured logging with a writer of our
 * own, whose level and target can be changed while the daemon runs. */

#include "config.h"

#include "sonded-log.h"

#include "sonded-invalid.h"
#include "sonded-log-sink.h"

#include <stdlib.h>
#include <unistd.h>

/* By their numbers, as in syslog(3). */
static const char *const levels[] = {
  "emerg",
  "alert",
  "crit",
  "err",
  "warning",
  "notice",
  "info",
  "debug",
  NULL,
};

#define LEVEL_ERR 3
#define LEVEL_WARNING 4
#define LEVEL_NOTICE 5
#define LEVEL_INFO 6
#define LEVEL_DEBUG 7

typedef enum
{
  TARGET_AUTO,
  TARGET_CONSOLE,
  TARGET_JOURNAL,
  TARGET_NULL,
} Target;

static const char *const targets[] = { "auto", "console", "journal", "null", NULL };

G_STATIC_ASSERT (G_N_ELEMENTS (levels) == LEVEL_DEBUG + 2);
G_STATIC_ASSERT (G_N_ELEMENTS (targets) == TARGET_NULL + 2);

/* Any thread reads it; the main one changes it. */
struct _SondedLog
{
  GObject parent_instance;

  SondedLogSink *sink;         /* (owned) */
  int            level;        /* atomic */
  gboolean       is_level_set; /* atomic: or else $G_MESSAGES_DEBUG counts */
  int            target;       /* atomic */
  gboolean       is_journal;   /* standard error is */
  gboolean       use_colour;
  GLogLevelFlags always_fatal;
  GMutex         format_lock;
};

G_DEFINE_FINAL_TYPE (SondedLog, sonded_log, G_TYPE_OBJECT)

/* As GLib tells the journal. */
static int
to_level (GLogLevelFlags flags)
{
  if (flags & G_LOG_LEVEL_ERROR)
    return LEVEL_ERR;
  if (flags & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING))
    return LEVEL_WARNING;
  if (flags & G_LOG_LEVEL_MESSAGE)
    return LEVEL_NOTICE;
  if (flags & G_LOG_LEVEL_INFO)
    return LEVEL_INFO;

  return LEVEL_DEBUG;
}

static const char *
find_domain (const GLogField *fields,
             gsize            n_fields)
{
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "GLIB_DOMAIN"))
      return fields[i].value;

  return NULL;
}

static gboolean
is_wanted (SondedLog       *self,
           GLogLevelFlags   flags,
           const GLogField *fields,
           gsize            n_fields)
{
  if (to_level (flags) <= g_atomic_int_get (&self->level))
    return TRUE;

  return !g_atomic_int_get (&self->is_level_set) &&
         !g_log_writer_default_would_drop (flags, find_domain (fields, n_fields));
}

/* GLib asks localtime(3) for the time, which has one place for all threads. */
static char *
format_line (SondedLog       *self,
             GLogLevelFlags   flags,
             const GLogField *fields,
             gsize            n_fields)
{
  char *line = NULL;

  g_mutex_lock (&self->format_lock);
  line = g_log_writer_format_fields (flags, fields, n_fields, self->use_colour);
  g_mutex_unlock (&self->format_lock);

  return line;
}

static void
log_message (SondedLog       *self,
             GLogLevelFlags   flags,
             const GLogField *fields,
             gsize            n_fields)
{
  const Target     target = (Target) g_atomic_int_get (&self->target);
  g_autofree char *line = NULL;

  if (target == TARGET_NULL)
    return;
  if ((target == TARGET_JOURNAL || (target == TARGET_AUTO && self->is_journal)) &&
      sonded_log_sink_send (self->sink, fields, n_fields))
    return;

  line = format_line (self, flags, fields, n_fields);
  sonded_log_sink_write (self->sink, line);
}

static GLogWriterOutput
write_cb (GLogLevelFlags   flags,
          const GLogField *fields,
          gsize            n_fields,
          gpointer         user_data)
{
  SondedLog *self = user_data;

  if (is_wanted (self, flags, fields, n_fields))
    log_message (self, flags, fields, n_fields);
  /* GLib leaves $G_DEBUG=fatal-warnings to its own writer. */
  if (flags & self->always_fatal)
    abort ();

  return G_LOG_WRITER_HANDLED;
}

static void
sonded_log_class_init (SondedLogClass *klass)
{
}

static void
sonded_log_init (SondedLog *self)
{
  g_mutex_init (&self->format_lock);
  self->sink = sonded_log_sink_new ();
  self->is_journal = g_log_writer_is_journald (STDERR_FILENO);
  self->use_colour = g_log_writer_supports_color (STDERR_FILENO);
  self->level =
    g_log_writer_default_would_drop (G_LOG_LEVEL_DEBUG, G_LOG_DOMAIN) ? LEVEL_NOTICE : LEVEL_DEBUG;
  self->always_fatal = g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_log_set_always_fatal (self->always_fatal);
}

/*
 * sonded_log_new:
 *
 * Takes over what the process logs, to its end. To be called once, and before
 * anything is opened.
 *
 * Returns: (transfer full): what controls it
 */
SondedLog *
sonded_log_new (void)
{
  SondedLog *self = g_object_new (SONDED_TYPE_LOG, NULL);

  /* A writer stays as long as the process. */
  g_log_set_writer_func (write_cb, g_object_ref (self), NULL);

  return self;
}

static gboolean
find_name (const char        *key,
           const char *const *names,
           const char        *name,
           int               *number,
           GError           **error)
{
  g_autofree char *allowed = NULL;

  for (int i = 0; names[i] != NULL; i++)
    if (g_str_equal (names[i], name))
      {
        *number = i;
        return TRUE;
      }

  allowed = g_strjoinv (", ", (char **) names);

  return sonded_set_invalid (error, key, name, allowed);
}

/*
 * sonded_log_get_level:
 * @self: the log
 *
 * Gets the name of the least important level that is logged.
 */
const char *
sonded_log_get_level (SondedLog *self)
{
  return levels[g_atomic_int_get (&self->level)];
}

/*
 * sonded_log_set_level:
 * @self: the log
 * @name: the name of a level
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Sets what is logged. Servers log their connections only if they know that it
 * is wanted; they look when they are made or updated.
 */
gboolean
sonded_log_set_level (SondedLog  *self,
                      const char *name,
                      GError    **error)
{
  int level = 0;

  if (!find_name ("LogLevel", levels, name, &level, error))
    return FALSE;

  g_atomic_int_set (&self->level, level);
  g_atomic_int_set (&self->is_level_set, TRUE);
  g_log_set_debug_enabled (level == LEVEL_DEBUG);

  return TRUE;
}

/*
 * sonded_log_get_target:
 * @self: the log
 *
 * Gets the name of where it goes.
 */
const char *
sonded_log_get_target (SondedLog *self)
{
  return targets[g_atomic_int_get (&self->target)];
}

/*
 * sonded_log_set_target:
 * @self: the log
 * @name: the name of a target
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Sets where messages go.
 */
gboolean
sonded_log_set_target (SondedLog  *self,
                       const char *name,
                       GError    **error)
{
  int target = 0;

  if (!find_name ("LogTarget", targets, name, &target, error))
    return FALSE;

  g_atomic_int_set (&self->target, target);

  return TRUE;
}
