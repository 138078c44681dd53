/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* What somebody probably meant who typed a name that there is not. */

#include "config.h"

#include "sonde-error.h"

#include <string.h>

/* Longer ones are no typing error, and the table below has to stay small. */
#define NAME_MAX_BYTES 64

/* One mistake is forgiven for so many characters. */
#define CHARACTERS_PER_MISTAKE 3

/* A beginning shorter than this says nothing. */
#define BEGINNING_MIN 3

typedef guint Row[NAME_MAX_BYTES + 1];

static gboolean
are_swapped (const char *a,
             const char *b,
             gsize       i,
             gsize       j)
{
  return i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
}

/* How many letters are to be put in, left out, replaced or swapped with the next. */
static guint
count_mistakes (const char *a,
                const char *b)
{
  const gsize a_length = strlen (a), b_length = strlen (b);
  Row         rows[3];

  for (gsize j = 0; j <= b_length; j++)
    rows[0][j] = (guint) j;
  for (gsize i = 1; i <= a_length; i++)
    {
      const guint *above = rows[(i - 1) % 3];
      guint       *row = rows[i % 3];

      row[0] = (guint) i;
      for (gsize j = 1; j <= b_length; j++)
        {
          row[j] = MIN (MIN (above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
          if (are_swapped (a, b, i, j))
            row[j] = MIN (row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }

  return rows[a_length % 3][b_length];
}

/**
 * sonde_error_find_nearest:
 * @name: a name that somebody gave
 * @candidates: (array zero-terminated=1): the names that there are
 *
 * Finds the name that was probably meant.
 *
 * Case does not count, and a candidate that only goes on where @name ends is
 * as near as one with a single mistake.
 *
 * Returns: (transfer none) (nullable): one of @candidates, or %NULL if none
 *   is near
 *
 * Since: 0.1
 */
const char *
sonde_error_find_nearest (const char        *name,
                          const char *const *candidates)
{
  g_autofree char *folded = NULL;
  const char      *nearest = NULL;
  guint            fewest;

  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (candidates != NULL, NULL);

  if (name[0] == '\0' || strlen (name) > NAME_MAX_BYTES)
    return NULL;

  folded = g_ascii_strdown (name, -1);
  fewest = (guint) MAX (1, strlen (folded) / CHARACTERS_PER_MISTAKE) + 1;
  for (gsize i = 0; candidates[i] != NULL; i++)
    {
      g_autofree char *candidate = g_ascii_strdown (candidates[i], -1);
      guint            n_mistakes;

      if (strlen (candidate) > NAME_MAX_BYTES)
        continue;

      n_mistakes = count_mistakes (folded, candidate);
      if (strlen (folded) >= BEGINNING_MIN && g_str_has_prefix (candidate, folded))
        n_mistakes = MIN (n_mistakes, 1);
      if (n_mistakes >= fewest)
        continue;
      fewest = n_mistakes;
      nearest = candidates[i];
    }

  return nearest;
}
