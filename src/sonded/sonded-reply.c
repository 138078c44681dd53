/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonded-reply.h"

/*
 * sonded_reply:
 * @invocation: (transfer full): a call
 * @result: (nullable): the value that it returns; floating is fine
 * @error: (nullable): why it failed; then there is no result
 *
 * Answers a call with what came of it.
 *
 * Returns: %G_DBUS_METHOD_INVOCATION_HANDLED, for handlers
 */
gboolean
sonded_reply (GDBusMethodInvocation *invocation,
              GVariant              *result,
              const GError          *error)
{
  if (error != NULL)
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation,
                                           g_variant_new_tuple (&result, result != NULL ? 1 : 0));

  return G_DBUS_METHOD_INVOCATION_HANDLED;
}
