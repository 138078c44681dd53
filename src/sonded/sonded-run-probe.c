/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonded-run-probe.h"

#include <string.h>

#include "sonded-client.h"
#include "sonded-invalid.h"
#include "sonded-reply.h"

/* The options of RunProbe() and the properties of SondeProbe that they set. */
static const struct
{
  const char *name;
  const char *type;
  const char *property;
} options_table[] = {
  { "ReadSize", "u", "read-size" },
  { "Count", "u", "count" },
  { "ConnectTimeoutUSec", "t", "connect-timeout-usec" },
  { "IoTimeoutUSec", "t", "io-timeout-usec" },
  { "ReceiveBuffer", "t", "receive-buffer" },
  { "SendBuffer", "t", "send-buffer" },
};

/* Probes that may run at a time; each is a thread that mostly waits. */
#define PROBES_MAX 32

/* A name of DNS has at most 253. */
#define HOST_MAX 255

#define N_PROBES_KEY "sonded-n-probes"

static guint
get_n_probes (GObject *owner)
{
  return GPOINTER_TO_UINT (g_object_get_data (owner, N_PROBES_KEY));
}

static void
set_n_probes (GObject *owner,
              guint    n_probes)
{
  g_object_set_data (owner, N_PROBES_KEY, GUINT_TO_POINTER (n_probes));
}

static gboolean
set_invalid (const char *key,
             GVariant   *value,
             const char *allowed,
             GError    **error)
{
  g_autofree char *text = NULL;

  if (g_variant_get_size (value) <= 256)
    text = g_variant_print (value, FALSE);
  else
    text = g_strdup_printf ("(a value of type %.32s)", g_variant_get_type_string (value));

  return sonded_set_invalid (error, key, text, allowed);
}

static gboolean
set_mode (SondeProbe *probe,
          GVariant   *value,
          GError    **error)
{
  g_autoptr (GEnumClass) modes = g_type_class_ref (SONDE_TYPE_MODE);
  const GEnumValue *mode = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    mode = g_enum_get_value_by_nick (modes, g_variant_get_string (value, NULL));
  if (mode == NULL)
    return set_invalid ("Mode", value, "echo, echo-once, upper, upper-once, upper-line", error);

  g_object_set (probe, "mode", mode->value, NULL);

  return TRUE;
}

static gboolean
add_messages (SondeProbe *probe,
              GVariant   *value,
              GError    **error)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("aay")))
    return set_invalid ("Messages", value, "messages of type aay", error);

  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
      g_autoptr (GBytes) message = g_variant_get_data_as_bytes (child);

      sonde_probe_add_message (probe, message);
    }

  return TRUE;
}

static guint64
get_number (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32 (value);

  return g_variant_get_uint64 (value);
}

static gboolean
is_within (GParamSpec *pspec,
           guint64     number)
{
  if (G_IS_PARAM_SPEC_UINT (pspec))
    return number >= G_PARAM_SPEC_UINT (pspec)->minimum &&
           number <= G_PARAM_SPEC_UINT (pspec)->maximum;

  return number >= G_PARAM_SPEC_UINT64 (pspec)->minimum &&
         number <= G_PARAM_SPEC_UINT64 (pspec)->maximum;
}

static char *
describe_range (GParamSpec *pspec)
{
  if (G_IS_PARAM_SPEC_UINT (pspec))
    return g_strdup_printf ("%u to %u (u)",
                            G_PARAM_SPEC_UINT (pspec)->minimum,
                            G_PARAM_SPEC_UINT (pspec)->maximum);

  return g_strdup_printf ("%" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " (t)",
                          G_PARAM_SPEC_UINT64 (pspec)->minimum,
                          G_PARAM_SPEC_UINT64 (pspec)->maximum);
}

