/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <gio/gio.h>

#include "sondectl-exit.h"

G_BEGIN_DECLS

typedef enum
{
  SONDECTL_JSON_OFF,
  SONDECTL_JSON_SHORT,
  SONDECTL_JSON_PRETTY,
} SondectlJson;

typedef struct _SondectlContext SondectlContext;

/* One of the words that can follow "sondectl". */
typedef struct
{
  const char *name;
  const char *arguments;
  SondectlExit (*fn) (SondectlContext *context,
                      int              argc,
                      char           **argv);
  const char *description;
  gboolean    is_local; /* looks at this machine only */
  const char *details;  /* (nullable): what else its help tells */
} SondectlVerb;

/* Told of an option, instead of anything being done. */
typedef void (*SondectlOptionFunc) (const GOptionEntry *entry,
                                    gpointer            user_data);

/* What was asked for in front of the verb, or beside it. */
struct _SondectlContext
{
  const SondectlVerb *verb;       /* (unowned), constant */
  GBusType            bus_type;   /* ignored if there is an address */
  char               *address;    /* (owned) (nullable) */
  char               *host;       /* (owned) (nullable): this machine */
  GDBusConnection    *connection; /* (owned) (nullable): made when it is first needed */
  SondectlJson        json;
  gboolean            legend;
  gboolean            interactive;
  gboolean            version;
  char              **tail; /* (unowned): what stood behind "--" */
  int                 n_tail;
  SondectlOptionFunc  visit; /* (nullable): only the options of the verb are wanted */
  gpointer            visit_data;
};

gboolean sondectl_context_init (SondectlContext *self,
                                int             *argc,
                                char          ***argv,
                                GError         **error);
void     sondectl_context_clear (SondectlContext *self);

char    *sondectl_context_get_options_help (void);
void     sondectl_context_visit_options (SondectlOptionFunc func,
                                         gpointer           user_data);
gboolean sondectl_context_parse_verb (SondectlContext    *self,
                                      const GOptionEntry *entries,
                                      int                 min,
                                      int                 max,
                                      int                *argc,
                                      char             ***argv);

const char *sondectl_verb_get_arguments (const SondectlVerb *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondectlContext, sondectl_context_clear)

G_END_DECLS
