/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include <libsonde/sonde-macros.h>
#include <libsonde/sonde-settings.h>

G_BEGIN_DECLS

/**
 * SondeServerState:
 * @SONDE_SERVER_STATE_STOPPED: It does not listen, and nobody is connected.
 * @SONDE_SERVER_STATE_LISTENING: It accepts connections.
 * @SONDE_SERVER_STATE_DRAINING: It does not listen, and waits for its last
 *   connections.
 * @SONDE_SERVER_STATE_FAILED: It could not listen when it was last asked to.
 *
 * What a server does.
 *
 * Since: 0.1
 */
typedef enum
{
  SONDE_SERVER_STATE_STOPPED,
  SONDE_SERVER_STATE_LISTENING,
  SONDE_SERVER_STATE_DRAINING,
  SONDE_SERVER_STATE_FAILED,
} SondeServerState;

#define SONDE_TYPE_SERVER_STATE (sonde_server_state_get_type ())
SONDE_API GType sonde_server_state_get_type (void);

/**
 * SondeApply:
 * @SONDE_APPLY_NEW: To connections that are accepted from now on.
 * @SONDE_APPLY_EXISTING: To connections that are open now, and to no others.
 * @SONDE_APPLY_ALL: To both.
 *
 * To whom a changed setting applies.
 *
 * Since: 0.1
 */
typedef enum
{
  SONDE_APPLY_NEW,
  SONDE_APPLY_EXISTING,
  SONDE_APPLY_ALL,
} SondeApply;

#define SONDE_TYPE_APPLY (sonde_apply_get_type ())
SONDE_API GType sonde_apply_get_type (void);

/**
 * SondeConnectionEnd:
 * @SONDE_CONNECTION_END_CLOSED: Both sides had finished.
 * @SONDE_CONNECTION_END_RESET: Either side reset it.
 * @SONDE_CONNECTION_END_TIMED_OUT: A timeout, of the server or of the kernel,
 *   ended it.
 *
 * How a connection came to its end.
 *
 * Since: 0.1
 */
typedef enum
{
  SONDE_CONNECTION_END_CLOSED,
  SONDE_CONNECTION_END_RESET,
  SONDE_CONNECTION_END_TIMED_OUT,
} SondeConnectionEnd;

#define SONDE_TYPE_CONNECTION_END (sonde_connection_end_get_type ())
SONDE_API GType sonde_connection_end_get_type (void);

#define SONDE_TYPE_SERVER (sonde_server_get_type ())
SONDE_API
G_DECLARE_FINAL_TYPE (SondeServer, sonde_server, SONDE, SERVER, GObject)

SONDE_API SondeServer *sonde_server_new (const char    *name,
                                         SondeSettings *settings,
                                         GError       **error);

SONDE_API const char      *sonde_server_get_name (SondeServer *self);
SONDE_API SondeServerState sonde_server_get_state (SondeServer *self);
SONDE_API SondeSettings   *sonde_server_dup_settings (SondeServer *self);
SONDE_API GVariant        *sonde_server_get_bound_addresses (SondeServer *self);
SONDE_API char           **sonde_server_get_pending_relisten (SondeServer *self);

SONDE_API gboolean sonde_server_set_listen_fds (SondeServer *self,
                                                const int   *fds,
                                                guint        n_fds,
                                                GError     **error);
SONDE_API gboolean sonde_server_start (SondeServer *self,
                                       GError     **error);
SONDE_API void     sonde_server_start_async (SondeServer        *self,
                                             GCancellable       *cancellable,
                                             GAsyncReadyCallback callback,
                                             gpointer            user_data);
SONDE_API gboolean sonde_server_start_finish (SondeServer  *self,
                                              GAsyncResult *result,
                                              GError      **error);
SONDE_API gboolean sonde_server_relisten (SondeServer *self,
                                          GError     **error);
SONDE_API void     sonde_server_relisten_async (SondeServer        *self,
                                                GCancellable       *cancellable,
                                                GAsyncReadyCallback callback,
                                                gpointer            user_data);
SONDE_API gboolean sonde_server_relisten_finish (SondeServer  *self,
                                                 GAsyncResult *result,
                                                 GError      **error);
SONDE_API void     sonde_server_stop (SondeServer *self);
SONDE_API void     sonde_server_drain (SondeServer *self,
                                       guint64      timeout_usec);
SONDE_API void     sonde_server_drain_async (SondeServer        *self,
                                             guint64             timeout_usec,
                                             GCancellable       *cancellable,
                                             GAsyncReadyCallback callback,
                                             gpointer            user_data);
SONDE_API gboolean sonde_server_drain_finish (SondeServer  *self,
                                              GAsyncResult *result,
                                              GError      **error);
SONDE_API gboolean sonde_server_update (SondeServer *self,
                                        GVariant    *changes,
                                        SondeApply   apply,
                                        GError     **error);

SONDE_API gboolean sonde_server_replace_settings (SondeServer   *self,
                                                  SondeSettings *settings,
                                                  GError       **error);

SONDE_API GVariant *sonde_server_get_option_report (SondeServer *self);
SONDE_API GVariant *sonde_server_list_connections (SondeServer *self,
                                                   guint64      after_id,
                                                   guint        limit);
SONDE_API GVariant *sonde_server_get_connection (SondeServer *self,
                                                 guint64      id,
                                                 GError     **error);
SONDE_API gboolean  sonde_server_close_connection (SondeServer *self,
                                                   guint64      id,
                                                   gboolean     reset,
                                                   GError     **error);
SONDE_API guint     sonde_server_get_n_connections (SondeServer *self);
SONDE_API GVariant *sonde_server_get_statistics (SondeServer *self);
SONDE_API void      sonde_server_reset_statistics (SondeServer *self);

SONDE_API gboolean sonde_server_is_responsive (SondeServer *self);

SONDE_API void sonde_set_max_connections (guint max);

G_END_DECLS
