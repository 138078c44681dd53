/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sonde-address-private.h"

G_BEGIN_DECLS

typedef struct _SondeAdmission SondeAdmission;

SondeAdmission *sonde_admission_new (void);
void            sonde_admission_free (SondeAdmission *self);
void            sonde_admission_set_limits (SondeAdmission *self,
                                            guint           max,
                                            guint           max_per_source);
gboolean        sonde_admission_enter (SondeAdmission  *self,
                                       const SondePeer *peer,
                                       guint            n_fds);
void            sonde_admission_leave (SondeAdmission  *self,
                                       const SondePeer *peer,
                                       guint            n_fds);

void sonde_admission_refresh (void);
void sonde_admission_count_fds (int n_fds);

G_END_DECLS
