/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The properties of a server: its state, its counters, and every setting. */

#include "config.h"

#include "sonde-server-private.h"

enum
{
  PROP_NAME = 1,
  PROP_STATE,
  PROP_BOUND_ADDRESSES,
  PROP_PENDING_RELISTEN,
  PROP_N_CONNECTIONS,
  PROP_ACCEPT_QUEUE_DEPTH,
  PROP_ACCEPT_QUEUE_LIMIT,
  PROP_ACCEPT_QUEUE_PEAK,
  PROP_ACCEPT_ERRORS,
  PROP_WATCH_CONNECTIONS,
  PROP_N_EVENTS_DROPPED,
  PROP_FIRST_COUNTER,
  PROP_FIRST_SETTING = PROP_FIRST_COUNTER + SONDE_COUNTER_LAST,
  N_PROPS = PROP_FIRST_SETTING + SONDE_N_SETTINGS,
};

static GParamSpec *props[N_PROPS] = { NULL };

/*
 * sonde_server_set_state:
 * @self: a server
 * @state: what it does now
 *
 * Tells what the server does.
 */
void
sonde_server_set_state (SondeServer     *self,
                        SondeServerState state)
{
  if (self->state == state)
    return;

  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

/*
 * sonde_server_notify_addresses:
 * @self: a server
 *
 * Tells that the server has other listeners.
 */
void
sonde_server_notify_addresses (SondeServer *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_BOUND_ADDRESSES]);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PENDING_RELISTEN]);
}

/*
 * sonde_server_notify_setting:
 * @self: a server
 * @setting: an index below %SONDE_N_SETTINGS
 *
 * Tells that a setting has another value.
 */
void
sonde_server_notify_setting (SondeServer *self,
                             guint        setting)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_FIRST_SETTING + setting]);
  if (sonde_setting_needs_relisten (setting))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PENDING_RELISTEN]);
}

static void
get_accept_queue (SondeServer *self,
                  guint        property_id,
                  GValue      *value)
{
  guint depth, limit, peak;

  sonde_server_get_accept_queue (self, &depth, &limit, &peak);
  if (property_id == PROP_ACCEPT_QUEUE_DEPTH)
    g_value_set_uint (value, depth);
  else
    g_value_set_uint (value, property_id == PROP_ACCEPT_QUEUE_LIMIT ? limit : peak);
}

static void
get_setting (SondeServer *self,
             guint        setting,
             GValue      *value)
{
  g_autoptr (GVariant) variant = sonde_settings_peek (self->settings, setting);

  if (G_VALUE_HOLDS_ENUM (value))
    g_value_set_enum (value, sonde_settings_get_enum (self->settings, setting));
  else
    g_dbus_gvariant_to_gvalue (variant, value);
}

static void
get_property (GObject    *object,
              guint       property_id,
              GValue     *value,
              GParamSpec *pspec)
{
  SondeServer *self = SONDE_SERVER (object);

  if (property_id >= PROP_FIRST_SETTING)
    {
      get_setting (self, property_id - PROP_FIRST_SETTING, value);
      return;
    }
  if (property_id >= PROP_FIRST_COUNTER)
    {
      g_value_set_uint64 (value, sonde_server_get_counter (self, property_id - PROP_FIRST_COUNTER));
      return;
    }

  switch (property_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_STATE:
      g_value_set_enum (value, self->state);
      break;
    case PROP_BOUND_ADDRESSES:
      g_value_take_variant (value, sonde_server_get_bound_addresses (self));
      break;
    case PROP_PENDING_RELISTEN:
      g_value_take_boxed (value, sonde_server_get_pending_relisten (self));
      break;
    case PROP_N_CONNECTIONS:
      g_value_set_uint (value, sonde_server_get_n_connections (self));
      break;
    case PROP_ACCEPT_ERRORS:
      g_value_take_variant (value, sonde_server_get_accept_errors (self));
      break;
    case PROP_WATCH_CONNECTIONS:
      g_value_set_boolean (value, sonde_events_is_watched (self->events));
      break;
    case PROP_N_EVENTS_DROPPED:
      g_value_set_uint64 (value, sonde_events_get_n_dropped (self->events));
      break;
    default:
      get_accept_queue (self, property_id, value);
      break;
    }
}

static GVariant *
value_to_variant (const SondeKey *key,
                  const GValue   *value)
{
  g_autoptr (GEnumClass) enum_class = NULL;

  if (!G_VALUE_HOLDS_ENUM (value))
    return g_dbus_gvalue_to_gvariant (value, sonde_key_get_variant_type (key));

  enum_class = g_type_class_ref (G_VALUE_TYPE (value));

  return g_variant_ref_sink (
    g_variant_new_string (g_enum_get_value (enum_class, g_value_get_enum (value))->value_nick));
}

static void
set_setting (SondeServer  *self,
             guint         setting,
             const GValue *value)
{
  const SondeKey *key = sonde_setting_get_key (setting);
  g_autoptr (GVariant) variant = value_to_variant (key, value);
  g_autoptr (GError) local_error = NULL;
  GVariantDict dict;
  g_autoptr (GVariant) changes = NULL;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, key->name, variant);
  changes = g_variant_ref_sink (g_variant_dict_end (&dict));
  if (!sonde_server_update (self, changes, SONDE_APPLY_ALL, &local_error))
    g_warning ("%s", local_error->message);
}

