/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-json.h"

#include <json-glib/json-glib.h>
#include <stdio.h>

/*
 * sondectl_json_add_properties:
 * @builder: of an `a{sv}`
 * @proxy: (type GDBusProxy): a proxy that has its properties loaded
 * @names: which of them
 *
 * Adds properties under the names that they have on the bus.
 */
void
sondectl_json_add_properties (GVariantBuilder   *builder,
                              gpointer           proxy,
                              const char *const *names)
{
  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autoptr (GVariant) value = g_dbus_proxy_get_cached_property (proxy, names[i]);

      if (value != NULL)
        g_variant_builder_add (builder, "{sv}", names[i], value);
    }
}

/*
 * sondectl_json_print:
 * @context: tells the form
 * @value: what to print, sunk if it is floating
 *
 * Prints a value as one JSON document and a line feed.
 */
void
sondectl_json_print (SondectlContext *context,
                     GVariant        *value)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (value);
  g_autoptr (JsonNode) root = json_gvariant_serialize (sunk);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autofree char *text = NULL;

  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, context->json == SONDECTL_JSON_PRETTY);
  text = json_generator_to_data (generator, NULL);

  /* JSON is UTF-8 in any locale, which g_print() would convert it to. */
  fputs (text, stdout);
  fputc ('\n', stdout);
}
