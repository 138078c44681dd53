/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include <libsonde/sonde-macros.h>

G_BEGIN_DECLS

/**
 * SondeConcurrency:
 * @SONDE_CONCURRENCY_LOOP: Every worker serves all its connections from one
 *   main loop.
 * @SONDE_CONCURRENCY_THREADS: Every connection has a thread of its own.
 *
 * How a server shares its work out.
 *
 * Since: 0.1
 */
typedef enum
{
  SONDE_CONCURRENCY_LOOP,
  SONDE_CONCURRENCY_THREADS,
} SondeConcurrency;

#define SONDE_TYPE_CONCURRENCY (sonde_concurrency_get_type ())
SONDE_API GType sonde_concurrency_get_type (void);

/**
 * SondeSettings:
 *
 * Everything that can be asked of a server, by the names that the
 * configuration file, the command line and D-Bus use as well.
 *
 * A key without a value is left to its default, which for a socket option
 * means: to the kernel. Values that are not valid never get in.
 *
 * Since: 0.1
 */
typedef struct _SondeSettings SondeSettings;

#define SONDE_TYPE_SETTINGS (sonde_settings_get_type ())
SONDE_API GType sonde_settings_get_type (void);

SONDE_API SondeSettings *sonde_settings_new (void);
SONDE_API SondeSettings *sonde_settings_new_for_preset (const char *preset,
                                                        GError    **error);
SONDE_API SondeSettings *sonde_settings_copy (SondeSettings *self);
SONDE_API SondeSettings *sonde_settings_ref (SondeSettings *self);
SONDE_API void           sonde_settings_unref (SondeSettings *self);

SONDE_API gboolean  sonde_settings_is_set (SondeSettings *self,
                                           const char    *key);
SONDE_API GVariant *sonde_settings_get_value (SondeSettings *self,
                                              const char    *key);
SONDE_API gboolean  sonde_settings_set_value (SondeSettings *self,
                                              const char    *key,
                                              GVariant      *value,
                                              GError       **error);
SONDE_API gboolean  sonde_settings_set_string (SondeSettings *self,
                                               const char    *key,
                                               const char    *text,
                                               GError       **error);
SONDE_API gboolean  sonde_settings_update (SondeSettings *self,
                                           GVariant      *changes,
                                           GError       **error);
SONDE_API GVariant *sonde_settings_to_variant (SondeSettings *self);
SONDE_API gboolean  sonde_settings_is_exposed (SondeSettings *self);

SONDE_API const char *const *sonde_settings_list_keys (void);
SONDE_API const char *const *sonde_settings_list_presets (void);

SONDE_API GVariant *sonde_settings_parse (const char  *key,
                                          const char  *text,
                                          const char **canonical_key,
                                          GError     **error);
SONDE_API char     *sonde_settings_format (const char *key,
                                           GVariant   *value);
SONDE_API GVariant *sonde_settings_describe (const char *key,
                                             GError    **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SondeSettings, sonde_settings_unref)

G_END_DECLS
