/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  SONDED_EXIT_OK = 0,
  SONDED_EXIT_FAILED = 1,
  SONDED_EXIT_USAGE = 2,
  SONDED_EXIT_NO_BUS = 3,
  SONDED_EXIT_NOT_CONFIGURED = 6, /* as LSB and systemd.exec(5) count */
} SondedExit;

/* What to do with the configuration instead of serving. */
typedef enum
{
  SONDED_INSPECT_NOTHING,
  SONDED_INSPECT_VERIFY,
  SONDED_INSPECT_CAT,
} SondedInspection;

typedef struct
{
  char            *config_path;    /* (owned) (nullable): search the folders */
  char           **config_folders; /* (owned) */
  char            *bus_address;    /* (owned) (nullable): no bus */
  gboolean         system_bus;
  SondedInspection inspection;
} SondedOptions;

gboolean sonded_options_parse (SondedOptions *self,
                               int            argc,
                               char         **argv,
                               int           *status);
void     sonded_options_clear (SondedOptions *self);
int      sonded_options_get_load_status (const GError *error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SondedOptions, sonded_options_clear)

G_END_DECLS
