/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A resolver that answers when the test says so, for tests of what waits for
 * one: every name has the address 127.0.0.1, and nowhere.test has none. */

#define SLOW_TYPE_RESOLVER (slow_resolver_get_type ())
G_DECLARE_FINAL_TYPE (SlowResolver, slow_resolver, SLOW, RESOLVER, GResolver)

SlowResolver *slow_resolver_install (void);
guint         slow_resolver_get_n_waiting (SlowResolver *self);
void          slow_resolver_answer (SlowResolver *self);

G_END_DECLS