static gboolean
set_option (SondeProbe *probe,
            const char *key,
            GVariant   *value,
            GError    **error)
{
  if (g_str_equal (key, "Mode"))
    return set_mode (probe, value, error);
  if (g_str_equal (key, "Messages"))
    return add_messages (probe, value, error);

  for (gsize i = 0; i < G_N_ELEMENTS (options_table); i++)
    {
      GParamSpec      *pspec = NULL;
      g_autofree char *range = NULL;

      if (!g_str_equal (key, options_table[i].name))
        continue;
      pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (probe), options_table[i].property);
      range = describe_range (pspec);
      if (!g_variant_is_of_type (value, G_VARIANT_TYPE (options_table[i].type)) ||
          !is_within (pspec, get_number (value)))
        return set_invalid (key, value, range, error);
      g_object_set (probe, options_table[i].property, get_number (value), NULL);
      return TRUE;
    }

  return set_invalid (key, value,
                      "the options Mode, ReadSize, Messages, Count, ConnectTimeoutUSec, "
                      "IoTimeoutUSec, ReceiveBuffer, SendBuffer",
                      error);
}

static gboolean
set_options (SondeProbe *probe,
             GVariant   *options,
             GError    **error)
{
  GVariantIter iter;
  const char  *key;
  GVariant    *value;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;

      if (!set_option (probe, key, owned, error))
        return FALSE;
    }

  return TRUE;
}

typedef struct
{
  GObject               *owner;       /* (owned) */
  SondedClient          *client;      /* (owned): the caller */
  GDBusMethodInvocation *invocation;  /* (owned) until it is answered */
  GCancellable          *cancellable; /* (owned) */
  gulong                 gone_id;
} Run;

static void
run_free (Run *run)
{
  g_signal_handler_disconnect (run->client, run->gone_id);
  g_clear_object (&run->client);
  g_clear_object (&run->cancellable);
  g_clear_object (&run->owner);
  g_free (run);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static void
run_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr (Run) run = user_data;
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) measured = NULL;

  set_n_probes (run->owner, get_n_probes (run->owner) - 1);
  measured = sonde_probe_run_finish (SONDE_PROBE (source), result, &local_error);
  sonded_reply (run->invocation, measured, local_error);
}

static SondeProbe *
make_probe (GObject    *owner,
            const char *host,
            guint16     port,
            GVariant   *options,
            GError    **error)
{
  g_autofree char *excerpt = sonde_error_excerpt (host);
  g_autoptr (SondeProbe) probe = NULL;

  if (get_n_probes (owner) >= PROBES_MAX)
    {
      g_set_error (error,
                   G_DBUS_ERROR,
                   G_DBUS_ERROR_LIMITS_EXCEEDED,
                   "%d probes are running already",
                   PROBES_MAX);
      return NULL;
    }
  if (port == 0 || host[0] == '\0' || strlen (host) > HOST_MAX)
    {
      g_set_error (error,
                   SONDE_ERROR,
                   SONDE_ERROR_INVALID_SETTING,
                   "host=%s port=%u is not valid; allowed: a host of 1 to %d bytes, and 1 to 65535",
                   excerpt,
                   port,
                   HOST_MAX);
      return NULL;
    }

  probe = sonde_probe_new (host, port);

  return set_options (probe, options, error) ? g_steal_pointer (&probe) : NULL;
}

/*
 * sonded_run_probe:
 * @owner: who counts the probes that run
 * @invocation: (transfer full): the call to answer
 * @host: whom to probe
 * @port: where
 * @options: the options of RunProbe()
 *
 * Runs a probe and answers with what it measured. One whose caller leaves the bus
 * is given up.
 */
void
sonded_run_probe (GObject               *owner,
                  GDBusMethodInvocation *invocation,
                  const char            *host,
                  guint16                port,
                  GVariant              *options)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (SondeProbe) probe = make_probe (owner, host, port, options, &local_error);
  Run *run = NULL;

  if (probe == NULL)
    {
      sonded_reply (invocation, NULL, local_error);
      return;
    }

  run = g_new0 (Run, 1);
  run->owner = g_object_ref (owner);
  run->invocation = invocation;
  run->cancellable = g_cancellable_new ();
  run->client = sonded_client_get (invocation);
  run->gone_id = g_signal_connect_swapped (run->client,
                                           "gone",
                                           G_CALLBACK (g_cancellable_cancel),
                                           run->cancellable);
  if (sonded_client_is_gone (run->client))
    g_cancellable_cancel (run->cancellable);
  set_n_probes (owner, get_n_probes (owner) + 1);
  sonde_probe_run_async (probe, run->cancellable, run_cb, run);
}
