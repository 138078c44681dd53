/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Calls every member that a daemon has on the bus, over and over, with random
 * arguments of the types that it asks for, and now and then of others.
 *
 *   fuzz-calls ADDRESS COUNT SEED
 *
 * Many calls are under way at a time. What they answer does not matter, as long as
 * there is an answer; when the daemon goes, the last calls are shown. */

#include <gio/gio.h>
#include <stdlib.h>

#define BUS_NAME "org.sonde.Sonde1"
#define ROOT_PATH "/org/sonde/Sonde1"
#define SERVER_PATH ROOT_PATH "/server/"
#define PROPERTIES "org.freedesktop.DBus.Properties"

#define N_UNDER_WAY 32
#define N_REMEMBERED 64
#define DEPTH_MAX 4

/* Calls after which the servers that the calls have made are removed, and the
 * others started again. */
#define ROUND 500

/* Nobody waits that long for an answer, however busy the machine is. */
#define TIMEOUT_MS 300000

typedef struct
{
  const char *path;
  const char *interface; /* (owned by nodes) */
  const char *member;
  const char *type;      /* of a property */
  GPtrArray  *arguments; /* (owned) (nullable) (element-type GDBusArgInfo) of a method */
} Member;

typedef struct
{
  GDBusConnection *connection;
  GRand           *rand;
  GMainLoop       *loop;
  GPtrArray       *nodes;   /* (element-type GDBusNodeInfo): members point into them */
  GArray          *members; /* (element-type Member) */
  guint            n_left;
  guint            n_under_way;
  guint            n_done;
  guint            n_answered_well;
  gboolean         failed;
  GQueue           recent; /* (element-type utf8): the last calls */
} Fuzz;

static const char *const words[] = {
  "",
  "echo",
  "upper",
  "echo-once",
  "upper-line",
  "threads",
  "loop",
  "fin",
  "reset",
  "new",
  "all",
  "existing",
  "127.0.0.1:0",
  "[::1]:0",
  "127.0.0.1",
  "localhost:0",
  "0.0.0.0:0",
  "255.255.255.255:1",
  "NoDelay",
  "Backlog",
  "KeepAliveTimeUSec",
  "ListenAddresses",
  "Congestion",
  "reno",
  "cubic",
  "asyncio",
  "Preset",
  "apply",
  "info",
  "debug",
  "NAccepted",
  "NConnections",
  "BytesReceived",
  "tcp_syn_retries",
  "net.core.somaxconn",
  BUS_NAME ".Server",
  BUS_NAME ".SocketOptions",
  "/",
  "\n",
  "%s%n%d",
  "\xc3\xa9",
  "x\x01y",
};

static const gint64 numbers[] = {
  0,
  1,
  -1,
  2,
  7,
  100,
  1000,
  4096,
  65535,
  65536,
  1000000,
  G_MAXINT32,
  G_MININT32,
  G_MAXUINT32,
  G_MAXINT64,
  G_MININT64,
};

static guint
pick (Fuzz *self,
      guint n)
{
  return (guint) g_rand_int_range (self->rand, 0, (gint32) n);
}

static gint64
pick_number (Fuzz *self)
{
  if (pick (self, 4) == 0)
    return (gint64) (((guint64) g_rand_int (self->rand) << 32) | g_rand_int (self->rand));

  return numbers[pick (self, G_N_ELEMENTS (numbers))];
}

static char *
pick_text (Fuzz *self)
{
  const char *word = words[pick (self, G_N_ELEMENTS (words))];

  if (pick (self, 50) == 0)
    return g_strnfill (pick (self, 70000), 'x');
  if (pick (self, 10) == 0)
    return g_strdup_printf ("%s%c%s", word, 'a' + pick (self, 26), word);

  return g_strdup (word);
}

/* A value of a type may have any others in it. */
static GVariant *make_value (Fuzz               *self,
                             const GVariantType *type,
                             guint               depth);

static GVariant *
make_basic (Fuzz *self,
            char  type)
{
  g_autofree char *text = NULL;
  const gint64     number = pick_number (self);

  switch (type)
    {
    case 'b':
      return g_variant_new_boolean (number & 1);
    case 'y':
      return g_variant_new_byte ((guint8) number);
    case 'n':
      return g_variant_new_int16 ((gint16) number);
    case 'q':
      return g_variant_new_uint16 ((guint16) number);
    case 'i':
      return g_variant_new_int32 ((gint32) number);
    case 'u':
      return g_variant_new_uint32 ((guint32) number);
    case 'x':
      return g_variant_new_int64 (number);
    case 't':
      return g_variant_new_uint64 ((guint64) number);
    case 'h':
      return g_variant_new_handle (0);
    case 'd':
      return g_variant_new_double (pick (self, 2) == 0 ? (double) number : strtod ("nan", NULL));
    case 'o':
      return g_variant_new_object_path (pick (self, 2) == 0 ? "/" : SERVER_PATH "echo");
    case 'g':
      return g_variant_new_signature ("a{sv}");
    default:
      text = pick_text (self);
      return g_variant_new_string (g_utf8_validate (text, -1, NULL) ? text : "");
    }
}

