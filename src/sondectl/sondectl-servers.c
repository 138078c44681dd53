/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What servers there are. The daemon describes them all in one message, for less work at
 * either end than GetManagedObjects(): that one reads every property for itself. */

#include "config.h"

#include "sondectl-servers.h"

#include <glib/gi18n.h>

#include "sondectl-bus.h"

#include <libsonde/sonde.h>

/* What is relied upon below, and by the verbs. */
static const struct
{
  const char *part; /* of the server: an object; or the server itself */
  const char *member;
  GType       type;
} members[] = {
  { NULL, "Name", G_TYPE_STRING },
  { NULL, "State", G_TYPE_STRING },
  { NULL, "BoundAddresses", G_TYPE_NONE },
  { "Settings", "Mode", G_TYPE_STRING },
  { "Settings", "ReadSize", G_TYPE_INT64 },
  { "Statistics", "NConnections", G_TYPE_INT64 },
  { "Statistics", "NAccepted", G_TYPE_INT64 },
  { "Statistics", "BytesReceived", G_TYPE_INT64 },
  { "Statistics", "BytesSent", G_TYPE_INT64 },
};

static JsonObject *
get_object (JsonObject *object,
            const char *name)
{
  JsonNode *node = name != NULL ? json_object_get_member (object, name) : NULL;

  if (name == NULL)
    return object;

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static gboolean
is_server (JsonNode *node)
{
  JsonObject *server = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

  for (gsize i = 0; server != NULL && i < G_N_ELEMENTS (members); i++)
    {
      JsonObject *part = get_object (server, members[i].part);
      JsonNode   *member = part != NULL ? json_object_get_member (part, members[i].member) : NULL;

      if (member == NULL)
        return FALSE;
      if (members[i].type != G_TYPE_NONE && json_node_get_value_type (member) != members[i].type)
        return FALSE;
    }

  return server != NULL;
}

/* Whoever owns the name might say anything. */
static gboolean
is_description (JsonNode *root)
{
  JsonObject *daemon = JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  JsonNode   *servers = daemon != NULL ? json_object_get_member (daemon, "Servers") : NULL;
  JsonNode   *version = daemon != NULL ? json_object_get_member (daemon, "Version") : NULL;

  if (servers == NULL || !JSON_NODE_HOLDS_ARRAY (servers) || version == NULL ||
      json_node_get_value_type (version) != G_TYPE_STRING)
    return FALSE;

  for (guint i = 0; i < json_array_get_length (json_node_get_array (servers)); i++)
    {
      if (!is_server (json_array_get_element (json_node_get_array (servers), i)))
        return FALSE;
    }

  return TRUE;
}

/*
 * sondectl_servers_describe:
 * @context: where the daemon is
 * @error: why it failed
 *
 * Gets the daemon with all its servers, as they describe themselves.
 *
 * Returns: (transfer full): an object with `Version` and `Servers`
 */
JsonNode *
sondectl_servers_describe (SondectlContext *context,
                           GError         **error)
{
  g_autoptr (GVariant) reply =
    sondectl_bus_read (context, SONDECTL_ROOT_PATH, "Manager.Describe", NULL, "(s)", error);
  g_autoptr (JsonNode) root = NULL;
  const char *text = NULL;

  if (reply == NULL)
    return NULL;

  g_variant_get (reply, "(&s)", &text);
  root = json_from_string (text, NULL);
  if (root != NULL && is_description (root))
    return g_steal_pointer (&root);

  g_set_error_literal (error,
                       SONDE_ERROR,
                       SONDE_ERROR_FAILED,
                       _ ("the daemon describes itself in a way that is not understood"));

  return NULL;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return g_strcmp0 (json_object_get_string_member (*(JsonObject **) a, "Name"),
                    json_object_get_string_member (*(JsonObject **) b, "Name"));
}

static GPtrArray *
list_all (JsonNode *description)
{
  GPtrArray *servers = g_ptr_array_new_with_free_func ((GDestroyNotify) json_object_unref);
  JsonArray *array =
    json_object_get_array_member (json_node_get_object (description), "Servers");

  for (guint i = 0; i < json_array_get_length (array); i++)
    g_ptr_array_add (servers, json_object_ref (json_array_get_object_element (array, i)));
  g_ptr_array_sort (servers, compare_names);

  return servers;
}

static void
set_no_such_server (GPtrArray  *servers,
                    const char *name,
                    GError    **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *nearest = NULL;

  for (guint i = 0; i < servers->len; i++)
    g_ptr_array_add (names,
                     (char *) json_object_get_string_member (servers->pdata[i], "Name"));
  g_ptr_array_add (names, NULL);
  nearest = sonde_error_find_nearest (name, (const char *const *) names->pdata);

  if (nearest != NULL)
    g_set_error (error,
                 SONDE_ERROR,
                 SONDE_ERROR_NO_SUCH_SERVER,
                 _ ("there is no server '%s'; did you mean '%s'?"),
                 name,
                 nearest);
  else
    g_set_error (error,
                 SONDE_ERROR,
                 SONDE_ERROR_NO_SUCH_SERVER,
                 _ ("there is no server '%s'; 'sondectl list' shows those that there are"),
                 name);
}

static JsonObject *
find_server (GPtrArray  *servers,
             const char *name,
             GError    **error)
{
  for (guint i = 0; i < servers->len; i++)
    {
      JsonObject *server = servers->pdata[i];

      if (g_str_equal (json_object_get_string_member (server, "Name"), name))
        return server;
    }

  set_no_such_server (servers, name, error);

  return NULL;
}

/*
 * sondectl_servers_select:
 * @description: what sondectl_servers_describe() returned
 * @names: (nullable): which servers, or %NULL or none for all of them
 * @error: which one there is not
 *
 * Finds servers in the description.
 *
 * Returns: (transfer full) (element-type JsonObject): the servers, those asked for in the
 *   order of @names, all sorted by name
 */
GPtrArray *
sondectl_servers_select (JsonNode          *description,
                         const char *const *names,
                         GError           **error)
{
  g_autoptr (GPtrArray) servers = list_all (description);
  g_autoptr (GPtrArray) found = NULL;

  if (names == NULL || names[0] == NULL)
    return g_steal_pointer (&servers);

  found = g_ptr_array_new_with_free_func ((GDestroyNotify) json_object_unref);
  for (gsize i = 0; names[i] != NULL; i++)
    {
      JsonObject *server = find_server (servers, names[i], error);

      if (server == NULL)
        return NULL;
      g_ptr_array_add (found, json_object_ref (server));
    }

  return g_steal_pointer (&found);
}

/*
 * sondectl_servers_list:
 * @context: where the daemon is
 * @names: (nullable): which servers, or %NULL or none for all of them
 * @error: why it failed
 *
 * Gets servers, as sondectl_servers_describe() and sondectl_servers_select() do.
 *
 * Returns: (transfer full) (element-type JsonObject): the servers
 */
GPtrArray *
sondectl_servers_list (SondectlContext   *context,
                       const char *const *names,
                       GError           **error)
{
  g_autoptr (JsonNode) description = sondectl_servers_describe (context, error);

  return description != NULL ? sondectl_servers_select (description, names, error) : NULL;
}

/*
 * sondectl_servers_dup_addresses:
 * @server: a server
 *
 * Gets where it listens.
 *
 * Returns: (transfer full) (nullable): an `a(sq)`
 */
GVariant *
sondectl_servers_dup_addresses (JsonObject *server)
{
  return json_gvariant_deserialize (json_object_get_member (server, "BoundAddresses"),
                                    "a(sq)",
                                    NULL);
}

/*
 * sondectl_servers_find:
 * @context: where the daemon is
 * @name: the name of a server
 * @error: why it failed; where there is no such server, it tells what may be meant
 *
 * Finds the object of a server.
 *
 * Returns: (transfer full): its path
 */
char *
sondectl_servers_find (SondectlContext *context,
                       const char      *name,
                       GError         **error)
{
  const char *const names[] = { name, NULL };
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GPtrArray) servers = NULL;
  g_autoptr (GVariant) reply = NULL;
  char *path = NULL;

  reply = sondectl_bus_read (context,
                             SONDECTL_ROOT_PATH,
                             "Manager.GetServer",
                             g_variant_new ("(s)", name),
                             "(o)",
                             &local_error);
  if (reply != NULL)
    {
      g_variant_get (reply, "(o)", &path);
      return path;
    }

  if (g_error_matches (local_error, SONDE_ERROR, SONDE_ERROR_NO_SUCH_SERVER))
    servers = sondectl_servers_list (context, names, error);
  else
    g_propagate_error (error, g_steal_pointer (&local_error));
  if (servers != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));

  return NULL;
}
