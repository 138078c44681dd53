/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-key-private.h"
#include "sonde-mode.h"
#include "sonde-option-private.h"
#include "sonde-settings.h"

G_BEGIN_DECLS

/* The keys of the server itself; those of the socket options follow them, in
 * the order of THE table. */
typedef enum
{
  SONDE_SETTING_MODE,
  SONDE_SETTING_CONCURRENCY,
  SONDE_SETTING_WORKERS,
  SONDE_SETTING_LISTEN_ADDRESSES,
  SONDE_SETTING_MAX_CONNECTIONS,
  SONDE_SETTING_MAX_CONNECTIONS_PER_SOURCE,
  SONDE_SETTING_MAX_THREADS,
  SONDE_SETTING_IDLE_TIMEOUT,
  SONDE_SETTING_STALL_TIMEOUT,
  SONDE_SETTING_RUNTIME_MAX,
  SONDE_SETTING_CLOSE_TIMEOUT,
  SONDE_SETTING_READ_SIZE,
  SONDE_SETTING_LINE_MAX,
  SONDE_SETTING_UNSENT_MAX,
  SONDE_SETTING_LOG_CONTENT,
  SONDE_SETTING_FIRST_OPTION,
} SondeSetting;

#define SONDE_SETTING_OPTION(row) ((guint) (SONDE_SETTING_FIRST_OPTION + (row)))
#define SONDE_N_SETTINGS (SONDE_SETTING_FIRST_OPTION + SONDE_N_OPTIONS)

#define SONDE_WORKERS_MAX 64
#define SONDE_READ_SIZE_MAX (1024 * 1024)

struct _SondeSettings
{
  GVariant *values[SONDE_N_SETTINGS]; /* (owned) (nullable): not set */
};

const SondeOption *sonde_setting_get_option (guint setting);
gboolean           sonde_setting_has_phase (guint setting,
                                            guint phases);
const SondeKey    *sonde_setting_get_key (guint setting);
gboolean           sonde_setting_find (const char *name,
                                       guint      *setting);
gboolean           sonde_setting_find_or_fail (const char *name,
                                               guint      *setting,
                                               GError    **error);
gboolean           sonde_setting_needs_relisten (guint setting);
const char        *sonde_setting_describe_change (guint setting);

GVariant *sonde_settings_peek (SondeSettings *self,
                               guint          setting);
gboolean  sonde_settings_has (SondeSettings *self,
                              guint          setting);
guint64   sonde_settings_get_number (SondeSettings *self,
                                     guint          setting);
gboolean  sonde_settings_get_boolean (SondeSettings *self,
                                      guint          setting);
int       sonde_settings_get_enum (SondeSettings *self,
                                   guint          setting);
gboolean  sonde_settings_check (SondeSettings *self,
                                GError       **error);

gboolean           sonde_preset_apply (const char    *preset,
                                       SondeSettings *settings,
                                       GError       **error);
const char *const *sonde_preset_list_names (void);

G_END_DECLS
