/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include <libsonde/sonde-probe.h>

G_BEGIN_DECLS

typedef struct _Peer Peer;
typedef void (*PeerFunc) (Peer *peer,
                          int   fd);

/* A listener on the loopback whose one connection a thread serves as a test
 * wants it. */
struct _Peer
{
  int           listen_fd;
  guint16       port;
  PeerFunc      func;
  GThread      *thread;
  const char   *answer;
  GCancellable *cancellable; /* (unowned) (nullable) */
};

int  peer_open (const char *host,
                guint16    *port);
void peer_start (Peer    *peer,
                 PeerFunc func);
void peer_stop (Peer *peer);

SondeProbe *peer_make_probe (Peer       *peer,
                             const char *message);
guint64     peer_get_uint64 (GVariant   *result,
                             const char *key);
void        peer_assert_bytes (GVariant *result,
                               guint64   n_sent,
                               guint64   n_received);
void        peer_assert_probe_fails (SondeProbe *probe,
                                     GQuark      domain,
                                     int         code,
                                     const char *pattern);

void peer_serve_echo (Peer *peer,
                      int   fd);
void peer_serve_slow_echo (Peer *peer,
                           int   fd);
void peer_serve_upper (Peer *peer,
                       int   fd);
void peer_serve_answer (Peer *peer,
                        int   fd);
void peer_serve_afterthought (Peer *peer,
                              int   fd);
void peer_serve_answer_and_close (Peer *peer,
                                  int   fd);
void peer_serve_at_end_of_stream (Peer *peer,
                                  int   fd);
void peer_serve_reset (Peer *peer,
                       int   fd);
void peer_serve_silence (Peer *peer,
                         int   fd);

G_END_DECLS
