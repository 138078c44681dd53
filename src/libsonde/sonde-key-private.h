/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sonde-units-private.h"

G_BEGIN_DECLS

/* What a value is; decides its GVariant type, its text form and its property. */
typedef enum
{
  SONDE_KEY_BOOLEAN,   /* b */
  SONDE_KEY_COUNT,     /* u */
  SONDE_KEY_SIZE,      /* t, bytes or bytes per second */
  SONDE_KEY_TIME,      /* t, microseconds */
  SONDE_KEY_STRING,    /* s */
  SONDE_KEY_ENUM,      /* s, the nick of a value of enum_type */
  SONDE_KEY_ADDRESSES, /* as, each HOST:PORT */
} SondeKeyKind;

/* One thing that can be set: the row that a D-Bus property, a configuration
 * key, a command line argument and a GObject property follow from. */
typedef struct
{
  const char  *name;     /* of the D-Bus property and the configuration key */
  const char  *property; /* of the GObject property */
  const char  *blurb;    /* what it does, in a line */
  SondeKeyKind kind;
  guint64      min;           /* least value that is not 0 */
  guint64      max;           /* greatest value; of a string, its length */
  gboolean     zero;          /* 0 is allowed too and means: the default */
  guint64      default_value; /* of a number, a boolean or an enum */
  GType (*enum_type) (void);
} SondeKey;

/* More than anybody has, and few enough to be opened at a time. */
#define SONDE_ADDRESSES_MAX 1024

#define SONDE_KEY_SECOND SONDE_UNITS_SECOND
#define SONDE_KEY_TIME_MAX (SONDE_KEY_SECOND * G_MAXINT32)

const GVariantType *sonde_key_get_variant_type (const SondeKey *key);
GVariant           *sonde_key_dup_default (const SondeKey *key);
GParamSpec         *sonde_key_make_param_spec (const SondeKey *key);
gboolean            sonde_key_is_number (const SondeKey *key);
GPtrArray          *sonde_key_list_nicks (const SondeKey *key);
gboolean            sonde_key_is_named (const SondeKey *key,
                                        const char     *name);

GVariant *sonde_key_check (const SondeKey *key,
                           GVariant       *value,
                           GError        **error);
GVariant *sonde_key_parse (const SondeKey *key,
                           const char     *name,
                           const char     *text,
                           GError        **error);
char     *sonde_key_format (const SondeKey *key,
                            GVariant       *value);
char     *sonde_key_format_number (const SondeKey *key,
                                   guint64         number);
char     *sonde_key_describe_range (const SondeKey *key);
void      sonde_key_set_error (const SondeKey *key,
                               const char     *name,
                               const char     *value,
                               GError        **error);

G_END_DECLS