static GVariant *
make_variant (Fuzz *self,
              guint depth)
{
  static const char *const types[] = { "b", "u", "t", "s", "as", "i", "q", "x", "d", "ay", "a{sv}",
                                       "v", "(st)", "aay", "o" };
  const char              *type = types[pick (self, depth < DEPTH_MAX ? G_N_ELEMENTS (types) : 4)];

  return g_variant_new_variant (make_value (self, G_VARIANT_TYPE (type), depth + 1));
}

static GVariant *
make_container (Fuzz               *self,
                const GVariantType *type,
                guint               depth)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, type);
  if (g_variant_type_is_array (type))
    for (guint n = pick (self, 4); n > 0; n--)
      g_variant_builder_add_value (&builder,
                                   make_value (self, g_variant_type_element (type), depth + 1));
  else
    for (const GVariantType *item = g_variant_type_first (type); item != NULL;
         item = g_variant_type_next (item))
      g_variant_builder_add_value (&builder, make_value (self, item, depth + 1));

  return g_variant_builder_end (&builder);
}

static GVariant *
make_value (Fuzz               *self,
            const GVariantType *type,
            guint               depth)
{
  if (g_variant_type_is_variant (type))
    return make_variant (self, depth);
  if (g_variant_type_is_container (type))
    return make_container (self, type, depth);

  return make_basic (self, g_variant_type_peek_string (type)[0]);
}

/* A wait that is random is mostly one for ever, and then there would be no place
 * for other calls. */
static GVariant *
make_argument (Fuzz               *self,
               const GDBusArgInfo *info)
{
  const char *type = pick (self, 40) == 0 ? "v" : info->signature;

  if (g_str_has_prefix (info->name, "timeout") && g_str_equal (type, "t"))
    return g_variant_new_uint64 (pick (self, 20000));

  return make_value (self, G_VARIANT_TYPE (type), 0);
}

/* Now and then an argument of another type, one too many or none. */
static GVariant *
make_arguments (Fuzz         *self,
                const Member *member)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_TUPLE);
  for (guint i = 0; i < member->arguments->len; i++)
    if (pick (self, 40) != 0)
      g_variant_builder_add_value (&builder, make_argument (self, member->arguments->pdata[i]));
  if (pick (self, 40) == 0)
    g_variant_builder_add_value (&builder, make_variant (self, 0));

  return g_variant_builder_end (&builder);
}

static GVariant *
make_property_call (Fuzz         *self,
                    const Member *member,
                    const char  **method)
{
  const gboolean   is_right = pick (self, 4) != 0;
  g_autofree char *name = is_right ? g_strdup (member->member) : pick_text (self);
  GVariant        *value = NULL;

  if (!g_utf8_validate (name, -1, NULL))
    g_clear_pointer (&name, g_free);
  *method = pick (self, 3) == 0 ? "Get" : "Set";
  if (g_str_equal (*method, "Get"))
    return g_variant_new ("(ss)", member->interface, name != NULL ? name : "");
  value = pick (self, 4) == 0 ? make_variant (self, 0)
                              : g_variant_new_variant (
                                  make_value (self, G_VARIANT_TYPE (member->type), 0));

  return g_variant_new ("(ss@v)", member->interface, name != NULL ? name : "", value);
}

static void
remember (Fuzz       *self,
          const char *path,
          const char *interface,
          const char *method,
          GVariant   *arguments)
{
  g_autofree char *text = g_variant_print (arguments, TRUE);

  g_queue_push_tail (&self->recent,
                     g_strdup_printf ("%s %s.%s %.500s", path, interface, method, text));
  if (g_queue_get_length (&self->recent) > N_REMEMBERED)
    g_free (g_queue_pop_head (&self->recent));
}

static void make_calls (Fuzz *self);

static void
answered_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Fuzz *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer =
    g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  self->n_under_way--;
  self->n_done++;
  if (answer != NULL)
    self->n_answered_well++;
  /* These come from the bus or from ourselves, and mean that the daemon is gone,
   * or does not answer. */
  else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
           g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
           g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    {
      g_printerr ("%s\n", error->message);
      self->failed = TRUE;
    }
  make_calls (self);
}

static void
call (Fuzz       *self,
      const char *path,
      const char *interface,
      const char *method,
      GVariant   *arguments)
{
  remember (self, path, interface, method, arguments);
  self->n_under_way++;
  g_dbus_connection_call (self->connection,
                          BUS_NAME,
                          path,
                          interface,
                          method,
                          arguments,
                          NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          TIMEOUT_MS,
                          NULL,
                          answered_cb,
                          self);
}

/* What calls have made, they are not to make without end. */
static void
tidy_up (Fuzz *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_utf8_validate (words[i], -1, NULL) && !g_str_equal (words[i], "echo"))
      call (self, ROOT_PATH, BUS_NAME ".Manager", "RemoveServer", g_variant_new ("(s)", words[i]));
  call (self, SERVER_PATH "echo", BUS_NAME ".Server", "Start", g_variant_new ("()"));
  call (self,
        ROOT_PATH,
        BUS_NAME ".Manager",
        "CreateServer",
        g_variant_new_parsed ("('echo', {'ListenAddresses': <['127.0.0.1:0']>})"));
}

