/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonded-options.h"

G_BEGIN_DECLS

int sonded_inspect (const SondedOptions *options);

G_END_DECLS
