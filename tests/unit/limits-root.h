/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#pragma once

#include <libsonde/sonde-kernel-limits.h>

G_BEGIN_DECLS

#define LIMITS_N_ROWS 26
#define LIMITS_N_DERIVED 3

/* What a kernel says, and what Sonde has to make of it: by the name of the
 * limit (if it is one) and by the name of the sysctl. */
typedef struct
{
  const char *name;
  const char *sysctl;
  const char *content;
  const char *value;
  const char *raw;
} LimitsRow;

typedef struct
{
  const char *name;
  const char *value;
} LimitsDerived;

extern const LimitsRow     limits_rows[LIMITS_N_ROWS];
extern const LimitsDerived limits_derived[LIMITS_N_DERIVED];

/* The path of a folder that stands for / */
typedef char LimitsRoot;

LimitsRoot *limits_root_new (void);
LimitsRoot *limits_root_new_full (void);
void        limits_root_free (char *root);
char       *limits_root_prepare_file (const LimitsRoot *root,
                                      const char       *path);
void        limits_root_write_bytes (const LimitsRoot *root,
                                     const char       *path,
                                     const char       *content,
                                     gssize            length);
void        limits_root_write_file (const LimitsRoot *root,
                                    const char       *path,
                                    const char       *content);
char       *limits_sysctl_path (const char *sysctl);

void limits_assert_variant (GVariant   *value,
                            const char *expected_text);
void limits_assert_value (SondeKernelLimits *limits,
                          const char        *name,
                          const char        *expected);
void limits_assert_sysctl (SondeKernelLimits *limits,
                           const char        *sysctl,
                           const char        *expected);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LimitsRoot, limits_root_free)

G_END_DECLS
