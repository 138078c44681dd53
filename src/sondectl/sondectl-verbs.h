/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include "sondectl-context.h"

G_BEGIN_DECLS

SondectlExit sondectl_bench (SondectlContext *context,
                             int              argc,
                             char           **argv);
SondectlExit sondectl_cat_config (SondectlContext *context,
                                  int              argc,
                                  char           **argv);
SondectlExit sondectl_close (SondectlContext *context,
                             int              argc,
                             char           **argv);
SondectlExit sondectl_connections (SondectlContext *context,
                                   int              argc,
                                   char           **argv);
SondectlExit sondectl_create (SondectlContext *context,
                              int              argc,
                              char           **argv);
SondectlExit sondectl_drain (SondectlContext *context,
                             int              argc,
                             char           **argv);
SondectlExit sondectl_explain (SondectlContext *context,
                               int              argc,
                               char           **argv);
SondectlExit sondectl_lifecycle (SondectlContext *context,
                                 int              argc,
                                 char           **argv);
SondectlExit sondectl_limits (SondectlContext *context,
                              int              argc,
                              char           **argv);
SondectlExit sondectl_list (SondectlContext *context,
                            int              argc,
                            char           **argv);
SondectlExit sondectl_log_level (SondectlContext *context,
                                 int              argc,
                                 char           **argv);
SondectlExit sondectl_monitor (SondectlContext *context,
                               int              argc,
                               char           **argv);
SondectlExit sondectl_options (SondectlContext *context,
                               int              argc,
                               char           **argv);
SondectlExit sondectl_probe (SondectlContext *context,
                             int              argc,
                             char           **argv);
SondectlExit sondectl_run (SondectlContext *context,
                           int              argc,
                           char           **argv);
SondectlExit sondectl_set (SondectlContext *context,
                           int              argc,
                           char           **argv);
SondectlExit sondectl_show (SondectlContext *context,
                            int              argc,
                            char           **argv);
SondectlExit sondectl_statistics (SondectlContext *context,
                                  int              argc,
                                  char           **argv);
SondectlExit sondectl_status (SondectlContext *context,
                              int              argc,
                              char           **argv);
SondectlExit sondectl_tcpinfo (SondectlContext *context,
                               int              argc,
                               char           **argv);
SondectlExit sondectl_top (SondectlContext *context,
                           int              argc,
                           char           **argv);
SondectlExit sondectl_verify (SondectlContext *context,
                              int              argc,
                              char           **argv);
SondectlExit sondectl_wait (SondectlContext *context,
                            int              argc,
                            char           **argv);

G_END_DECLS
