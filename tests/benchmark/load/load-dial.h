/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void load_raise_file_limit (void);
int  load_dial (int      port,
                uint32_t number);
void load_prepare (int fd);
bool load_send_all (int            fd,
                    const uint8_t *data,
                    size_t         length);
bool load_receive_all (int      fd,
                       uint8_t *data,
                       size_t   length);
bool load_finish (int fd);
