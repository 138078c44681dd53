/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Listening sockets that somebody else has made, a service manager say. They
 * are not ours alone: others may accept from them too, and they outlive every
 * server that listens on them. So a server works with duplicates, and what was
 * found on a socket is kept, to be put back where it is not asked for any more. */

#include "config.h"

#include "sonde-error-private.h"
#include "sonde-given-private.h"
#include "sonde-listener-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  int       fd;
  ino_t     inode;
  GVariant *found[SONDE_N_OPTIONS]; /* (owned) (nullable) */
} Item;

struct _SondeGiven
{
  GArray *items; /* (owned) (element-type Item) */
};

static Item *
get_item (SondeGiven *self,
          guint       i)
{
  return &g_array_index (self->items, Item, i % self->items->len);
}

static gboolean
refuse (int         fd,
        const char *why,
        GError    **error)
{
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "File descriptor %d is refused: %s; allowed: TCP sockets that listen",
               fd,
               why);

  return FALSE;
}

static int
get_int (int fd,
         int name)
{
  int       value = -1;
  socklen_t length = sizeof value;

  return getsockopt (fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

static gboolean
check (int      fd,
       GError **error)
{
  struct stat status;
  const int   domain = get_int (fd, SO_DOMAIN);

  if (fstat (fd, &status) != 0)
    return refuse (fd, "it is not open", error);
  if (!S_ISSOCK (status.st_mode))
    return refuse (fd, "it is not a socket", error);
  if (domain != AF_INET && domain != AF_INET6)
    return refuse (fd, "it is of neither IPv4 nor IPv6", error);
  if (get_int (fd, SO_PROTOCOL) != IPPROTO_TCP)
    return refuse (fd, "it does not speak TCP", error);
  if (get_int (fd, SO_ACCEPTCONN) != 1)
    return refuse (fd, "it does not listen", error);

  return TRUE;
}

static int
duplicate (int      fd,
           GError **error)
{
  const int copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);

  if (copy < 0)
    sonde_error_set_errno (error, errno, "Could not duplicate file descriptor %d", fd);

  return copy;
}

static gboolean
add_item (SondeGiven *self,
          int         fd,
          GError    **error)
{
  Item        item = { .fd = check (fd, error) ? duplicate (fd, error) : -1 };
  struct stat status = { 0 };

  if (item.fd < 0)
    return FALSE;

  fstat (item.fd, &status);
  item.inode = status.st_ino;
  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    item.found[row] = sonde_option_read (&sonde_option_get_table ()[row], item.fd);
  g_array_append_val (self->items, item);

  return TRUE;
}

static void
clear (SondeGiven *self)
{
  for (guint i = 0; i < self->items->len; i++)
    {
      Item *item = get_item (self, i);

      for (int row = 0; row < SONDE_N_OPTIONS; row++)
        g_clear_pointer (&item->found[row], g_variant_unref);
      close (item->fd);
    }
  g_array_unref (self->items);
}

/*
 * sonde_given_new:
 * @fds: (array length=n_fds): file descriptors, which stay the caller's
 * @n_fds: how many, at least one
 * @error: where to put an error: %SONDE_ERROR_INVALID_SETTING if one of them
 *   is no TCP socket that listens
 *
 * Takes note of sockets.
 *
 * Returns: (transfer full): the sockets
 */
SondeGiven *
sonde_given_new (const int *fds,
                 guint      n_fds,
                 GError   **error)
{
  g_autoptr (SondeGiven) self = g_atomic_rc_box_new0 (SondeGiven);

  self->items = g_array_new (FALSE, FALSE, sizeof (Item));
  for (guint i = 0; i < n_fds; i++)
    if (!add_item (self, fds[i], error))
      return NULL;

  return g_steal_pointer (&self);
}

/*
 * sonde_given_ref:
 * @self: sockets
 *
 * Takes a reference.
 */
SondeGiven *
sonde_given_ref (SondeGiven *self)
{
  return g_atomic_rc_box_acquire (self);
}

/*
 * sonde_given_unref:
 * @self: (transfer full): sockets
 *
 * Drops a reference.
 */
void
sonde_given_unref (SondeGiven *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify) clear);
}

