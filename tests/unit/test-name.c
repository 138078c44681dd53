/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <sonded/sonded-name.h>

static void
test_valid (void)
{
  g_autofree char *longest = g_strnfill (64, 'x');
  g_autofree char *too_long = g_strnfill (65, 'x');

  g_test_summary ("A server has a name of 1 to 64 bytes that can be printed.");

  g_assert_true (sonded_name_is_valid ("a"));
  g_assert_true (sonded_name_is_valid ("a b/c-d_é"));
  g_assert_true (sonded_name_is_valid (longest));
  g_assert_false (sonded_name_is_valid (""));
  g_assert_false (sonded_name_is_valid (too_long));
  g_assert_false (sonded_name_is_valid ("tab\there"));
  g_assert_false (sonded_name_is_valid ("line\n"));
  g_assert_false (sonded_name_is_valid ("\xff"));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/name/valid", test_valid);

  return g_test_run ();
}
