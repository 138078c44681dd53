/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* The latest values of something, in a ring. */

#include "config.h"

#include "sondectl-history.h"

/*
 * sondectl_history_add:
 * @self: a history, all zeros at first
 * @value: what it is now
 *
 * Takes note of a value, and forgets the oldest one where there are too many.
 */
void
sondectl_history_add (SondectlHistory *self,
                      double           value)
{
  self->values[self->next] = value;
  self->next = (self->next + 1) % SONDECTL_HISTORY_MAX;
  self->n_values = MIN (self->n_values + 1, SONDECTL_HISTORY_MAX);
}

/*
 * sondectl_history_get:
 * @self: a history
 * @age: 0 for the latest value
 *
 * Gets a value, or 0 if there is none that old.
 */
double
sondectl_history_get (const SondectlHistory *self,
                      guint                  age)
{
  if (age >= self->n_values)
    return 0;

  return self->values[(self->next + SONDECTL_HISTORY_MAX - 1 - age) % SONDECTL_HISTORY_MAX];
}

/*
 * sondectl_history_get_max:
 * @self: a history
 * @n_values: how many values to look at
 *
 * Gets the greatest of the latest values.
 */
double
sondectl_history_get_max (const SondectlHistory *self,
                          guint                  n_values)
{
  double max = 0;

  for (guint age = 0; age < n_values; age++)
    max = MAX (max, sondectl_history_get (self, age));

  return max;
}