static void
set_watch_connections (SondeServer *self,
                       gboolean     watch)
{
  if (watch == sonde_events_is_watched (self->events))
    return;

  sonde_events_set_watched (self->events, watch);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_WATCH_CONNECTIONS]);
}

static void
set_property (GObject      *object,
              guint         property_id,
              const GValue *value,
              GParamSpec   *pspec)
{
  SondeServer *self = SONDE_SERVER (object);

  if (property_id == PROP_NAME)
    self->name = g_value_dup_string (value);
  else if (property_id == PROP_WATCH_CONNECTIONS)
    set_watch_connections (self, g_value_get_boolean (value));
  else
    set_setting (self, property_id - PROP_FIRST_SETTING, value);
}

/*
 * sonde_server_install_properties:
 * @object_class: the class of servers
 *
 * Gives servers their properties.
 */
void
sonde_server_install_properties (GObjectClass *object_class)
{
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = get_property;
  object_class->set_property = set_property;

  /**
   * SondeServer:name:
   *
   * The name of the server, which is shown in logs.
   *
   * Since: 0.1
   */
  props[PROP_NAME] =
    g_param_spec_string ("name", NULL, "The name of the server", SONDE_SERVER_DEFAULT_NAME,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * SondeServer:state:
   *
   * What the server does.
   *
   * Since: 0.1
   */
  props[PROP_STATE] =
    g_param_spec_enum ("state", NULL, "What the server does", SONDE_TYPE_SERVER_STATE,
                       SONDE_SERVER_STATE_STOPPED, flags);
  /**
   * SondeServer:bound-addresses:
   *
   * Where the server listens, as [method@Sonde.Server.get_bound_addresses].
   *
   * Since: 0.1
   */
  props[PROP_BOUND_ADDRESSES] = g_param_spec_variant ("bound-addresses", NULL, "Where it listens",
                                                      G_VARIANT_TYPE ("a(sq)"), NULL, flags);
  /**
   * SondeServer:pending-relisten:
   *
   * Settings that wait for [method@Sonde.Server.relisten].
   *
   * Since: 0.1
   */
  props[PROP_PENDING_RELISTEN] =
    g_param_spec_boxed ("pending-relisten", NULL, "Settings that wait for new listeners",
                        G_TYPE_STRV, flags);
  /**
   * SondeServer:n-connections:
   *
   * Open connections. This and the other counters are read when they are
   * asked for; their changes are not notified.
   *
   * Since: 0.1
   */
  props[PROP_N_CONNECTIONS] =
    g_param_spec_uint ("n-connections", NULL, "Open connections", 0, G_MAXUINT, 0, flags);
  /**
   * SondeServer:accept-queue-depth:
   *
   * Connections that wait to be accepted.
   *
   * Since: 0.1
   */
  props[PROP_ACCEPT_QUEUE_DEPTH] =
    g_param_spec_uint ("accept-queue-depth", NULL, "Connections that wait to be accepted",
                       0, G_MAXUINT, 0, flags);
  /**
   * SondeServer:accept-queue-limit:
   *
   * Connections that may wait to be accepted.
   *
   * Since: 0.1
   */
  props[PROP_ACCEPT_QUEUE_LIMIT] =
    g_param_spec_uint ("accept-queue-limit", NULL, "Connections that may wait to be accepted",
                       0, G_MAXUINT, 0, flags);
  /**
   * SondeServer:accept-queue-peak:
   *
   * The most connections that were seen waiting to be accepted.
   *
   * Since: 0.1
   */
  props[PROP_ACCEPT_QUEUE_PEAK] =
    g_param_spec_uint ("accept-queue-peak", NULL, "Most connections seen waiting",
                       0, G_MAXUINT, 0, flags);
  /**
   * SondeServer:accept-errors:
   *
   * Failed accept(2) calls, an `a{st}` by errno name.
   *
   * Since: 0.1
   */
  props[PROP_ACCEPT_ERRORS] =
    g_param_spec_variant ("accept-errors", NULL, "Failed accept(2) calls by errno",
                          G_VARIANT_TYPE ("a{st}"), NULL, flags);

  /**
   * SondeServer:watch-connections:
   *
   * Whether [signal@Sonde.Server::connection-opened] and
   * [signal@Sonde.Server::connection-closed] are emitted. By default they are
   * not, and cost nothing.
   *
   * Since: 0.1
   */
  props[PROP_WATCH_CONNECTIONS] =
    g_param_spec_boolean ("watch-connections", NULL, "Whether connections are signalled", FALSE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
  /**
   * SondeServer:n-events-dropped:
   *
   * Signals about connections that were not emitted, because 4096 of them
   * waited for the main context already.
   *
   * Since: 0.1
   */
  props[PROP_N_EVENTS_DROPPED] =
    g_param_spec_uint64 ("n-events-dropped", NULL, "Signals that were not emitted",
                         0, G_MAXUINT64, 0, flags);

  for (guint i = 0; i < SONDE_COUNTER_LAST; i++)
    props[PROP_FIRST_COUNTER + i] = sonde_counter_make_param_spec (i);
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    props[PROP_FIRST_SETTING + i] = sonde_key_make_param_spec (sonde_setting_get_key (i));

  g_object_class_install_properties (object_class, N_PROPS, props);
}
