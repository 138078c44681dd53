/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Asks polkit, on the system bus, whether a caller may do what it asks for. On
 * a session bus everybody is the user who runs the daemon, and the bus is the
 * boundary.
 *
 * polkit is asked over the connection that the call came by, not through
 * libpolkit, which has a connection of its own for the whole process: a caller
 * is known by its name on the bus, and after the bus was restarted the name may
 * be another's there. Nothing waits: a call lies here until the answer comes,
 * its caller leaves the bus, or it has taken too long. Without an answer it is
 * denied.
 *
 * Several calls of one caller are checked at the same time, but those that are
 * allowed are carried out in the order in which they came. Reads do not wait
 * in this line. The bus bounds how many answers the daemon may wait for, so
 * that polkit is asked about some calls of a caller only, and about one that
 * may have somebody asked; the rest wait, or one caller could keep all others
 * from being checked. */

#include "config.h"

#include "sonded-authority.h"

#include <libsonde/sonde.h>

#include "sonded-client.h"
#include "sonded-name.h"
#include "sonded-rights.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_ALLOW_USER_INTERACTION 1

/* How long polkit may think, and how long together with whom it asks. */
#define CHECK_TIMEOUT_MS (10 * 1000)
#define INTERACTIVE_TIMEOUT_MS (5 * 60 * 1000)

/* About how many calls of one caller polkit is asked at a time. dbus-daemon lets
 * a connection to the system bus wait for 128 answers. */
#define ASKED_MAX 8

struct _SondedAuthority
{
  GObject parent_instance;

  gboolean system_bus;
  gboolean is_cut_off; /* polkit was not there when it was last asked */
  guint    n_checks;   /* ever, for the ids by which they are cancelled */
};

G_DEFINE_FINAL_TYPE (SondedAuthority, sonded_authority, G_TYPE_OBJECT)

/* The calls of one client that are being checked. */
typedef struct
{
  GQueue        checks; /* (element-type Check): in the order of the calls */
  guint         n_asked;
  guint         n_dialogs; /* of these, those that may have somebody asked */
  GCancellable *gone;      /* (owned): cancelled when the client leaves the bus */
} Line;

typedef struct
{
  SondedAuthority       *authority;  /* (owned) */
  SondedClient          *client;     /* (owned) */
  GDBusMethodInvocation *invocation; /* (owned) */
  const SondedRight     *right;
  char                  *id;       /* (owned) */
  GVariant              *question; /* (owned) */
  gint64                 deadline;
  gboolean               is_asked;
  gboolean               is_interactive;
  gboolean               is_allowed;
  SondedAllowedFunc      allowed;
  GObject               *target; /* (owned) */
} Check;

static void
sonded_authority_class_init (SondedAuthorityClass *klass)
{
}

static void
sonded_authority_init (SondedAuthority *self)
{
}

static void
check_free (Check *self)
{
  g_object_unref (self->authority);
  g_object_unref (self->client);
  g_clear_object (&self->invocation);
  g_object_unref (self->target);
  g_variant_unref (self->question);
  g_free (self->id);
  g_free (self);
}

static void
line_free (gpointer data)
{
  Line *self = data;

  g_object_unref (self->gone);
  g_free (self);
}

/* Lives as long as the client, whom every check keeps. */
static Line *
get_line (SondedClient *client)
{
  const GQuark quark = g_quark_from_static_string ("sonded-authority-line");
  Line        *self = g_object_get_qdata (G_OBJECT (client), quark);

  if (self != NULL)
    return self;

  self = g_new0 (Line, 1);
  self->gone = g_cancellable_new ();
  g_signal_connect_object (client,
                           "gone",
                           G_CALLBACK (g_cancellable_cancel),
                           self->gone,
                           G_CONNECT_SWAPPED);
  g_object_set_qdata_full (G_OBJECT (client), quark, self, line_free);

  return self;
}

/* Carries out what is allowed and has nothing undecided before it. */
static void
carry_out (Line *self)
{
  Check *check = NULL;

  while ((check = g_queue_peek_head (&self->checks)) != NULL && check->is_allowed)
    {
      g_queue_pop_head (&self->checks);
      check->allowed (g_steal_pointer (&check->invocation), check->target);
      check_free (check);
    }
}

