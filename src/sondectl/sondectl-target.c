/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sondectl-target.h"

#include <glib/gi18n.h>

#include "sondectl-format.h"
#include "sondectl-servers.h"

static SondectlTarget *
target_new (const char *host,
            guint16     port)
{
  SondectlTarget *self = g_new0 (SondectlTarget, 1);

  self->host = g_strdup (host);
  self->port = port;

  return self;
}

/*
 * sondectl_target_free:
 * @self: (transfer full): a target
 */
void
sondectl_target_free (SondectlTarget *self)
{
  g_free (self->server);
  g_free (self->host);
  g_free (self);
}

static SondectlTarget *
new_for_host (const char *host,
              const char *port,
              GError    **error)
{
  guint64 number = 0;

  if (g_ascii_string_to_unsigned (port, 10, 1, G_MAXUINT16, &number, NULL))
    return target_new (host, (guint16) number);

  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               _ ("'%s' is not a port from 1 to 65535"),
               port);

  return NULL;
}

/* Nobody can connect to "any address"; whoever listens there listens on loopback too. */
static char *
get_reachable_host (const char *address)
{
  g_autoptr (GInetAddress) inet = g_inet_address_new_from_string (address);
  g_autoptr (GInetAddress) loopback = NULL;

  if (inet == NULL || !g_inet_address_get_is_any (inet))
    return g_strdup (address);

  loopback = g_inet_address_new_loopback (g_inet_address_get_family (inet));

  return g_inet_address_to_string (loopback);
}

static SondeMode
get_mode (JsonObject *settings)
{
  g_autoptr (GEnumClass) modes = g_type_class_ref (SONDE_TYPE_MODE);
  GEnumValue *mode =
    g_enum_get_value_by_nick (modes, json_object_get_string_member (settings, "Mode"));

  return mode != NULL ? (SondeMode) mode->value : SONDE_MODE_ECHO;
}

static void
add_target (GPtrArray  *targets,
            JsonObject *server,
            const char *address,
            guint16     port)
{
  JsonObject      *settings = json_object_get_object_member (server, "Settings");
  g_autofree char *host = address != NULL ? get_reachable_host (address) : NULL;
  SondectlTarget  *target = target_new (host, port);

  target->server = g_strdup (json_object_get_string_member (server, "Name"));
  target->mode = get_mode (settings);
  target->read_size = (guint) json_object_get_int_member (settings, "ReadSize");
  g_ptr_array_add (targets, target);
}

/* Adds a target for each address where the server listens; if there is none, a
 * target that has no host. */
static void
list_for_server (JsonObject *server,
                 GPtrArray  *targets)
{
  g_autoptr (GVariant) addresses = sondectl_servers_dup_addresses (server);
  const gsize n_addresses = addresses != NULL ? g_variant_n_children (addresses) : 0;

  for (gsize i = 0; i < n_addresses; i++)
    {
      const char *address;
      guint16     port;

      g_variant_get_child (addresses, i, "(&sq)", &address, &port);
      add_target (targets, server, address, port);
    }

  if (n_addresses == 0)
    add_target (targets, server, NULL, 0);
}

/*
 * sondectl_target_format_address:
 * @self: a target
 *
 * Writes where the target is.
 *
 * Returns: (transfer full) (nullable): %NULL if it does not listen
 */
char *
sondectl_target_format_address (SondectlTarget *self)
{
  if (self->host == NULL)
    return NULL;

  return sondectl_format_address (self->host, self->port);
}

static gboolean
is_number (const char *text)
{
  return text[0] != '\0' && text[strspn (text, "0123456789")] == '\0';
}

static gboolean
add_servers (GPtrArray         *targets,
             SondectlContext   *context,
             const char *const *names,
             GError           **error)
{
  g_autoptr (GPtrArray) servers = sondectl_servers_list (context, names, error);

  if (servers == NULL)
    return FALSE;

  for (guint i = 0; i < servers->len; i++)
    list_for_server (servers->pdata[i], targets);

  return TRUE;
}

/*
 * sondectl_target_list:
 * @context: where the daemon is
 * @n_words: how many words
 * @words: a host and a port, or the names of servers, or nothing for all servers
 * @mode: what a host is expected to do; a server tells
 * @error: why it failed
 *
 * Lists what the user wants to be asked.
 *
 * Returns: (transfer full) (element-type SondectlTarget): the targets
 */
GPtrArray *
sondectl_target_list (SondectlContext *context,
                      int              n_words,
                      char           **words,
                      SondeMode        mode,
                      GError         **error)
{
  g_autoptr (GPtrArray) targets = NULL;
  SondectlTarget *host = NULL;

  targets = g_ptr_array_new_with_free_func ((GDestroyNotify) sondectl_target_free);
  if (n_words != 2 || !is_number (words[1]))
    return add_servers (targets, context, (const char *const *) words, error)
             ? g_steal_pointer (&targets)
             : NULL;

  host = new_for_host (words[0], words[1], error);
  if (host == NULL)
    return NULL;
  host->mode = mode;
  g_ptr_array_add (targets, host);

  return g_steal_pointer (&targets);
}
