/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sonded-authority.h"

G_BEGIN_DECLS

/*
 * SondedGetFunc:
 * @model: what the skeleton shows
 * @property: the D-Bus name of a property that does not signal its changes
 *
 * Returns: (transfer full) (nullable): its value now, or %NULL if it is absent
 */
typedef GVariant *(*SondedGetFunc) (gpointer    model,
                                    const char *property);

/*
 * SondedSetFunc:
 * @model: what the skeleton shows
 * @property: the D-Bus name of a property
 * @value: its new value, of the property's type
 * @invocation: the Properties.Set, for those who need to know whose it is
 * @error: where to put an error
 */
typedef gboolean (*SondedSetFunc) (gpointer               model,
                                   const char            *property,
                                   GVariant              *value,
                                   GDBusMethodInvocation *invocation,
                                   GError               **error);

GDBusInterfaceSkeleton *sonded_skeleton_new (GType            skeleton_type,
                                             GObject         *model,
                                             SondedGetFunc    get,
                                             SondedSetFunc    set,
                                             SondedAuthority *authority);

G_END_DECLS
