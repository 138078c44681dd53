/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What became of the socket options of a server. */

#include "config.h"

#include "sonde-listener-private.h"
#include "sonde-server-private.h"

#include <unistd.h>

/* Whose sockets the server listens on, or will, or NULL: its own. */
static SondeGiven *
get_given (SondeServer *self)
{
  return self->listeners->len > 0 ? self->inherited : self->given;
}

/* What the settings do not decide, whoever made the sockets did. */
static gboolean
is_inherited (SondeServer       *self,
              const SondeOption *option,
              gboolean           is_set)
{
  return get_given (self) != NULL &&
         (!is_set || (option->phases & SONDE_OPTION_BEFORE_BIND) != 0);
}

typedef struct
{
  SondeServer       *server;  /* (unowned) */
  GVariantBuilder   *builder; /* (unowned) */
  SondeKernelLimits *limits;  /* (unowned) */
  const char        *scope;
  guint              phases; /* of the options that the scope has */
  int                fd;
} Report;

static void
add_report_row (const Report *report,
                int           row)
{
  const SondeOption *option = &sonde_option_get_table ()[row];
  const guint        setting = SONDE_SETTING_OPTION (row);
  g_autoptr (GVariant) asked = sonde_settings_peek (report->server->settings, setting);
  g_autoptr (GVariant) effective = sonde_option_read (option, report->fd);
  g_autoptr (GVariant) limit = NULL;
  const gboolean is_set = sonde_settings_has (report->server->settings, setting);
  const char    *reason = NULL;

  if (option->capped)
    limit = sonde_kernel_limits_get_sysctl (report->limits, option->sysctl);
  reason = sonde_option_explain (option, is_set, asked, effective, limit);
  if (is_inherited (report->server, option, is_set) &&
      (g_str_equal (reason, "kernel-default") || g_str_equal (reason, "needs-relisten")))
    reason = "inherited";

  g_variant_builder_add (report->builder,
                         "(ssvvvs)",
                         option->key.name,
                         report->scope,
                         asked,
                         effective != NULL ? effective : g_variant_new_string (""),
                         limit != NULL ? limit : g_variant_new_string (""),
                         reason);
}

static void
add_report (const Report *report)
{
  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    if (sonde_option_get_table ()[row].phases & report->phases)
      add_report_row (report, row);
}

static void
report_listener (Report *report)
{
  int sample = -1;

  report->scope = "listener";
  report->phases = ~0U;
  if (report->server->listeners->len > 0)
    {
      report->fd = g_socket_get_fd (report->server->listeners->pdata[0]);
      add_report (report);
      return;
    }

  if (report->server->given != NULL)
    {
      report->fd = sonde_given_get_fd (report->server->given, 0);
      add_report (report);
      return;
    }

  sample = sonde_listener_open_sample (report->server->settings);
  if (sample < 0)
    return;
  report->fd = sample;
  add_report (report);
  close (sample);
}

static gboolean
report_session (SondeSession *session,
                gpointer      user_data)
{
  Report *report = user_data;

  report->fd = session->fd;
  add_report (report);

  return FALSE;
}

/**
 * sonde_server_get_option_report:
 * @self: a server
 *
 * Reports every socket option: what was asked for, what the kernel made of
 * it, and why.
 *
 * Each row has the option's name, its scope, `listener` or `connection`, what
 * was asked for, what getsockopt(2) says, the value of the sysctl that limits
 * it, or "", and a reason: `as-asked`, `doubled`, `clamped-by-` and a sysctl,
 * `raised-to-minimum`, `rounded`, `not-sticky`, `kernel-default`, `not-applied`,
 * `unsupported` (then the effective value is ""), `needs-relisten`, or, of a
 * socket that the server was given, `inherited`.
 *
 * The listener's rows are those of the first listener; of a server that does
 * not listen, of a socket that was made in the same way. Those of a connection
 * are of the newest one, and missing where there is none.
 *
 * Returns: (transfer full): an `a(ssvvvs)`
 *
 * Since: 0.1
 */
GVariant *
sonde_server_get_option_report (SondeServer *self)
{
  g_autoptr (SondeKernelLimits) limits = sonde_kernel_limits_new ();
  GVariantBuilder builder;
  Report          report = { self, &builder, limits, NULL, 0, -1 };

  g_return_val_if_fail (SONDE_IS_SERVER (self), NULL);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ssvvvs)"));
  report_listener (&report);

  report.scope = "connection";
  report.phases = SONDE_OPTION_ON_CONNECTION;
  sonde_server_find (self, sonde_server_get_newest (self), report_session, &report);

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}
