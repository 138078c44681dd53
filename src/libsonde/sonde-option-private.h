/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-key-private.h"
#include "sonde-kernel-limits.h"

G_BEGIN_DECLS

/* When an option can be set, and what that does. */
typedef enum
{
  SONDE_OPTION_BEFORE_BIND = 1 << 0,   /* counts at bind(2): a change waits for a new listener */
  SONDE_OPTION_AT_LISTEN = 1 << 1,     /* not a socket option but the argument of listen(2) */
  SONDE_OPTION_ON_LISTENER = 1 << 2,   /* set on the listener; connections inherit it */
  SONDE_OPTION_ON_CONNECTION = 1 << 3, /* can be set on a connection too */
  SONDE_OPTION_REARMED = 1 << 4,       /* the kernel forgets it; set again after each read */
} SondeOptionPhase;

/* How the kernel passes the value. */
typedef enum
{
  SONDE_OPTION_INT,
  SONDE_OPTION_ULONG,
  SONDE_OPTION_LINGER,
  SONDE_OPTION_NAME,
} SondeOptionStorage;

/* What makes the kernel forget that the option was ever set. */
typedef enum
{
  SONDE_OPTION_UNSET_BY_DEFAULT, /* what a new socket has */
  SONDE_OPTION_UNSET_BY_ZERO,
  SONDE_OPTION_UNSET_BY_ONES,
  SONDE_OPTION_STAYS, /* nothing does */
} SondeOptionUnset;

/* A row of THE table. */
typedef struct
{
  SondeKey           key;
  int                level;
  int                optname;
  int                level6; /* the same for IPv6, where it differs */
  int                optname6;
  SondeOptionStorage storage;
  guint64            unit; /* how many of the key's units make one of the kernel's */
  guint              phases;
  SondeOptionUnset   unset;
  gboolean           doubled; /* getsockopt() returns twice what was set */
  const char        *sysctl;  /* what limits it, or what stands in for it when it is not set */
  gboolean           capped;  /* sysctl is an upper bound */
} SondeOption;

/* The rows of THE table. */
typedef enum
{
  SONDE_ROW_REUSE_ADDRESS,
  SONDE_ROW_REUSE_PORT,
  SONDE_ROW_BACKLOG,
  SONDE_ROW_NO_DELAY,
  SONDE_ROW_QUICK_ACK,
  SONDE_ROW_KEEP_ALIVE,
  SONDE_ROW_KEEP_ALIVE_TIME,
  SONDE_ROW_KEEP_ALIVE_INTERVAL,
  SONDE_ROW_KEEP_ALIVE_PROBES,
  SONDE_ROW_RECEIVE_BUFFER,
  SONDE_ROW_SEND_BUFFER,
  SONDE_ROW_USER_TIMEOUT,
  SONDE_ROW_DEFER_ACCEPT,
  SONDE_ROW_CONGESTION,
  SONDE_ROW_MAX_PACING_RATE,
  SONDE_ROW_NOT_SENT_LOW_WATER,
  SONDE_ROW_LINGER,
  SONDE_ROW_TYPE_OF_SERVICE,
  SONDE_ROW_MAX_SEGMENT,
  SONDE_N_OPTIONS,
} SondeOptionRow;

/* TCP_CA_NAME_MAX of the kernel, less the terminator. */
#define SONDE_OPTION_NAME_MAX 15

const SondeOption *sonde_option_get_table (void);

gboolean  sonde_option_write (const SondeOption *self,
                              int                fd,
                              GVariant          *value,
                              GError           **error);
gboolean  sonde_option_unset (const SondeOption *self,
                              int                fd,
                              GError           **error);
gboolean  sonde_option_restore (const SondeOption *self,
                                int                fd,
                                GVariant          *found,
                                GError           **error);
GVariant *sonde_option_read (const SondeOption *self,
                             int                fd);
int       sonde_option_make_scratch_socket (void);
guint64   sonde_option_get_number (GVariant *value);

const char *sonde_option_explain (const SondeOption *self,
                                  gboolean           is_set,
                                  GVariant          *asked,
                                  GVariant          *effective,
                                  GVariant          *limit);

G_END_DECLS
