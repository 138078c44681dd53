/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include <glib/gi18n.h>

#include "sondectl-probe-outcome.h"
#include "sondectl-progress.h"

static void
fail_not_listening (SondectlProbeOutcome *outcome)
{
  g_set_error_literal (&outcome->error,
                       SONDE_ERROR,
                       SONDE_ERROR_CONNECT_REFUSED,
                       _ ("the server does not listen"));
  outcome->is_done = TRUE;
}

static void
run_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  SondectlProbeOutcome *outcome = user_data;

  outcome->result = sonde_probe_run_finish (SONDE_PROBE (source), result, &outcome->error);
  outcome->is_done = TRUE;
}

static void
add_messages (SondeProbe           *probe,
              SondectlProbeOutcome *outcome,
              SondectlProbeOptions *options)
{
  if (outcome->message != NULL)
    sonde_probe_add_message (probe, outcome->message);
  for (guint i = 0; outcome->message == NULL && i < options->messages->len; i++)
    sonde_probe_add_message (probe, options->messages->pdata[i]);
}

static void
start_client (SondectlProbeOutcome *outcome,
              SondectlProbeOptions *options,
              SondectlProgress     *progress)
{
  g_autoptr (SondeProbe) probe = NULL;

  if (outcome->target->host == NULL)
    {
      fail_not_listening (outcome);
      return;
    }

  probe = sondectl_probe_options_create_probe (options, outcome->target);
  add_messages (probe, outcome, options);
  if (outcome->message == NULL)
    sondectl_progress_watch (progress, probe);
  sonde_probe_run_async (probe, NULL, run_cb, outcome);
}

/* Tells of what nobody expected: a failure, or the lack of one. */
static void
judge (SondectlProbeOutcome *outcome,
       SondectlProbeOptions *options)
{
  const char *subject = outcome->target->server != NULL ? outcome->target->server : "probe";

  if (outcome->error != NULL)
    {
      g_dbus_error_strip_remote_error (outcome->error);
      outcome->status = sondectl_exit_from_error (outcome->error);
    }

  outcome->is_expected = sondectl_probe_options_is_expected (options, outcome->status);
  if (outcome->is_expected)
    return;
  if (outcome->error != NULL)
    sondectl_exit_with_error (subject, outcome->error);
  else
    g_printerr (_ ("sondectl: %s: all went well, but '%s' was expected\n"),
                subject,
                options->expect);
}

static GPtrArray *
make_outcomes (GPtrArray            *targets,
               SondectlProbeOptions *options)
{
  const guint n_clients = options->self_test ? options->messages->len : 1;
  GPtrArray  *outcomes =
    g_ptr_array_new_with_free_func ((GDestroyNotify) sondectl_probe_outcome_free);

  for (guint i = 0; i < targets->len * n_clients; i++)
    {
      SondectlProbeOutcome *outcome = g_new0 (SondectlProbeOutcome, 1);

      outcome->target = targets->pdata[i / n_clients];
      if (options->self_test)
        outcome->message = options->messages->pdata[i % n_clients];
      g_ptr_array_add (outcomes, outcome);
    }

  return outcomes;
}

/* Servers are probed one after the other, the clients of a self-test at once. */
static void
run_clients (GPtrArray            *outcomes,
             SondectlProbeOptions *options)
{
  const guint n_clients = options->self_test ? options->messages->len : 1;

  for (guint i = 0; i < outcomes->len; i += n_clients)
    {
      g_auto (SondectlProgress) progress = { 0 };

      sondectl_progress_begin (&progress);
      for (guint k = i; k < i + n_clients; k++)
        start_client (outcomes->pdata[k], options, &progress);
      for (guint k = i; k < i + n_clients; k++)
        {
          SondectlProbeOutcome *outcome = outcomes->pdata[k];

          while (!outcome->is_done)
            g_main_context_iteration (NULL, TRUE);
          sondectl_progress_end (&progress);
          judge (outcome, options);
        }
    }
}

static SondectlExit
find_first_failure (GPtrArray *outcomes)
{
  for (guint i = 0; i < outcomes->len; i++)
    {
      SondectlProbeOutcome *outcome = outcomes->pdata[i];

      if (!outcome->is_expected)
        return outcome->status != SONDECTL_EXIT_OK ? outcome->status : SONDECTL_EXIT_FAILED;
    }

  return SONDECTL_EXIT_OK;
}

static SondectlExit
probe_targets (SondectlContext      *context,
               GPtrArray            *targets,
               SondectlProbeOptions *options)
{
  g_autoptr (GPtrArray) outcomes = make_outcomes (targets, options);

  run_clients (outcomes, options);
  if (context->json != SONDECTL_JSON_OFF)
    sondectl_probe_print_json (context, outcomes);
  else if (outcomes->len == 1 && ((SondectlTarget *) targets->pdata[0])->server == NULL)
    sondectl_probe_print_details (context, outcomes->pdata[0], options);
  else
    sondectl_probe_print_table (context, outcomes);

  return find_first_failure (outcomes);
}

/*
 * sondectl_probe:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Sends something to servers and compares the answer.
 *
 * Returns: the exit status of the first one that did not end as expected
 */
SondectlExit
sondectl_probe (SondectlContext *context,
                int              argc,
                char           **argv)
{
  g_auto (SondectlProbeOptions) options = { FALSE };
  g_autoptr (GPtrArray) targets = NULL;
  g_autoptr (GError) error = NULL;

  if (!sondectl_probe_options_parse (&options, context, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  targets = sondectl_target_list (context, argc - 1, argv + 1, options.mode, &error);
  if (targets == NULL)
    return sondectl_exit_with_error ("probe", error);

  return probe_targets (context, targets, &options);
}