static const Member *
pick_member (Fuzz *self)
{
  const Member *member = NULL;

  /* A probe may take as long as it takes to look up a name that there is not. */
  do
    member = &g_array_index (self->members, Member, pick (self, self->members->len));
  while (g_str_equal (member->member, "RunProbe") && pick (self, 20) != 0);

  return member;
}

static void
make_call (Fuzz *self)
{
  const Member *member = pick_member (self);
  const char   *method = member->member;
  GVariant     *arguments = NULL;

  if (member->arguments == NULL)
    {
      arguments = make_property_call (self, member, &method);
      call (self, member->path, PROPERTIES, method, arguments);
      return;
    }
  arguments = make_arguments (self, member);
  call (self, member->path, member->interface, method, arguments);
}

static void
make_calls (Fuzz *self)
{
  while (!self->failed && self->n_left > 0 && self->n_under_way < N_UNDER_WAY)
    {
      self->n_left--;
      if (self->n_left % ROUND == 0)
        tidy_up (self);
      make_call (self);
    }
  if (self->n_under_way == 0 || self->failed)
    g_main_loop_quit (self->loop);
}

static void
add_methods (Fuzz               *self,
             const char         *path,
             GDBusInterfaceInfo *info)
{
  for (guint m = 0; info->methods != NULL && info->methods[m] != NULL; m++)
    {
      GDBusArgInfo **in = info->methods[m]->in_args;
      const Member   member = { path, info->name, info->methods[m]->name, NULL,
                                g_ptr_array_new () };

      for (guint a = 0; in != NULL && in[a] != NULL; a++)
        g_ptr_array_add (member.arguments, in[a]);
      g_array_append_val (self->members, member);
    }
}

static void
add_properties (Fuzz               *self,
                const char         *path,
                GDBusInterfaceInfo *info)
{
  for (guint p = 0; info->properties != NULL && info->properties[p] != NULL; p++)
    {
      const Member member = { path, info->name, info->properties[p]->name,
                              info->properties[p]->signature, NULL };

      g_array_append_val (self->members, member);
    }
}

static void
add_members (Fuzz       *self,
             const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (self->connection,
                                                            BUS_NAME,
                                                            path,
                                                            "org.freedesktop.DBus.Introspectable",
                                                            "Introspect",
                                                            NULL,
                                                            G_VARIANT_TYPE ("(s)"),
                                                            G_DBUS_CALL_FLAGS_NONE,
                                                            TIMEOUT_MS,
                                                            NULL,
                                                            &error);
  const char    *xml = NULL;
  GDBusNodeInfo *node = NULL;

  g_assert_no_error (error);
  g_variant_get (reply, "(&s)", &xml);
  node = g_dbus_node_info_new_for_xml (xml, &error);
  g_assert_no_error (error);
  g_ptr_array_add (self->nodes, node);
  for (guint i = 0; node->interfaces[i] != NULL; i++)
    {
      GDBusInterfaceInfo *info = node->interfaces[i];

      add_methods (self, path, info);
      add_properties (self, path, info);
    }
}

static void
show_recent (Fuzz *self)
{
  g_printerr ("The last calls were:\n");
  for (GList *l = self->recent.head; l != NULL; l = l->next)
    g_printerr ("  %s\n", (const char *) l->data);
}

static void
clear (Fuzz *self)
{
  for (guint i = 0; i < self->members->len; i++)
    g_clear_pointer (&g_array_index (self->members, Member, i).arguments, g_ptr_array_unref);
  g_array_unref (self->members);
  g_ptr_array_unref (self->nodes);
  g_queue_clear_full (&self->recent, g_free);
  g_main_loop_unref (self->loop);
  g_rand_free (self->rand);
  g_object_unref (self->connection);
}

int
main (int   argc,
      char *argv[])
{
  Fuzz self = { .recent = G_QUEUE_INIT };
  g_autoptr (GError) error = NULL;

  if (argc != 4)
    {
      g_printerr ("Usage: fuzz-calls ADDRESS COUNT SEED\n");
      return 2;
    }

  self.connection =
    g_dbus_connection_new_for_address_sync (argv[1],
                                            G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                              G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                            NULL,
                                            NULL,
                                            &error);
  g_assert_no_error (error);
  self.rand = g_rand_new_with_seed ((guint32) strtoul (argv[3], NULL, 10));
  self.loop = g_main_loop_new (NULL, FALSE);
  self.nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) g_dbus_node_info_unref);
  self.members = g_array_new (FALSE, FALSE, sizeof (Member));
  add_members (&self, ROOT_PATH);
  add_members (&self, SERVER_PATH "echo");
  self.n_left = (guint) strtoul (argv[2], NULL, 10);
  g_print ("%u members\n", self.members->len);

  make_calls (&self);
  g_main_loop_run (self.loop);
  g_print ("%u calls, %u answered well\n", self.n_done, self.n_answered_well);
  if (self.failed)
    show_recent (&self);

  clear (&self);

  return self.failed ? 1 : 0;
}
