/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* An echo server in the process: tuned while it runs, probed, and looked into.
 *
 * cc echo.c $(pkg-config --cflags --libs sonde-1) */

#include <libsonde/sonde.h>

static void
print_report (GVariant *report)
{
  GVariantIter iter;
  const char  *option, *scope, *reason;
  GVariant    *asked, *effective;

  g_variant_iter_init (&iter, report);
  while (g_variant_iter_loop (&iter,
                              "(&s&svvv&s)",
                              &option, &scope, &asked, &effective, NULL, &reason))
    {
      g_autofree char *asked_text = g_variant_print (asked, FALSE);
      g_autofree char *effective_text = g_variant_print (effective, FALSE);

      g_print ("%s (%s): asked %s, got %s: %s\n",
               option, scope, asked_text, effective_text, reason);
    }
}

static gboolean
run (GError **error)
{
  g_autoptr (SondeSettings) settings = sonde_settings_new ();
  g_autoptr (SondeServer) server = NULL;
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GVariant) addresses = NULL;
  g_autoptr (GVariant) measured = NULL;
  g_autoptr (GVariant) report = NULL;
  guint64 n_received = 0;
  guint16 port = 0;

  if (!sonde_settings_set_string (settings, "ListenAddresses", "127.0.0.1:0", error))
    return FALSE;
  server = sonde_server_new ("echo", settings, error);
  if (server == NULL || !sonde_server_start (server, error))
    return FALSE;

  g_object_set (server, "no-delay", TRUE, NULL);

  addresses = sonde_server_get_bound_addresses (server);
  g_variant_get_child (addresses, 0, "(&sq)", NULL, &port);
  probe = sonde_probe_new ("127.0.0.1", port);
  measured = sonde_probe_run (probe, NULL, error);
  if (measured == NULL)
    return FALSE;
  g_variant_lookup (measured, "BytesReceived", "t", &n_received);
  g_print ("%" G_GUINT64_FORMAT " bytes came back\n", n_received);

  report = sonde_server_get_option_report (server);
  print_report (report);
  sonde_server_stop (server);

  return TRUE;
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  if (run (&error))
    return 0;
  g_printerr ("%s\n", error->message);

  return 1;
}
