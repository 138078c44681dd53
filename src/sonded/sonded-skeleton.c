/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Every interface that the daemon exports is made here, and nowhere else.
 *
 * A skeleton made by gdbus-codegen lets Properties.Set pass unasked:
 * g-authorize-method is emitted for methods only, and the value would be
 * stored in the skeleton without anybody having checked it. So what we export
 * is a subclass of the generated type without a set_property() of its own: then
 * GDBus hands Properties.Set over like any other method, authorised and able
 * to fail. g-authorize-method itself is not used: it would hold a thread of
 * GTask's pool for each call, as long as it takes to decide about it.
 *
 * The skeleton keeps no truth. Properties that signal their changes are bound
 * to those of the model; the others are read from it when they are asked for. */

#include "config.h"

#include "sonded-skeleton.h"

#include <libsonde/sonde.h>

#include "sonded-reply.h"

#define EMITS_CHANGED_SIGNAL "org.freedesktop.DBus.Property.EmitsChangedSignal"

typedef struct
{
  /* (owned): a call may still be on its way when its server is removed */
  GObject         *model;
  SondedGetFunc    get;       /* (nullable) */
  SondedSetFunc    set;       /* (nullable) */
  SondedAuthority *authority; /* (owned) */
} Guard;

static GQuark
guard_quark (void)
{
  return g_quark_from_static_string ("sonded-skeleton-guard");
}

static void
free_guard (gpointer data)
{
  Guard *guard = data;

  g_object_unref (guard->authority);
  g_object_unref (guard->model);
  g_free (guard);
}

static Guard *
get_guard (gpointer skeleton)
{
  return g_object_get_qdata (G_OBJECT (skeleton), guard_quark ());
}

static GDBusInterfaceSkeletonClass *
get_generated_class (gpointer skeleton)
{
  return g_type_class_peek (g_type_parent (G_OBJECT_TYPE (skeleton)));
}

static gboolean
signals_changes (GDBusPropertyInfo *info)
{
  const char *emits = g_dbus_annotation_info_lookup (info->annotations, EMITS_CHANGED_SIGNAL);

  return g_strcmp0 (emits, "false") != 0;
}

static GVariant *
read_now (GDBusInterfaceSkeleton *skeleton,
          const char             *property)
{
  const Guard       *guard = get_guard (skeleton);
  GDBusPropertyInfo *info =
    g_dbus_interface_info_lookup_property (g_dbus_interface_skeleton_get_info (skeleton), property);

  if (info == NULL || signals_changes (info) || guard->get == NULL)
    return NULL;

  return guard->get (guard->model, property);
}

static GVariant *
get_property (GDBusConnection *connection,
              const char      *sender,
              const char      *object_path,
              const char      *interface_name,
              const char      *property_name,
              GError         **error,
              gpointer         user_data)
{
  GDBusInterfaceSkeleton *skeleton = user_data;
  GDBusInterfaceInfo     *info = g_dbus_interface_skeleton_get_info (skeleton);
  GVariant               *value = NULL;

  if (signals_changes (g_dbus_interface_info_lookup_property (info, property_name)))
    return get_generated_class (skeleton)->get_vtable (skeleton)->get_property (
      connection, sender, object_path, interface_name, property_name, error, user_data);

  value = read_now (skeleton, property_name);
  if (value == NULL)
    g_set_error (error,
                 G_DBUS_ERROR,
                 G_DBUS_ERROR_UNKNOWN_PROPERTY,
                 "%s is absent on this kernel",
                 property_name);

  return value;
}

static void
set_property (Guard                 *guard,
              GVariant              *parameters,
              GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) local_error = NULL;
  const char *property = NULL;

  g_variant_get (parameters, "(&s&sv)", NULL, &property, &value);
  guard->set (guard->model, property, value, invocation, &local_error);
  sonded_reply (invocation, NULL, local_error);
}

static void
call_method (GDBusInterfaceSkeleton *skeleton,
             GDBusMethodInvocation  *invocation)
{
  get_generated_class (skeleton)->get_vtable (skeleton)->method_call (
    g_dbus_method_invocation_get_connection (invocation),
    g_dbus_method_invocation_get_sender (invocation),
    g_dbus_method_invocation_get_object_path (invocation),
    g_dbus_method_invocation_get_interface_name (invocation),
    g_dbus_method_invocation_get_method_name (invocation),
    g_dbus_method_invocation_get_parameters (invocation),
    invocation,
    skeleton);
}

/* The object may have been removed while somebody thought about the call. */
static void
allowed_cb (GDBusMethodInvocation *invocation,
            gpointer               target)
{
  GDBusInterfaceSkeleton *skeleton = target;
  GDBusConnection        *connection = g_dbus_method_invocation_get_connection (invocation);
  GVariant               *parameters = g_dbus_method_invocation_get_parameters (invocation);

  if (!g_dbus_interface_skeleton_has_connection (skeleton, connection))
    g_dbus_method_invocation_return_error (invocation,
                                           G_DBUS_ERROR,
                                           G_DBUS_ERROR_UNKNOWN_OBJECT,
                                           "There is no object at %s any more",
                                           g_dbus_method_invocation_get_object_path (invocation));
  else if (g_dbus_method_invocation_get_property_info (invocation) != NULL)
    set_property (get_guard (skeleton), parameters, invocation);
  else
    call_method (skeleton, invocation);
}

