/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Changing the settings of a server while it runs: first everything is
 * checked, the kernel's opinion included, then everything is applied. */

#include "config.h"

#include "sonde-error.h"
#include "sonde-server-private.h"

G_DEFINE_ENUM_TYPE (SondeApply,
                    sonde_apply,
                    G_DEFINE_ENUM_VALUE (SONDE_APPLY_NEW, "new"),
                    G_DEFINE_ENUM_VALUE (SONDE_APPLY_EXISTING, "existing"),
                    G_DEFINE_ENUM_VALUE (SONDE_APPLY_ALL, "all"))

/* Connections that get an option in one go, under the lock of their shard. */
#define SLICE 256

typedef struct
{
  gboolean       is_changed[SONDE_N_SETTINGS];
  SondeSettings *settings;  /* (unowned) */
  SondeGiven    *inherited; /* (unowned) (nullable): where the connections come from */
  guint64        last_id;   /* of the connections that are done */
  guint          n_left;    /* of this slice */
} Change;

static gboolean
write_or_unset (SondeSettings *settings,
                guint          setting,
                SondeGiven    *inherited,
                guint          i,
                int            fd,
                GError       **error)
{
  const SondeOption *option = sonde_setting_get_option (setting);
  g_autoptr (GVariant) value = NULL;

  if (!sonde_settings_has (settings, setting) && inherited != NULL)
    return sonde_given_restore (inherited, i, setting - SONDE_SETTING_FIRST_OPTION, fd, error);
  if (!sonde_settings_has (settings, setting))
    return sonde_option_unset (option, fd, error);

  value = sonde_settings_peek (settings, setting);

  return sonde_option_write (option, fd, value, error);
}

static gboolean
differs (SondeSettings *a,
         SondeSettings *b,
         guint          setting)
{
  g_autoptr (GVariant) value_a = sonde_settings_peek (a, setting);
  g_autoptr (GVariant) value_b = sonde_settings_peek (b, setting);

  return sonde_settings_has (a, setting) != sonde_settings_has (b, setting) ||
         !g_variant_equal (value_a, value_b);
}

/* What was named counts as changed even where the value is the old one: it may
 * have been given to new connections alone before. */
static void
find_changes (SondeServer *self,
              GVariant    *changes,
              Change      *change)
{
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    {
      g_autoptr (GVariant) named =
        g_variant_lookup_value (changes, sonde_setting_get_key (i)->name, NULL);

      change->is_changed[i] = named != NULL || differs (self->settings, change->settings, i);
    }
}

/* One or the other: whoever gave us sockets decides where we listen. */
static gboolean
check_addresses (SondeServer   *self,
                 SondeSettings *settings,
                 GError       **error)
{
  g_autoptr (GVariant) value = sonde_settings_peek (settings, SONDE_SETTING_LISTEN_ADDRESSES);
  g_autofree char *text = NULL;

  if (self->given == NULL || !sonde_settings_has (settings, SONDE_SETTING_LISTEN_ADDRESSES) ||
      !differs (self->settings, settings, SONDE_SETTING_LISTEN_ADDRESSES))
    return TRUE;

  text = sonde_key_format (sonde_setting_get_key (SONDE_SETTING_LISTEN_ADDRESSES), value);
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "ListenAddresses=%s is refused: server %s listens on sockets that it was given; "
               "allowed: none",
               text,
               self->name);

  return FALSE;
}

static gboolean
check_existing (const Change *change,
                GError      **error)
{
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    if (change->is_changed[i] && !sonde_setting_has_phase (i, SONDE_OPTION_ON_CONNECTION))
      {
        g_set_error (error,
                     SONDE_ERROR,
                     SONDE_ERROR_INVALID_SETTING,
                     "%s cannot be applied to existing connections alone; allowed: new, all",
                     sonde_setting_get_key (i)->name);
        return FALSE;
      }

  return TRUE;
}

static gboolean
write_listeners (SondeServer   *self,
                 const Change  *change,
                 SondeSettings *settings,
                 GError       **error)
{
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    {
      if (!change->is_changed[i] ||
          !sonde_setting_has_phase (i, SONDE_OPTION_ON_LISTENER | SONDE_OPTION_AT_LISTEN))
        continue;
      for (guint j = 0; j < self->listeners->len; j++)
        if (!write_or_unset (settings,
                             i,
                             self->inherited,
                             j,
                             g_socket_get_fd (self->listeners->pdata[j]),
                             error))
          return FALSE;
    }

  return TRUE;
}

static gboolean
write_session (SondeSession *session,
               gpointer      user_data)
{
  Change *change = user_data;

  /* A connection that is about to die does not spoil it for the others. */
  for (guint i = SONDE_SETTING_FIRST_OPTION; i < SONDE_N_SETTINGS; i++)
    if (change->is_changed[i] && sonde_setting_has_phase (i, SONDE_OPTION_ON_CONNECTION))
      write_or_unset (change->settings, i, change->inherited, 0, session->fd, NULL);
  change->last_id = session->id;

  return --change->n_left > 0;
}

