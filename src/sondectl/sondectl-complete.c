/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* "sondectl complete -- WORD..." tells the shells what the last word may be: a candidate
 * on each line, a tab, and what it is. All of them come from the tables that the command
 * line is read with, so that the shells know nothing that could become wrong. It is not
 * in the help: people type TAB. */

#include "config.h"

#include "sondectl-complete.h"

#include <glib/gi18n.h>
#include <string.h>

#include "sondectl-candidates.h"

typedef struct
{
  SondectlCandidates  candidates;
  const SondectlVerb *verb;  /* (unowned) (nullable) */
  char              **words; /* (unowned), what is typed, without the last word */
  int                 n_words;
} Completion;

/* An option that is looked for by what was typed. */
typedef struct
{
  const char *name; /* (unowned), without dashes */
  gsize       length;
  char       *argument; /* (owned) (nullable): what the help calls it, none if not found */
} Search;

static void
search_clear (Search *search)
{
  g_clear_pointer (&search->argument, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Search, search_clear)

static void
look_at_option (const GOptionEntry *entry,
                gpointer            user_data)
{
  Search        *search = user_data;
  const gboolean is_short = search->length == 1 && entry->short_name == search->name[0];
  const gboolean is_long = strlen (entry->long_name) == search->length &&
                           strncmp (entry->long_name, search->name, search->length) == 0;

  if ((is_short || is_long) && entry->arg_description != NULL && search->argument == NULL)
    search->argument = g_strdup (entry->arg_description);
}

static void
offer_option (const GOptionEntry *entry,
              gpointer            user_data)
{
  SondectlCandidates *candidates = user_data;
  const char         *equals = entry->arg == G_OPTION_ARG_NONE ? "" : "=";
  g_autofree char    *candidate = g_strconcat ("--", entry->long_name, equals, NULL);

  sondectl_candidates_offer (candidates, candidate, _ (entry->description));
}

/* A verb that parses its arguments hands out its options instead. */
static void
visit_options (Completion        *self,
               SondectlOptionFunc func,
               gpointer           user_data)
{
  SondectlContext *context = self->candidates.context;
  char            *argv[] = { NULL, NULL };

  sondectl_context_visit_options (func, user_data);
  if (self->verb == NULL)
    return;

  argv[0] = (char *) self->verb->name;
  context->verb = self->verb;
  context->visit = func;
  context->visit_data = user_data;
  self->verb->fn (context, 1, argv);
  context->visit = NULL;
}

/* What a value is called that follows an option, or NULL if none does. */
static char *
find_argument (Completion *self,
               const char *option)
{
  const char *name = option + strspn (option, "-");
  g_auto (Search) search = { .name = name, .length = strcspn (name, "=") };

  if (option[0] != '-' || search.length == 0)
    return NULL;

  visit_options (self, look_at_option, &search);

  return g_steal_pointer (&search.argument);
}

static void
complete_option (Completion *self)
{
  const char      *word = self->candidates.word;
  const char      *equals = strchr (word, '=');
  g_autofree char *kind = NULL;
  g_autofree char *prefix = NULL;

  if (equals == NULL)
    {
      visit_options (self, offer_option, &self->candidates);
      return;
    }

  kind = find_argument (self, word);
  prefix = g_strndup (word, (gsize) (equals - word) + 1);
  if (kind != NULL)
    sondectl_candidates_offer_values (&self->candidates, prefix, kind);
}

/* Which of the arguments of a verb is due: "[SERVER...]" goes on for ever, and of
 * "SERVER | HOST PORT" the shell can help with the first only. */
static char *
get_kind (const char *arguments,
          guint       index)
{
  g_auto (GStrv) alternatives = g_strsplit (arguments, " | ", 2);
  g_auto (GStrv) kinds = NULL;
  g_autofree char *kind = NULL;
  guint            n_kinds;

  if (alternatives[0] == NULL)
    return NULL;

  kinds = g_strsplit (alternatives[0], " ", -1);
  n_kinds = g_strv_length (kinds);
  if (n_kinds == 0)
    return NULL;
  if (index >= n_kinds && strstr (kinds[n_kinds - 1], "...") == NULL)
    return NULL;

  kind = g_strdup (kinds[MIN (index, n_kinds - 1)]);
  if (kind[0] == '[')
    memmove (kind, kind + 1, strlen (kind));
  if (strstr (kind, "...") != NULL)
    *strstr (kind, "...") = '\0';
  else if (g_str_has_suffix (kind, "]") && strchr (kind, '[') == NULL)
    kind[strlen (kind) - 1] = '\0';

  return g_steal_pointer (&kind);
}

static void
complete_argument (Completion *self)
{
  guint            n_arguments = 0;
  g_autofree char *kind = NULL;

  for (int i = 1; i < self->n_words; i++)
    {
      g_autofree char *value = find_argument (self, self->words[i]);

      if (value != NULL && strchr (self->words[i], '=') == NULL)
        i++;
      else if (self->words[i][0] != '-' && n_arguments++ == 0)
        self->candidates.server = self->words[i];
    }

  kind = get_kind (self->verb->arguments, n_arguments);
  if (kind != NULL)
    sondectl_candidates_offer_arguments (&self->candidates, kind);
}

static const SondectlVerb *
find_verb (const char         *name,
           const SondectlVerb *verbs,
           guint               n_verbs)
{
  for (guint i = 0; i < n_verbs; i++)
    {
      if (g_str_equal (verbs[i].name, name))
        return &verbs[i];
    }

  return NULL;
}

static void
complete_verb (Completion         *self,
               const SondectlVerb *verbs,
               guint               n_verbs)
{
  for (guint i = 0; i < n_verbs; i++)
    sondectl_candidates_offer (&self->candidates, verbs[i].name, _ (verbs[i].description));
  sondectl_candidates_offer (&self->candidates, "help", "");
}

static void
complete_word (Completion         *self,
               const char         *previous,
               const SondectlVerb *verbs,
               guint               n_verbs)
{
  g_autofree char *kind = previous != NULL ? find_argument (self, previous) : NULL;

  if (kind != NULL && strchr (previous, '=') == NULL)
    sondectl_candidates_offer_values (&self->candidates, "", kind);
  else if (self->candidates.word[0] == '-')
    complete_option (self);
  else if (self->n_words == 0)
    complete_verb (self, verbs, n_verbs);
  else if (self->verb != NULL)
    complete_argument (self);
}

/*
 * sondectl_complete:
 * @context: what stands behind "--" is what was typed so far
 * @verbs: (array length=n_verbs): all verbs
 * @n_verbs: how many
 *
 * Prints what the last of the words may be.
 */
SondectlExit
sondectl_complete (SondectlContext    *context,
                   const SondectlVerb *verbs,
                   guint               n_verbs)
{
  g_auto (SondectlContext) typed = { NULL };
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  Completion self = { .candidates.context = &typed };
  char     **argv = NULL;
  int        argc;

  if (context->n_tail == 0)
    return SONDECTL_EXIT_USAGE;

  /* The words before decide on the bus, as they do when they are run. */
  g_ptr_array_add (words, (char *) "sondectl");
  for (int i = 0; i < context->n_tail - 1; i++)
    g_ptr_array_add (words, context->tail[i]);
  g_ptr_array_add (words, NULL);
  argc = (int) words->len - 1;
  argv = (char **) words->pdata;
  sondectl_context_init (&typed, &argc, &argv, NULL);

  self.candidates.word = context->tail[context->n_tail - 1];
  self.words = argv + 1;
  self.n_words = argc - 1;
  if (self.n_words > 0)
    self.verb = find_verb (self.words[0], verbs, n_verbs);
  complete_word (&self,
                 context->n_tail > 1 ? context->tail[context->n_tail - 2] : NULL,
                 verbs,
                 n_verbs);

  return SONDECTL_EXIT_OK;
}
