/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Sockets that the service manager has opened and passed by name,
 * sd_listen_fds(3). They are kept as long as the daemon runs: a server that is
 * stopped, or removed by one reload and made again by the next, finds them. */

#include "config.h"

#include "sonded-sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "sonded-invalid.h"

#define NAME_MAX_BYTES 255
#define ALLOWED "fd, or fd:NAME where NAME is 1 to 255 characters of ASCII without a colon"

typedef struct
{
  int      fd;
  char    *name; /* (owned) */
  gboolean is_used;
} Item;

struct _SondedSockets
{
  GArray *items; /* (owned) (element-type Item) */
};

static Item *
get_item (SondedSockets *self,
          guint          i)
{
  return &g_array_index (self->items, Item, i);
}

static void
clear_item (gpointer data)
{
  Item *item = data;

  close (item->fd);
  g_free (item->name);
}

/* sd_listen_fds(3) does not tell which one it was. */
static gboolean
blame_closed (GError **error)
{
  g_auto (GStrv) names = NULL;
  const char *list = g_getenv ("LISTEN_FDNAMES");
  int         fd = SD_LISTEN_FDS_START;

  while (fcntl (fd, F_GETFD) >= 0)
    fd++;
  names = g_strsplit (list != NULL ? list : "", ":", -1);
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "File descriptor %d, passed as %s, is refused: it is not open",
               fd,
               (guint) (fd - SD_LISTEN_FDS_START) < g_strv_length (names)
                 ? names[fd - SD_LISTEN_FDS_START]
                 : "unknown");

  return FALSE;
}

static gboolean
take_all (SondedSockets *self,
          GError       **error)
{
  g_auto (GStrv) names = NULL;
  const int n = sd_listen_fds_with_names (FALSE, &names);

  if (n == -EBADF)
    return blame_closed (error);
  if (n < 0)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   "LISTEN_FDS, LISTEN_FDNAMES or LISTEN_PID is not as sd_listen_fds(3) has it: %s",
                   g_strerror (-n));
      return FALSE;
    }

  for (int i = 0; i < n; i++)
    {
      const Item item = { SD_LISTEN_FDS_START + i, g_strdup (names[i]), FALSE };

      g_array_append_val (self->items, item);
    }

  return TRUE;
}

/*
 * sonded_sockets_take:
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Takes the sockets that were passed. This comes before anything else that
 * opens a file: the number of one that is missing would soon be another's.
 *
 * Returns: (transfer full): the sockets, be it none
 */
SondedSockets *
sonded_sockets_take (GError **error)
{
  g_autoptr (SondedSockets) self = g_new0 (SondedSockets, 1);
  gboolean ok;

  self->items = g_array_new (FALSE, FALSE, sizeof (Item));
  g_array_set_clear_func (self->items, clear_item);
  ok = take_all (self, error);
  sd_listen_fds (TRUE);

  return ok ? g_steal_pointer (&self) : NULL;
}

/*
 * sonded_sockets_free:
 * @self: (transfer full): sockets
 *
 * Closes them.
 */
void
sonded_sockets_free (SondedSockets *self)
{
  g_array_unref (self->items);
  g_free (self);
}

/* systemd.socket(5) says what a name may be. */
static gboolean
is_valid_name (const char *name)
{
  const gsize length = strlen (name);

  if (length < 1 || length > NAME_MAX_BYTES)
    return FALSE;

  for (const char *c = name; *c != '\0'; c++)
    if (!g_ascii_isprint (*c) || *c == ':')
      return FALSE;

  return TRUE;
}

/*
 * sonded_sockets_parse:
 * @value: `fd` or `fd:NAME`, as Listen= has it
 * @server: the name of the server that shall listen there
 * @name: (out): the name of sockets; without any that of the server
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Reads which sockets a server shall listen on.
 */
gboolean
sonded_sockets_parse (const char *value,
                      const char *server,
                      char      **name,
                      GError    **error)
{
  const char *found = NULL;

  if (g_str_equal (value, "fd"))
    found = server;
  else if (g_str_has_prefix (value, "fd:"))
    found = value + strlen ("fd:");
  if (found == NULL || !is_valid_name (found))
    return sonded_set_invalid (error, "Listen", value, ALLOWED);

  *name = g_strdup (found);

  return TRUE;
}

static char *
list_names (SondedSockets *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < self->items->len; i++)
    g_ptr_array_add (names, get_item (self, i)->name);
  g_ptr_array_add (names, NULL);

  return names->len > 1 ? g_strjoinv (", ", (char **) names->pdata) : g_strdup ("none");
}

/*
 * sonded_sockets_find:
 * @self: sockets
 * @name: a name, which several may have
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Finds the sockets of one name.
 *
 * Returns: (transfer full) (element-type int): their descriptors, at least one
 */
GArray *
sonded_sockets_find (SondedSockets *self,
                     const char    *name,
                     GError       **error)
{
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_autofree char *names = NULL;

  for (guint i = 0; i < self->items->len; i++)
    {
      Item *item = get_item (self, i);

      if (!g_str_equal (item->name, name))
        continue;
      item->is_used = TRUE;
      g_array_append_val (fds, item->fd);
    }
  if (fds->len > 0)
    return g_steal_pointer (&fds);

  names = list_names (self);
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "no socket of that name was passed; passed: %s",
               names);

  return NULL;
}

/*
 * sonded_sockets_give:
 * @fds: (nullable) (element-type int): descriptors that sonded_sockets_find()
 *   has found
 * @server: who is to listen on them; on its addresses if there are none
 * @error: where to put an error, %SONDE_ERROR_INVALID_SETTING
 *
 * Gives sockets to a server.
 */
gboolean
sonded_sockets_give (GArray      *fds,
                     SondeServer *server,
                     GError     **error)
{
  return sonde_server_set_listen_fds (server,
                                      fds != NULL ? (const int *) (void *) fds->data : NULL,
                                      fds != NULL ? fds->len : 0,
                                      error);
}

/*
 * sonded_sockets_close_unused:
 * @self: sockets
 *
 * Closes those that nobody has asked for, so that nobody waits for an answer
 * on account of us.
 */
void
sonded_sockets_close_unused (SondedSockets *self)
{
  for (guint i = self->items->len; i > 0; i--)
    {
      const Item *item = get_item (self, i - 1);

      if (item->is_used)
        continue;
      g_warning ("File descriptor %d, passed as %s, is closed: no server has Listen=fd:%s",
                 item->fd,
                 item->name,
                 item->name);
      g_array_remove_index (self->items, i - 1);
    }
}