static void
write_shard (SondeShard *shard,
             Change     *change)
{
  gboolean complete = FALSE;

  change->last_id = 0;
  while (!complete)
    {
      change->n_left = SLICE;
      complete =
        sonde_roster_foreach (sonde_shard_get_roster (shard),
                              change->last_id,
                              write_session,
                              change);
    }
}

static gboolean
has_connection_options (const Change *change)
{
  for (guint i = SONDE_SETTING_FIRST_OPTION; i < SONDE_N_SETTINGS; i++)
    if (change->is_changed[i] && sonde_setting_has_phase (i, SONDE_OPTION_ON_CONNECTION))
      return TRUE;

  return FALSE;
}

static void
write_connections (SondeServer *self,
                   Change      *change)
{
  if (!has_connection_options (change))
    return;
  change->inherited = self->inherited;

  if (sonde_settings_has (change->settings, SONDE_SETTING_OPTION (SONDE_ROW_LINGER)))
    self->rules.linger = TRUE;
  for (guint i = 0; i < self->shards->len; i++)
    write_shard (self->shards->pdata[i], change);
  for (guint i = 0; i < self->retired->len; i++)
    write_shard (self->retired->pdata[i], change);
}

static void
notify_changes (SondeServer  *self,
                const Change *change)
{
  g_object_freeze_notify (G_OBJECT (self));
  for (guint i = 0; i < SONDE_N_SETTINGS; i++)
    if (change->is_changed[i])
      sonde_server_notify_setting (self, i);
  g_object_thaw_notify (G_OBJECT (self));
}

/* Applies a change that was checked. Only the listeners can still refuse; then
 * they get back what they had. */
static gboolean
carry_out (SondeServer *self,
           Change      *change,
           SondeApply   apply,
           GError     **error)
{
  if (apply != SONDE_APPLY_EXISTING && !write_listeners (self, change, change->settings, error))
    {
      write_listeners (self, change, self->settings, NULL);
      return FALSE;
    }
  if (apply != SONDE_APPLY_NEW)
    write_connections (self, change);
  if (apply == SONDE_APPLY_EXISTING)
    return TRUE;

  sonde_settings_unref (self->settings);
  self->settings = sonde_settings_copy (change->settings);
  sonde_server_adopt (self);
  notify_changes (self, change);

  return TRUE;
}

/**
 * sonde_server_update:
 * @self: a server
 * @changes: an `a{sv}` of settings, as for [method@Sonde.Settings.update]
 * @apply: to whom the socket options among them apply
 * @error: where to put an error: %SONDE_ERROR_INVALID_SETTING or
 *   %SONDE_ERROR_PERMISSION_DENIED
 *
 * Changes settings while the server runs.
 *
 * Everything is checked before anything is applied. What belongs before
 * bind(2) waits for [method@Sonde.Server.relisten] and is listed by
 * [method@Sonde.Server.get_pending_relisten]. With %SONDE_APPLY_EXISTING only
 * socket options that a connection can have are allowed, and the server does
 * not keep them.
 *
 * Returns: %TRUE, or %FALSE if any of it is refused; then nothing changed
 *
 * Since: 0.1
 */
gboolean
sonde_server_update (SondeServer *self,
                     GVariant    *changes,
                     SondeApply   apply,
                     GError     **error)
{
  g_autoptr (GVariant) owned_changes = NULL;
  g_autoptr (SondeSettings) draft = NULL;
  Change change = { 0 };

  g_return_val_if_fail (SONDE_IS_SERVER (self), FALSE);
  g_return_val_if_fail (g_variant_is_of_type (changes, G_VARIANT_TYPE_VARDICT), FALSE);

  owned_changes = g_variant_ref_sink (changes);
  draft = sonde_settings_copy (self->settings);
  if (!sonde_settings_update (draft, changes, error) || !check_addresses (self, draft, error) ||
      !sonde_server_check_options (draft, error))
    return FALSE;

  change.settings = draft;
  find_changes (self, changes, &change);
  if (apply == SONDE_APPLY_EXISTING && !check_existing (&change, error))
    return FALSE;

  return carry_out (self, &change, apply, error);
}

/**
 * sonde_server_replace_settings:
 * @self: a server
 * @settings: what is asked for from now on
 * @error: where to put an error: %SONDE_ERROR_INVALID_SETTING or
 *   %SONDE_ERROR_PERMISSION_DENIED
 *
 * Puts other settings in the place of those that the server has, as
 * [method@Sonde.Server.update] does with some of them. What they do not ask
 * for is left to the defaults again.
 *
 * Returns: %TRUE, or %FALSE if any of it is refused; then nothing changed
 *
 * Since: 0.1
 */
gboolean
sonde_server_replace_settings (SondeServer   *self,
                               SondeSettings *settings,
                               GError       **error)
{
  g_autoptr (GVariant) nothing = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  Change change = { .settings = settings };

  g_return_val_if_fail (SONDE_IS_SERVER (self), FALSE);
  g_return_val_if_fail (settings != NULL, FALSE);

  if (!sonde_settings_check (settings, error) || !check_addresses (self, settings, error) ||
      !sonde_server_check_options (settings, error))
    return FALSE;
  find_changes (self, nothing, &change);

  return carry_out (self, &change, SONDE_APPLY_ALL, error);
}
