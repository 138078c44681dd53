/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-verbs.h"

#include "sondectl-json.h"
#include "sondectl-program.h"

static void
add_json (GVariantBuilder *builder,
          const char      *file,
          const char      *message)
{
  g_variant_builder_open (builder, G_VARIANT_TYPE_VARDICT);
  if (file != NULL)
    g_variant_builder_add (builder, "{sv}", "File",
                           g_variant_new_take_string (g_utf8_make_valid (file, -1)));
  g_variant_builder_add (builder, "{sv}", "IsValid", g_variant_new_boolean (message == NULL));
  if (message != NULL)
    g_variant_builder_add (builder, "{sv}", "Message", g_variant_new_string (message));
  g_variant_builder_close (builder);
}

static SondectlExit
verify_file (SondectlContext *context,
             const char      *file,
             GVariantBuilder *builder)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = sondectl_program_ask (context, "--verify", file, &error);

  add_json (builder, file, answer == NULL ? error->message : NULL);

  return answer != NULL ? SONDECTL_EXIT_OK : sondectl_exit_with_error ("verify", error);
}

/*
 * sondectl_verify:
 * @context: what was asked for
 * @argc: how many arguments
 * @argv: the verb and its arguments
 *
 * Checks configuration files, or without any the configuration that there is.
 */
SondectlExit
sondectl_verify (SondectlContext *context,
                 int              argc,
                 char           **argv)
{
  GVariantBuilder builder;
  SondectlExit    status = SONDECTL_EXIT_OK;

  if (!sondectl_context_parse_verb (context, NULL, 0, G_MAXINT, &argc, &argv))
    return SONDECTL_EXIT_USAGE;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (int i = 1; i == 1 || i < argc; i++)
    {
      const SondectlExit one = verify_file (context, argc > 1 ? argv[i] : NULL, &builder);

      if (status == SONDECTL_EXIT_OK)
        status = one;
    }
  if (context->json != SONDECTL_JSON_OFF)
    sondectl_json_print (context, g_variant_builder_end (&builder));
  g_variant_builder_clear (&builder);

  return status;
}