static void
deny (GDBusMethodInvocation *invocation,
      const char            *needs,
      const char            *why)
{
  const char *property = sonded_rights_get_property (invocation);

  g_dbus_method_invocation_return_error (invocation,
                                         SONDE_ERROR,
                                         SONDE_ERROR_NOT_AUTHORIZED,
                                         "%s%s%s of %s needs %s: %s",
                                         g_dbus_method_invocation_get_method_name (invocation),
                                         property != NULL ? " " : "",
                                         property != NULL ? property : "",
                                         sonded_rights_get_interface (invocation),
                                         needs,
                                         why);
}

static void
deny_check (Check      *self,
            const char *why)
{
  deny (g_steal_pointer (&self->invocation), self->right->action, why);
}

static int
get_timeout_ms (Check *self)
{
  return self->is_interactive ? INTERACTIVE_TIMEOUT_MS : CHECK_TIMEOUT_MS;
}

static void
deny_late (Check *self)
{
  g_autofree char *why =
    g_strdup_printf ("polkit did not answer within %d s", get_timeout_ms (self) / 1000);

  deny_check (self, why);
}

/* An agent may still be asking somebody. */
static void
stop_asking (Check           *self,
             GDBusConnection *connection)
{
  g_dbus_connection_call (connection,
                          POLKIT_NAME,
                          POLKIT_PATH,
                          POLKIT_INTERFACE,
                          "CancelCheckAuthorization",
                          g_variant_new ("(s)", self->id),
                          NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          -1,
                          NULL,
                          NULL,
                          NULL);
}

/* A caller can provoke what polkit itself says, and is not to fill the log. */
static void
note_failure (SondedAuthority *self,
              const GError    *error)
{
  g_autofree char *name = g_dbus_error_get_remote_error (error);

  if (name != NULL && g_str_has_prefix (name, POLKIT_NAME))
    return;
  if (!self->is_cut_off)
    g_warning ("polkit cannot be asked; denying what needs it: %s", error->message);
  self->is_cut_off = TRUE;
}

static void
take_failure (Check           *self,
              GDBusConnection *connection,
              GError          *error)
{
  g_autofree char *why = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      stop_asking (self, connection);
      g_clear_object (&self->invocation);
      return;
    }

  note_failure (self->authority, error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    {
      stop_asking (self, connection);
      deny_late (self);
      return;
    }
  g_dbus_error_strip_remote_error (error);
  why = g_strdup_printf ("polkit could not be asked: %s", error->message);
  deny_check (self, why);
}

static void
take_answer (Check    *self,
             GVariant *reply)
{
  gboolean is_challenge;

  self->authority->is_cut_off = FALSE;
  g_variant_get (reply, "((bb@a{ss}))", &self->is_allowed, &is_challenge, NULL);
  if (self->is_allowed)
    return;
  if (is_challenge && !self->is_interactive)
    deny_check (self, "the caller would have to authenticate, but the call does not allow to ask");
  else
    deny_check (self, "polkit does not grant it");
}

static void ask_next (Line *self);

static void
answered_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Check           *check = user_data;
  GDBusConnection *connection = G_DBUS_CONNECTION (source);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (connection, result, &local_error);
  g_autoptr (SondedClient) client = g_object_ref (check->client);
  Line *line = get_line (client);

  line->n_asked--;
  line->n_dialogs -= check->is_interactive ? 1 : 0;
  if (reply != NULL)
    take_answer (check, reply);
  else
    take_failure (check, connection, local_error);

  if (!check->is_allowed)
    {
      g_queue_remove (&line->checks, check);
      check_free (check);
    }
  ask_next (line);
  carry_out (line);
}

/* What a dialog may show, and a rule may look at. A name that no server can
 * have is not passed on: the caller may have made it up. */
static GVariant *
describe (Check      *self,
          const char *server)
{
  GVariantBuilder details;
  const char     *property = sonded_rights_get_property (self->invocation);
  const char     *member = g_dbus_method_invocation_get_method_name (self->invocation);

  g_variant_builder_init (&details, G_VARIANT_TYPE ("a{ss}"));
  g_variant_builder_add (&details, "{ss}", "member", property != NULL ? property : member);
  if (server != NULL && sonded_name_is_valid (server))
    {
      g_variant_builder_add (&details, "{ss}", "server", server);
      g_variant_builder_add (&details, "{ss}", "polkit.message", self->right->message);
      g_variant_builder_add (&details, "{ss}", "polkit.gettext_domain", GETTEXT_PACKAGE);
    }

  return g_variant_builder_end (&details);
}

