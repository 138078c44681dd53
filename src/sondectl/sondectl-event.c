/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What the kinds of events are called, by programs and by people. */

#include "config.h"

#include "sondectl-event.h"

#include <glib/gi18n.h>

#include "sondectl-format.h"
#include "sondectl-json.h"
#include "sondectl-terminal.h"

static const struct
{
  const char   *name;
  const char   *text; /* (nullable): the properties tell */
  SondectlStyle style;
} events[] = {
  [SONDECTL_EVENT_APPEARED] = { "appeared", N_ ("the daemon is there"), SONDECTL_STYLE_GOOD },
  [SONDECTL_EVENT_VANISHED] = { "vanished", N_ ("the daemon is gone"), SONDECTL_STYLE_BAD },
  [SONDECTL_EVENT_ADDED] = { "added", N_ ("was added"), SONDECTL_STYLE_GOOD },
  [SONDECTL_EVENT_REMOVED] = { "removed", N_ ("was removed"), SONDECTL_STYLE_WARN },
  [SONDECTL_EVENT_CHANGED] = { "changed", NULL, SONDECTL_STYLE_PLAIN },
};

static char *
format_properties (GVariant *properties)
{
  g_autoptr (GString) text = g_string_new (NULL);
  GVariantIter iter;
  const char  *name;
  GVariant    *value;

  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autofree char *one = g_str_equal (name, "BoundAddresses")
                               ? sondectl_format_addresses (value)
                               : sondectl_format_setting (name, value);
      g_autofree char *printable = sondectl_format_printable (one);

      g_string_append_printf (text, "%s%s=%s", text->len > 0 ? " " : "", name, printable);
      g_variant_unref (value);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
print_json (SondectlContext *context,
            SondectlEvent    event,
            const char      *server,
            GVariant        *properties)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&dict, "TimeUSec", "x", g_get_real_time ());
  g_variant_dict_insert (&dict, "Event", "s", events[event].name);
  if (server != NULL)
    g_variant_dict_insert (&dict, "Name", "s", server);
  if (properties != NULL)
    g_variant_dict_insert_value (&dict, "Properties", properties);
  sondectl_json_print (context, g_variant_dict_end (&dict));
}

static void
print_text (SondectlEvent event,
            const char   *server,
            GVariant     *properties)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char    *time = g_date_time_format (now, "%H:%M:%S.%f");
  g_autofree char    *name = sondectl_format_printable (server != NULL ? server : "-");
  g_autofree char    *changes = properties != NULL ? format_properties (properties) : NULL;
  const SondectlStyle style = events[event].style;

  g_print ("%s  %s  %s%s%s\n",
           time,
           name,
           sondectl_terminal_begin (style),
           changes != NULL ? changes : _ (events[event].text),
           sondectl_terminal_end (style));
}

/*
 * sondectl_event_print:
 * @context: the form that was asked for
 * @event: what has happened
 * @server: (nullable): to which server
 * @properties: (nullable): an `a{sv}` of what has changed
 *
 * Prints an event on a line.
 */
void
sondectl_event_print (SondectlContext *context,
                      SondectlEvent    event,
                      const char      *server,
                      GVariant        *properties)
{
  if (context->json != SONDECTL_JSON_OFF)
    print_json (context, event, server, properties);
  else
    print_text (event, server, properties);
}