static void
method_call (GDBusConnection       *connection,
             const char            *sender,
             const char            *object_path,
             const char            *interface_name,
             const char            *method_name,
             GVariant              *parameters,
             GDBusMethodInvocation *invocation,
             gpointer               user_data)
{
  const Guard *guard = get_guard (user_data);
  const char  *server = NULL;

  /* It was still in our queue when the bus went; nobody hears an answer. */
  if (g_dbus_connection_is_closed (connection))
    {
      g_object_unref (invocation);
      return;
    }

  if (SONDE_IS_SERVER (guard->model))
    server = sonde_server_get_name (SONDE_SERVER (guard->model));
  sonded_authority_check (guard->authority, invocation, server, allowed_cb, user_data);
}

static GDBusInterfaceVTable *
get_vtable (GDBusInterfaceSkeleton *skeleton)
{
  static GDBusInterfaceVTable vtable = { method_call, get_property, NULL, { NULL } };

  return &vtable;
}

/* For ObjectManager: the generated code knows only what is stored. */
static GVariant *
get_properties (GDBusInterfaceSkeleton *skeleton)
{
  g_autoptr (GVariant) stored = get_generated_class (skeleton)->get_properties (skeleton);
  GVariantBuilder builder;
  GVariantIter    iter;
  const char     *name;
  GVariant       *value;

  g_variant_ref_sink (stored);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, stored);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) owned = value;
      g_autoptr (GVariant) now = read_now (skeleton, name);

      g_variant_builder_add (&builder, "{sv}", name, now != NULL ? now : owned);
    }

  return g_variant_builder_end (&builder);
}

static void
guarded_class_init (gpointer klass,
                    gpointer class_data)
{
  GDBusInterfaceSkeletonClass *skeleton_class = klass;

  skeleton_class->get_vtable = get_vtable;
  skeleton_class->get_properties = get_properties;
}

static GType
get_guarded_type (GType generated_type)
{
  g_autofree char *name = g_strdup_printf ("Sonded%s", g_type_name (generated_type));
  GTypeQuery       query;
  const GType      known_type = g_type_from_name (name);

  if (known_type != 0)
    return known_type;

  g_type_query (generated_type, &query);

  return g_type_register_static_simple (generated_type,
                                        name,
                                        (guint) query.class_size,
                                        guarded_class_init,
                                        (guint) query.instance_size,
                                        NULL,
                                        G_TYPE_FLAG_NONE);
}

static gboolean
enum_to_string (GBinding     *binding,
                const GValue *from,
                GValue       *to,
                gpointer      user_data)
{
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (G_VALUE_TYPE (from));

  g_value_set_static_string (to,
                             g_enum_get_value (enum_class, g_value_get_enum (from))->value_nick);

  return TRUE;
}

/* A property of the model shows in the one of the skeleton that has its name. */
static void
bind_properties (GObject                *model,
                 GDBusInterfaceSkeleton *skeleton)
{
  g_autofree GParamSpec **pspecs = NULL;
  guint                   n_pspecs = 0;

  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (skeleton), &n_pspecs);
  for (guint i = 0; i < n_pspecs; i++)
    {
      const char *name = g_param_spec_get_name (pspecs[i]);
      GParamSpec *source = g_object_class_find_property (G_OBJECT_GET_CLASS (model), name);

      if (source == NULL)
        continue;
      g_object_bind_property_full (model,
                                   name,
                                   skeleton,
                                   name,
                                   G_BINDING_SYNC_CREATE,
                                   G_IS_PARAM_SPEC_ENUM (source) ? enum_to_string : NULL,
                                   NULL,
                                   NULL,
                                   NULL);
    }
}

/*
 * sonded_skeleton_new:
 * @skeleton_type: a skeleton type that gdbus-codegen made
 * @model: the object that it shows, and keeps
 * @get: (nullable): what reads the properties that do not signal their changes
 * @set: (nullable): what sets properties
 * @authority: who decides about calls
 *
 * Makes an interface that can be exported safely.
 *
 * Returns: (transfer full): the skeleton
 */
GDBusInterfaceSkeleton *
sonded_skeleton_new (GType            skeleton_type,
                     GObject         *model,
                     SondedGetFunc    get,
                     SondedSetFunc    set,
                     SondedAuthority *authority)
{
  GDBusInterfaceSkeleton *skeleton = g_object_new (get_guarded_type (skeleton_type), NULL);
  Guard                  *guard = g_new0 (Guard, 1);

  guard->model = g_object_ref (model);
  guard->get = get;
  guard->set = set;
  guard->authority = g_object_ref (authority);
  g_object_set_qdata_full (G_OBJECT (skeleton), guard_quark (), guard, free_guard);
  bind_properties (model, skeleton);

  return skeleton;
}