/*
 * sonde_given_is_same:
 * @self: (nullable): sockets
 * @other: (nullable): sockets
 *
 * Checks whether these are the same sockets in the same order, by whatever
 * number.
 */
gboolean
sonde_given_is_same (SondeGiven *self,
                     SondeGiven *other)
{
  if (self == NULL || other == NULL)
    return self == other;
  if (self->items->len != other->items->len)
    return FALSE;

  for (guint i = 0; i < self->items->len; i++)
    if (get_item (self, i)->inode != get_item (other, i)->inode)
      return FALSE;

  return TRUE;
}

/*
 * sonde_given_get_fd:
 * @self: sockets
 * @i: which one
 *
 * Gets a descriptor, to read options from.
 */
int
sonde_given_get_fd (SondeGiven *self,
                    guint       i)
{
  return get_item (self, i)->fd;
}

/*
 * sonde_given_restore:
 * @self: sockets
 * @i: which one; they are counted round and round
 * @row: a row of the table of options
 * @fd: that socket, or a connection that came from it
 * @error: where to put an error
 *
 * Gives an option the value again that it had when the socket was given.
 */
gboolean
sonde_given_restore (SondeGiven *self,
                     guint       i,
                     int         row,
                     int         fd,
                     GError    **error)
{
  const SondeOption *option = &sonde_option_get_table ()[row];
  GVariant          *found = get_item (self, i)->found[row];
  g_autoptr (GVariant) now = sonde_option_read (option, fd);

  if (found == NULL || option->unset == SONDE_OPTION_STAYS ||
      (now != NULL && g_variant_equal (now, found)))
    return TRUE;

  return sonde_option_restore (option, fd, found, error);
}

/* What is not asked for is as it was found, whatever another server, which
 * listened there before, has made of it. */
static gboolean
set_up (SondeGiven    *self,
        guint          i,
        int            fd,
        SondeSettings *settings,
        GError       **error)
{
  for (int row = 0; row < SONDE_N_OPTIONS; row++)
    {
      const SondeOption *option = &sonde_option_get_table ()[row];
      const guint        setting = SONDE_SETTING_OPTION (row);
      g_autoptr (GVariant) value = sonde_settings_peek (settings, setting);

      if ((option->phases & (SONDE_OPTION_ON_LISTENER | SONDE_OPTION_AT_LISTEN)) == 0)
        continue;
      if (sonde_settings_has (settings, setting) ? !sonde_option_write (option, fd, value, error)
                                                 : !sonde_given_restore (self, i, row, fd, error))
        return FALSE;
    }

  return TRUE;
}

static GSocket *
open_item (SondeGiven    *self,
           guint          i,
           SondeSettings *settings,
           GError       **error)
{
  const int fd = duplicate (get_item (self, i)->fd, error);
  GSocket  *listener = NULL;

  if (fd < 0)
    return NULL;
  if (set_up (self, i, fd, settings, error))
    listener = sonde_listener_wrap (fd, error);
  if (listener == NULL)
    close (fd);

  return listener;
}

/*
 * sonde_given_open:
 * @self: sockets
 * @settings: what is asked for
 * @error: where to put an error
 *
 * Makes listeners of the sockets, whose options are those that are asked for,
 * and else as they were found.
 *
 * Returns: (transfer full) (element-type GSocket): the listeners, which do
 *   not block
 */
GPtrArray *
sonde_given_open (SondeGiven    *self,
                  SondeSettings *settings,
                  GError       **error)
{
  g_autoptr (GPtrArray) listeners = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < self->items->len; i++)
    {
      GSocket *listener = open_item (self, i, settings, error);

      if (listener == NULL)
        return NULL;
      g_ptr_array_add (listeners, listener);
    }

  return g_steal_pointer (&listeners);
}
