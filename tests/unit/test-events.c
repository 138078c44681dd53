/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <libsonde/sonde-events-private.h>

/* The owner of a queue, and what it was told: ids, in order. */
typedef struct
{
  GObject     *owner;
  SondeEvents *events;
} Fixture;

static GArray *told = NULL;

static void
tell (GObject          *owner,
      const SondeEvent *event)
{
  g_array_append_val (told, event->id);
}

static void
set_up (Fixture      *fixture,
        gconstpointer user_data)
{
  told = g_array_new (FALSE, FALSE, sizeof (guint64));
  fixture->owner = g_object_new (G_TYPE_OBJECT, NULL);
  fixture->events = sonde_events_new (fixture->owner, g_main_context_default (), tell);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer user_data)
{
  g_clear_object (&fixture->owner);
  sonde_events_unref (fixture->events);
  g_clear_pointer (&told, g_array_unref);
}

static gpointer
push_many (gpointer user_data)
{
  for (guint64 id = 1; id <= SONDE_EVENTS_MAX + 10; id++)
    sonde_events_push (user_data, &(SondeEvent){ .id = id });

  return NULL;
}

static void
turn_all (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_batch (Fixture      *fixture,
            gconstpointer user_data)
{
  g_test_summary ("What others push is told in one turn, in order, and no more than fits.");

  g_assert_false (sonde_events_is_watched (NULL));
  g_assert_false (sonde_events_is_watched (fixture->events));
  sonde_events_set_watched (fixture->events, TRUE);
  g_assert_true (sonde_events_is_watched (fixture->events));
  g_thread_join (g_thread_new ("push", push_many, fixture->events));
  g_assert_cmpuint (told->len, ==, 0);

  g_assert_true (g_main_context_iteration (NULL, FALSE));
  g_assert_cmpuint (told->len, ==, SONDE_EVENTS_MAX);
  for (guint i = 0; i < told->len; i++)
    g_assert_cmpuint (g_array_index (told, guint64, i), ==, i + 1);
  g_assert_cmpuint (sonde_events_get_n_dropped (fixture->events), ==, 10);

  sonde_events_push (fixture->events, &(SondeEvent){ .id = 7 });
  turn_all ();
  g_assert_cmpuint (told->len, ==, SONDE_EVENTS_MAX + 1);
}

static void
test_turned_off (Fixture      *fixture,
                 gconstpointer user_data)
{
  g_test_summary ("What waits when nobody wants to know any more is not told, not even later.");

  sonde_events_set_watched (fixture->events, TRUE);
  sonde_events_push (fixture->events, &(SondeEvent){ .id = 1 });
  sonde_events_set_watched (fixture->events, FALSE);
  sonde_events_set_watched (fixture->events, TRUE);
  sonde_events_push (fixture->events, &(SondeEvent){ .id = 2 });
  turn_all ();
  g_assert_cmpuint (told->len, ==, 1);
  g_assert_cmpuint (g_array_index (told, guint64, 0), ==, 2);
  g_assert_cmpuint (sonde_events_get_n_dropped (fixture->events), ==, 0);
}

static void
test_owner_gone (Fixture      *fixture,
                 gconstpointer user_data)
{
  g_test_summary ("What waits for an owner that is gone is told to nobody.");

  sonde_events_set_watched (fixture->events, TRUE);
  sonde_events_push (fixture->events, &(SondeEvent){ .id = 1 });
  g_clear_object (&fixture->owner);
  turn_all ();
  g_assert_cmpuint (told->len, ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add ("/events/batch", Fixture, NULL, set_up, test_batch, tear_down);
  g_test_add ("/events/turned-off", Fixture, NULL, set_up, test_turned_off, tear_down);
  g_test_add ("/events/owner-gone", Fixture, NULL, set_up, test_owner_gone, tear_down);

  return g_test_run ();
}