static GVariant *
make_question (Check      *self,
               const char *server)
{
  const char *sender = g_dbus_method_invocation_get_sender (self->invocation);

  return g_variant_new ("(@(sa{sv})s@a{ss}us)",
                        g_variant_new_parsed ("('system-bus-name', {'name': <%s>})", sender),
                        self->right->action,
                        describe (self, server),
                        self->is_interactive ? POLKIT_ALLOW_USER_INTERACTION : 0,
                        self->id);
}

static gboolean
allows_interaction (GDBusMethodInvocation *invocation)
{
  GDBusMessage *message = g_dbus_method_invocation_get_message (invocation);

  return (g_dbus_message_get_flags (message) &
          G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION) != 0;
}

/* It counts from when the call came, however long it has been waiting here. */
static gboolean
ask (Check *self,
     Line  *line)
{
  const gint64 left_ms = (self->deadline - g_get_monotonic_time ()) / 1000;

  if (left_ms <= 0)
    {
      deny_late (self);
      return FALSE;
    }

  self->is_asked = TRUE;
  line->n_asked++;
  line->n_dialogs += self->is_interactive ? 1 : 0;
  g_dbus_connection_call (g_dbus_method_invocation_get_connection (self->invocation),
                          POLKIT_NAME,
                          POLKIT_PATH,
                          POLKIT_INTERFACE,
                          "CheckAuthorization",
                          self->question,
                          G_VARIANT_TYPE ("((bba{ss}))"),
                          G_DBUS_CALL_FLAGS_NONE,
                          (int) left_ms,
                          line->gone,
                          answered_cb,
                          self);

  return TRUE;
}

/* A dialog holds up the next one, and nothing else. */
static gboolean
may_ask (Line  *self,
         Check *check)
{
  return self->n_asked < ASKED_MAX && !(check->is_interactive && self->n_dialogs > 0);
}

/* Goes on with the calls that polkit has not been asked about. */
static void
ask_next (Line *self)
{
  const gboolean is_gone = g_cancellable_is_cancelled (self->gone);
  GList         *next = NULL;

  for (GList *item = self->checks.head; item != NULL; item = next)
    {
      Check *check = item->data;

      next = item->next;
      if (check->is_asked || (!is_gone && !may_ask (self, check)))
        continue;
      if (!is_gone && ask (check, self))
        continue;
      /* Whoever has left gets no answer. */
      g_queue_delete_link (&self->checks, item);
      check_free (check);
    }
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
 * sonded_authority_check:
 * @self: an authority
 * @invocation: (transfer full): a call, or a Properties.Set
 * @server: (nullable): the name of the server that it is about
 * @allowed: what carries the call out
 * @target: (type GObject): what the call is for, kept until then
 *
 * Decides about a call, at once or later. Either @allowed is called, or the
 * call is answered with %SONDE_ERROR_NOT_AUTHORIZED; if the caller has left
 * meanwhile, neither.
 */
void
sonded_authority_check (SondedAuthority       *self,
                        GDBusMethodInvocation *invocation,
                        const char            *server,
                        SondedAllowedFunc      allowed,
                        gpointer               target)
{
  const SondedRight *right = self->system_bus ? sonded_rights_find (invocation) : NULL;
  Check             *check = NULL;
  Line              *line = NULL;
  g_autoptr (SondedClient) client = NULL;

  if (!self->system_bus || (right != NULL && right->action == NULL))
    {
      allowed (invocation, target);
      return;
    }
  if (right == NULL)
    {
      deny (invocation, "a right", "nobody has it");
      return;
    }

  check = g_new0 (Check, 1);
  check->authority = g_object_ref (self);
  check->client = sonded_client_get (invocation);
  check->invocation = invocation;
  check->right = right;
  check->id = g_strdup_printf ("sonded-%u", self->n_checks++);
  check->is_interactive = allows_interaction (invocation);
  check->allowed = allowed;
  check->target = g_object_ref (target);
  check->deadline = g_get_monotonic_time () + get_timeout_ms (check) * (gint64) 1000;
  if (server == NULL)
    server = sonded_rights_get_server (invocation);
  check->question = g_variant_ref_sink (make_question (check, server));
  client = g_object_ref (check->client);
  line = get_line (client);
  g_queue_push_tail (&line->checks, check);
  ask_next (line);
}
