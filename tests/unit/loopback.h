/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Real sockets on the loopback, for tests: what should work does, or the test
 * ends. The clients block, though not for ever. */

int  loopback_listen (guint16 *port);
int  loopback_connect (guint16 port);
int  loopback_connect_small (guint16 port);
void loopback_make_pair (int *server,
                         int *client);

void        loopback_send (int         fd,
                           const void *data,
                           gsize       length);
void        loopback_send_text (int         fd,
                                const char *text);
void        loopback_finish (int fd);
void        loopback_reset (int fd);
void        loopback_close (int fd);
void        loopback_expect (int         fd,
                             const char *text);
void        loopback_expect_echo (int fd);
void        loopback_expect_server (guint16 port);
void        loopback_expect_end (int fd);
void        loopback_expect_reset (int fd);
void        loopback_expect_silence (int fd);
GByteArray *loopback_read_all (int fd);
GThread    *loopback_start_reading (int fd);
guint8     *loopback_make_noise (gsize length);

int   loopback_get_int (int fd,
                        int level,
                        int name);
guint loopback_count_fds (void);

guint16 loopback_get_port (int fd);

G_END_DECLS
