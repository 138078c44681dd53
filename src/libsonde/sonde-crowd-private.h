/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-roster-private.h"

G_BEGIN_DECLS

typedef struct _SondeCrowd SondeCrowd;

SondeCrowd *sonde_crowd_new (void);
void        sonde_crowd_free (SondeCrowd *self);
void        sonde_crowd_add (SondeCrowd  *self,
                             SondeRoster *roster);
void        sonde_crowd_remove (SondeCrowd  *self,
                                SondeRoster *roster);
SondeRoom   sonde_crowd_make_room (SondeCrowd  *self,
                                   SondeRoster *own,
                                   SondeDesk   *desk);

G_END_DECLS
