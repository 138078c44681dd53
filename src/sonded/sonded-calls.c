/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Bounds what calls cost that were received and are not answered yet. GDBus
 * reads the bus in a thread of its own as fast as it can, and queues without
 * end; so a filter in that thread counts calls in and replies out, and refuses
 * what is too much before it gets any further.
 *
 * A call that wants no reply would never be seen going out: it is made one that
 * wants a reply, which is thrown away. WaitFor() lies for as long as its caller
 * likes and costs little meanwhile: those have bounds of their own. A call may
 * carry file descriptors that nobody asked for, which would stay open as long as
 * it is not answered: it is refused. Whoever has
 * no call in flight may always make one, so that no crowd can lock anybody out. */

#include "config.h"

#include "sonded-calls.h"

#define CALLS_PER_CALLER_MAX 128
#define CALLS_MAX 1024
#define WAITERS_PER_CALLER_MAX 2048
#define WAITERS_MAX 16384
#define BYTES_PER_CALLER_MAX (4 * 1024 * 1024)
#define BYTES_MAX (64 * 1024 * 1024)
#define SMALL_BYTES 4096

/* Refusals that the bus has not taken yet; beyond, calls are dropped. */
#define REFUSALS_MAX 1024

typedef enum
{
  KIND_CALL,
  KIND_WAITER,
  KIND_REFUSAL,
} Kind;

#define N_KINDS (KIND_REFUSAL + 1)

typedef struct
{
  Kind     kind;
  gboolean wants_reply;
  gboolean has_fds;
  gsize    n_bytes;
} Call;

typedef struct
{
  guint n[N_KINDS];
  gsize n_bytes;
} Load;

typedef struct
{
  GHashTable *calls; /* (owned) (element-type uint Call): by serial */
  Load        load;
} Caller;

typedef struct
{
  GMutex      lock;
  GHashTable *callers; /* (owned) (element-type utf8 Caller): by unique name */
  Load        load;    /* of them all */
} Calls;

static void
caller_free (gpointer data)
{
  Caller *self = data;

  g_hash_table_unref (self->calls);
  g_free (self);
}

