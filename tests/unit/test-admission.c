/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <sys/resource.h>

#include <libsonde/sonde-admission-private.h>
#include <libsonde/sonde-server.h>

#define N_THREADS 4
#define N_ROUNDS 20000

static const SondePeer alice = { 1, 1, 1000 };
static const SondePeer alice_again = { 1, 1, 2000 };
static const SondePeer bob = { 1, 2, 1000 };

static guint
enter_all (SondeAdmission  *admission,
           const SondePeer *peer,
           guint            n)
{
  guint n_in = 0;

  for (guint i = 0; i < n; i++)
    n_in += sonde_admission_enter (admission, peer, 1);

  return n_in;
}

static void
leave_all (SondeAdmission  *admission,
           const SondePeer *peer,
           guint            n)
{
  for (guint i = 0; i < n; i++)
    sonde_admission_leave (admission, peer, 1);
}

static void
test_no_limit (void)
{
  SondeAdmission *admission = sonde_admission_new ();

  g_test_summary ("Without limits everybody comes in.");

  g_assert_cmpuint (enter_all (admission, &alice, 500), ==, 500);
  g_assert_cmpuint (enter_all (admission, &bob, 500), ==, 500);
  leave_all (admission, &alice, 500);
  leave_all (admission, &bob, 500);
  sonde_admission_free (admission);
}

static void
test_max (void)
{
  SondeAdmission *admission = sonde_admission_new ();

  g_test_summary ("As many come in as may, and one more for each who leaves.");

  sonde_admission_set_limits (admission, 3, 0);
  g_assert_cmpuint (enter_all (admission, &alice, 2), ==, 2);
  g_assert_cmpuint (enter_all (admission, &bob, 5), ==, 1);
  sonde_admission_leave (admission, &alice, 1);
  g_assert_cmpuint (enter_all (admission, &bob, 5), ==, 1);
  leave_all (admission, &alice, 1);
  leave_all (admission, &bob, 2);
  g_assert_cmpuint (enter_all (admission, &bob, 5), ==, 3);
  leave_all (admission, &bob, 3);
  sonde_admission_free (admission);
}

static void
test_per_source (void)
{
  SondeAdmission *admission = sonde_admission_new ();

  g_test_summary ("One host has its own limit, whatever its ports; other hosts do not feel it.");

  sonde_admission_set_limits (admission, 5, 2);
  g_assert_cmpuint (enter_all (admission, &alice, 1), ==, 1);
  g_assert_cmpuint (enter_all (admission, &alice_again, 5), ==, 1);
  g_assert_cmpuint (enter_all (admission, &bob, 5), ==, 2);
  sonde_admission_leave (admission, &alice, 1);
  g_assert_cmpuint (enter_all (admission, &alice, 5), ==, 1);
  leave_all (admission, &alice, 2);
  leave_all (admission, &bob, 2);
  sonde_admission_free (admission);
}

static void
test_lowered (void)
{
  SondeAdmission *admission = sonde_admission_new ();

  g_test_summary ("Who is in when a limit is lowered may stay; nobody comes in until it fits.");

  g_assert_cmpuint (enter_all (admission, &alice, 5), ==, 5);
  sonde_admission_set_limits (admission, 3, 0);
  leave_all (admission, &alice, 2);
  g_assert_false (sonde_admission_enter (admission, &bob, 1));
  leave_all (admission, &alice, 1);
  g_assert_true (sonde_admission_enter (admission, &bob, 1));
  sonde_admission_set_limits (admission, 0, 0);
  g_assert_cmpuint (enter_all (admission, &bob, 100), ==, 100);
  leave_all (admission, &alice, 2);
  leave_all (admission, &bob, 101);
  sonde_admission_free (admission);
}

static void
test_process (void)
{
  SondeAdmission *one = sonde_admission_new ();
  SondeAdmission *other = sonde_admission_new ();

  g_test_summary ("All servers of the process share one limit, and refusals cost nothing of it.");

  sonde_set_max_connections (3);
  sonde_admission_set_limits (other, 1, 0);
  g_assert_cmpuint (enter_all (one, &alice, 2), ==, 2);
  g_assert_cmpuint (enter_all (other, &alice, 5), ==, 1);
  g_assert_cmpuint (enter_all (one, &alice, 5), ==, 0);
  sonde_admission_leave (other, &alice, 1);
  g_assert_cmpuint (enter_all (one, &bob, 5), ==, 1);
  leave_all (one, &alice, 2);
  leave_all (one, &bob, 1);
  sonde_set_max_connections (0);
  g_assert_cmpuint (enter_all (one, &alice, 10), ==, 10);
  leave_all (one, &alice, 10);
  sonde_admission_free (one);
  sonde_admission_free (other);
}

static void
test_descriptors (void)
{
  SondeAdmission *admission = sonde_admission_new ();
  struct rlimit   before, few;
  guint           n_single, n_double;

  g_test_summary ("Connections stay below the limit on open files, by what each of them takes.");

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &before));
  few = before;
  few.rlim_cur = 1000;
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &few));
  sonde_admission_refresh ();

  n_single = enter_all (admission, &alice, 2000);
  g_assert_cmpuint (n_single, <, 1000);
  g_assert_cmpuint (n_single, >, 800);
  leave_all (admission, &alice, n_single);
  for (n_double = 0; sonde_admission_enter (admission, &alice, 2); n_double++)
    ;
  g_assert_cmpuint (n_double, ==, n_single / 2);
  for (guint i = 0; i < n_double; i++)
    sonde_admission_leave (admission, &alice, 2);

  sonde_admission_count_fds (100);
  g_assert_cmpuint (enter_all (admission, &alice, 2000), ==, n_single - 100);
  sonde_admission_count_fds (-100);
  leave_all (admission, &alice, n_single - 100);
  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &before));
  sonde_admission_refresh ();
  sonde_admission_free (admission);
}

static gpointer
enter_and_leave_thread (gpointer user_data)
{
  SondeAdmission *admission = user_data;
  const SondePeer peer = { 7, (guint64) g_random_int () % 3, 1 };

  for (guint i = 0; i < N_ROUNDS; i++)
    if (sonde_admission_enter (admission, &peer, 1))
      sonde_admission_leave (admission, &peer, 1);

  return NULL;
}

static void
test_threads (void)
{
  SondeAdmission *admission = sonde_admission_new ();
  GThread        *threads[N_THREADS];

  g_test_summary ("Many threads count right, so that in the end there is room for just as many.");

  sonde_admission_set_limits (admission, 3, 2);
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("peer", enter_and_leave_thread, admission);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (enter_all (admission, &alice, 5), ==, 2);
  g_assert_cmpuint (enter_all (admission, &bob, 5), ==, 1);
  leave_all (admission, &alice, 2);
  leave_all (admission, &bob, 1);
  sonde_admission_free (admission);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/admission/no-limit", test_no_limit);
  g_test_add_func ("/admission/max", test_max);
  g_test_add_func ("/admission/per-source", test_per_source);
  g_test_add_func ("/admission/lowered", test_lowered);
  g_test_add_func ("/admission/process", test_process);
  g_test_add_func ("/admission/descriptors", test_descriptors);
  g_test_add_func ("/admission/threads", test_threads);

  return g_test_run ();
}
