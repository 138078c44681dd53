/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-kernel-limits.h>
#include <libsonde/sonde-macros.h>
#include <libsonde/sonde-mode.h>
#include <libsonde/sonde-probe.h>
#include <libsonde/sonde-server.h>
#include <libsonde/sonde-settings.h>
