/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <stdint.h>

/* What the peers have in common: each echoes what it gets, reads at most so
 * much at a time, and ends on SIGTERM or when its parent is gone. */
#define PEER_READ_SIZE 65536

_Noreturn void peer_fail (const char *what);
int            peer_listen (void);
int            peer_listen_shared (uint16_t *port);