static void
calls_free (gpointer data)
{
  Calls *self = data;

  g_hash_table_unref (self->callers);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static Caller *
get_caller (Calls      *self,
            const char *name)
{
  Caller *caller = g_hash_table_lookup (self->callers, name);

  if (caller != NULL)
    return caller;

  caller = g_new0 (Caller, 1);
  caller->calls = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_hash_table_insert (self->callers, g_strdup (name), caller);

  return caller;
}

static void
forget_if_idle (Calls      *self,
                const char *name,
                Caller     *caller)
{
  if (g_hash_table_size (caller->calls) == 0)
    g_hash_table_remove (self->callers, name);
}

static void
add_call (Calls      *self,
          Caller     *caller,
          guint32     serial,
          const Call *call)
{
  g_hash_table_insert (caller->calls, GUINT_TO_POINTER (serial), g_memdup2 (call, sizeof *call));
  caller->load.n[call->kind]++;
  caller->load.n_bytes += call->n_bytes;
  self->load.n[call->kind]++;
  self->load.n_bytes += call->n_bytes;
}

/* Which bound a call would break, in words; NULL if none. */
static const char *
find_broken (const Load *all,
             const Load *own,
             const Call *call)
{
  if (call->has_fds)
    return "file descriptors: no call takes any";
  if (call->kind == KIND_WAITER)
    {
      if (own->n[KIND_WAITER] >= WAITERS_PER_CALLER_MAX)
        return "calls of WaitFor by one caller: at most " G_STRINGIFY (WAITERS_PER_CALLER_MAX);
      if (own->n[KIND_WAITER] > 0 && all->n[KIND_WAITER] >= WAITERS_MAX)
        return "calls of WaitFor by all callers: at most " G_STRINGIFY (WAITERS_MAX);
    }
  if (own->n[KIND_CALL] >= CALLS_PER_CALLER_MAX)
    return "calls of one caller in flight: at most " G_STRINGIFY (CALLS_PER_CALLER_MAX);
  if (own->n[KIND_CALL] > 0 && all->n[KIND_CALL] >= CALLS_MAX)
    return "calls of all callers in flight: at most " G_STRINGIFY (CALLS_MAX);
  if (own->n_bytes > 0 && own->n_bytes + call->n_bytes > BYTES_PER_CALLER_MAX)
    return "bytes of one caller in flight: at most 4 MiB in several calls";
  if (call->n_bytes > SMALL_BYTES && all->n_bytes + call->n_bytes > BYTES_MAX)
    return "bytes of all callers in flight: at most 64 MiB";

  return NULL;
}

static void
refuse (GDBusConnection *connection,
        GDBusMessage    *message,
        const char      *why)
{
  g_autoptr (GDBusMessage) reply =
    g_dbus_message_new_method_error (message,
                                     "org.freedesktop.DBus.Error.LimitsExceeded",
                                     "Too many %s",
                                     why);

  g_dbus_connection_send_message (connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

/* Takes a call into account, as what it will be; the lock is held. */
static gboolean
register_call (Calls        *self,
               GDBusMessage *message,
               Call         *call,
               const char  **why)
{
  const char   *sender = g_dbus_message_get_sender (message);
  const guint32 serial = g_dbus_message_get_serial (message);
  Caller       *caller = get_caller (self, sender);

  *why = find_broken (&self->load, &caller->load, call);
  if (*why != NULL)
    *call = (Call){ .kind = KIND_REFUSAL, .wants_reply = call->wants_reply };

  /* Who uses a serial twice could not tell the replies apart either. */
  if (g_hash_table_contains (caller->calls, GUINT_TO_POINTER (serial)) ||
      (call->kind != KIND_CALL && !call->wants_reply) ||
      (call->kind == KIND_REFUSAL && self->load.n[KIND_REFUSAL] >= REFUSALS_MAX))
    {
      forget_if_idle (self, sender, caller);
      return FALSE;
    }
  add_call (self, caller, serial, call);

  return TRUE;
}

static gboolean
is_wait_for (GDBusMessage *message)
{
  return g_strcmp0 (g_dbus_message_get_member (message), "WaitFor") == 0 &&
         g_strcmp0 (g_dbus_message_get_interface (message), "org.sonde.Sonde1.Server") == 0;
}

static void
remove_call (Calls    *self,
             Caller   *caller,
             guint32   serial,
             gboolean *wants_reply)
{
  const Call *call = g_hash_table_lookup (caller->calls, GUINT_TO_POINTER (serial));

  if (call == NULL)
    return;

  *wants_reply = call->wants_reply;
  caller->load.n[call->kind]--;
  caller->load.n_bytes -= call->n_bytes;
  self->load.n[call->kind]--;
  self->load.n_bytes -= call->n_bytes;
  g_hash_table_remove (caller->calls, GUINT_TO_POINTER (serial));
}

/* Returns whether there is somebody who wants the reply. */
static gboolean
end_call (Calls      *self,
          const char *name,
          guint32     serial)
{
  gboolean wants_reply = TRUE;
  Caller  *caller = NULL;

  g_mutex_lock (&self->lock);
  caller = g_hash_table_lookup (self->callers, name);
  if (caller != NULL)
    {
      remove_call (self, caller, serial, &wants_reply);
      forget_if_idle (self, name, caller);
    }
  g_mutex_unlock (&self->lock);

  return wants_reply;
}

static Call
classify (GDBusMessage *message)
{
  const GDBusMessageFlags flags = g_dbus_message_get_flags (message);
  GVariant               *body = g_dbus_message_get_body (message);
  Call                    call = { .kind = KIND_CALL, .wants_reply = TRUE };

  if (is_wait_for (message))
    call.kind = KIND_WAITER;
  if ((flags & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) != 0)
    call.wants_reply = FALSE;
  if (body != NULL)
    call.n_bytes = g_variant_get_size (body);
  call.has_fds = g_dbus_message_get_unix_fd_list (message) != NULL;

  return call;
}

/* The message is locked; out of files, one that carries some has no copy. */
static GDBusMessage *
ask_for_reply (Calls        *self,
               GDBusMessage *message)
{
  const GDBusMessageFlags flags = g_dbus_message_get_flags (message);
  GDBusMessage           *copy = g_dbus_message_copy (message, NULL);

  if (copy != NULL)
    g_dbus_message_set_flags (copy, flags & ~G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  else
    end_call (self, g_dbus_message_get_sender (message), g_dbus_message_get_serial (message));
  g_object_unref (message);

  return copy;
}

static GDBusMessage *
take_call (Calls           *self,
           GDBusConnection *connection,
           GDBusMessage    *message)
{
  Call        call = classify (message);
  const char *why = NULL;
  gboolean    is_known = FALSE;

  g_mutex_lock (&self->lock);
  is_known = register_call (self, message, &call, &why);
  g_mutex_unlock (&self->lock);
  if (is_known && why == NULL)
    return call.wants_reply ? message : ask_for_reply (self, message);

  if (is_known)
    refuse (connection, message, why);
  g_object_unref (message);

  return NULL;
}

static GDBusMessage *
take_reply (Calls        *self,
            GDBusMessage *message)
{
  const char *destination = g_dbus_message_get_destination (message);

  if (destination == NULL ||
      end_call (self, destination, g_dbus_message_get_reply_serial (message)))
    return message;

  g_object_unref (message);

  return NULL;
}

static GDBusMessage *
filter_cb (GDBusConnection *connection,
           GDBusMessage    *message,
           gboolean         incoming,
           gpointer         user_data)
{
  switch (g_dbus_message_get_message_type (message))
    {
    case G_DBUS_MESSAGE_TYPE_METHOD_CALL:
      if (!incoming || g_dbus_message_get_sender (message) == NULL)
        return message;
      return take_call (user_data, connection, message);
    case G_DBUS_MESSAGE_TYPE_METHOD_RETURN:
    case G_DBUS_MESSAGE_TYPE_ERROR:
      return incoming ? message : take_reply (user_data, message);
    default:
      return message;
    }
}

static GQuark
calls_quark (void)
{
  return g_quark_from_static_string ("sonded-calls");
}

/*
 * sonded_calls_limit:
 * @connection: a connection to a message bus, on which nothing is exported yet
 *
 * Bounds the calls that may be under way on a connection. One that is too much
 * is answered with `org.freedesktop.DBus.Error.LimitsExceeded`.
 */
void
sonded_calls_limit (GDBusConnection *connection)
{
  Calls *self = g_new0 (Calls, 1);

  g_mutex_init (&self->lock);
  self->callers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, caller_free);
  g_object_set_qdata (G_OBJECT (connection), calls_quark (), self);
  g_dbus_connection_add_filter (connection, filter_cb, self, calls_free);
}

/*
 * sonded_calls_forget:
 * @connection: a connection whose calls are bounded
 * @name: the unique name of somebody who has left the bus
 *
 * Counts out the calls that somebody has left unanswered behind. He may have
 * left before anybody watched him, so that no signal tells of it.
 */
void
sonded_calls_forget (GDBusConnection *connection,
                     const char      *name)
{
  Calls  *self = g_object_get_qdata (G_OBJECT (connection), calls_quark ());
  Caller *caller = NULL;

  g_mutex_lock (&self->lock);
  caller = g_hash_table_lookup (self->callers, name);
  if (caller != NULL)
    {
      for (guint i = 0; i < N_KINDS; i++)
        self->load.n[i] -= caller->load.n[i];
      self->load.n_bytes -= caller->load.n_bytes;
      g_hash_table_remove (self->callers, name);
    }
  g_mutex_unlock (&self->lock);
}
