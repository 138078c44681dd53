/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

/**
 * SONDE_API:
 *
 * Marks a function as part of the public interface of libsonde.
 *
 * Everything that does not carry it is hidden in the shared library.
 *
 * Since: 0.1
 */
#define SONDE_API __attribute__ ((visibility ("default"))) extern
