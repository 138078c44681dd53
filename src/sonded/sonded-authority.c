/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Who may do what. On a session bus everybody on it is the user who runs the
 * daemon, and the bus is the boundary. On the system bus reading is open and
 * changing is for root and for the daemon's own user; what the table below
 * does not list is denied. */

#include "config.h"

#include "sonded-authority.h"

#include <libsonde/sonde.h>
#include <string.h>
#include <unistd.h>

struct _SondedAuthority
{
  GObject parent_instance;

  gboolean system_bus;
};

G_DEFINE_FINAL_TYPE (SondedAuthority, sonded_authority, G_TYPE_OBJECT)

/* The members that read and tell nothing about peers. */
static const struct
{
  const char *interface;
  const char *member;
} open_members[] = {
  { "org.sonde.Sonde1.Manager", "GetServer" },
  { "org.sonde.Sonde1.Manager", "Describe" },
  { "org.sonde.Sonde1.KernelLimits", "ComputeConnectTimeout" },
  { "org.sonde.Sonde1.KernelLimits", "GetAll" },
  { "org.sonde.Sonde1.KernelLimits", "GetDeltas" },
  { "org.sonde.Sonde1.Server", "WaitFor" },
  { "org.sonde.Sonde1.SocketOptions", "GetOptionReport" },
  { "org.sonde.Sonde1.Statistics", "GetSnapshot" },
};

static void
sonded_authority_class_init (SondedAuthorityClass *klass)
{
}

static void
sonded_authority_init (SondedAuthority *self)
{
}

/*
 * sonded_authority_new:
 * @system_bus: whether callers may be strangers
 *
 * Makes an authority.
 */
SondedAuthority *
sonded_authority_new (gboolean system_bus)
{
  SondedAuthority *self = g_object_new (SONDED_TYPE_AUTHORITY, NULL);

  self->system_bus = system_bus;

  return self;
}

/*
 * sonded_authority_is_needed:
 * @self: an authority
 *
 * Checks whether there is anything to ask it.
 */
gboolean
sonded_authority_is_needed (SondedAuthority *self)
{
  return self->system_bus;
}

static gboolean
is_open (GDBusMethodInvocation *invocation)
{
  const char *interface = g_dbus_method_invocation_get_interface_name (invocation);
  const char *member = g_dbus_method_invocation_get_method_name (invocation);

  for (gsize i = 0; i < G_N_ELEMENTS (open_members); i++)
    if (strcmp (open_members[i].interface, interface) == 0 &&
        strcmp (open_members[i].member, member) == 0)
      return TRUE;

  return FALSE;
}

static gboolean
get_caller_uid (GDBusMethodInvocation *invocation,
                guint32               *uid)
{
  GDBusConnection *connection = g_dbus_method_invocation_get_connection (invocation);
  const char      *sender = g_dbus_method_invocation_get_sender (invocation);
  g_autoptr (GVariant) reply = NULL;

  reply = g_dbus_connection_call_sync (connection,
                                       "org.freedesktop.DBus",
                                       "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus",
                                       "GetConnectionUnixUser",
                                       g_variant_new ("(s)", sender),
                                       G_VARIANT_TYPE ("(u)"),
                                       G_DBUS_CALL_FLAGS_NONE,
                                       -1,
                                       NULL,
                                       NULL);
  if (reply == NULL)
    return FALSE;

  g_variant_get (reply, "(u)", uid);

  return TRUE;
}

/*
 * sonded_authority_check:
 * @self: an authority
 * @invocation: a call, or a Properties.Set
 *
 * Decides about a call, in the thread that GDBus gives it: it asks the bus
 * who the caller is, and waits. A caller that has left by then is denied.
 *
 * Returns: %FALSE if it is denied; then the call was answered
 */
gboolean
sonded_authority_check (SondedAuthority       *self,
                        GDBusMethodInvocation *invocation)
{
  guint32 uid = 0;

  if (!self->system_bus || is_open (invocation))
    return TRUE;
  if (get_caller_uid (invocation, &uid) && (uid == 0 || uid == geteuid ()))
    return TRUE;

  g_dbus_method_invocation_return_error (invocation,
                                         SONDE_ERROR,
                                         SONDE_ERROR_NOT_AUTHORIZED,
                                         "%s of %s is for root on the system bus",
                                         g_dbus_method_invocation_get_method_name (invocation),
                                         g_dbus_method_invocation_get_interface_name (invocation));

  return FALSE;
}
