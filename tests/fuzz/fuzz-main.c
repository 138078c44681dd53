/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* Runs an input function over the files of a corpus, where there is no
 * libFuzzer: what was found once is not to come back. */

#include "config.h"

#include "fuzz.h"

#include <locale.h>

static void
run_file (const char *path)
{
  g_autofree char *content = NULL;
  gsize            length = 0;
  g_autoptr (GError) error = NULL;

  g_test_message ("%s", path);
  g_file_get_contents (path, &content, &length, &error);
  g_assert_no_error (error);
  LLVMFuzzerTestOneInput ((const guint8 *) content, length);
}

static void
test_corpus (gconstpointer data)
{
  const char *folder = data;
  const char *name = NULL;
  guint       n_files = 0;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

  g_test_summary ("No input that was ever found to matter does any harm.");

  g_assert_nonnull (dir);
  LLVMFuzzerTestOneInput ((const guint8 *) "", 0);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      run_file (path);
      n_files++;
    }
  g_assert_cmpuint (n_files, >, 0);
}

int
main (int   argc,
      char *argv[])
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  g_test_add_data_func ("/fuzz/corpus", argv[1], test_corpus);

  return g_test_run ();
}
