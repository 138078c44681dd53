/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

/* How long the kernel tries to connect to a peer that never answers.
 *
 * The first SYN timer runs for a second. Whenever it fires, tcp_write_timeout()
 * decides: give up, or send the SYN once more and start the timer again, after
 * the first tcp_syn_linear_timeouts times with twice the time, but never with
 * more than tcp_rto_max_ms. It gives up on either of two conditions: so many
 * retransmissions went out as the two sysctls allow together, or so much time
 * has passed as tcp_syn_retries exponential steps would have taken. The linear
 * ticks come closer together than these steps, so it is the second condition
 * that ends it, at the first tick after that time. */

#include "config.h"

#include "sonde-connect-timeout-private.h"

#include "sonde-error-private.h"
#include "sonde-proc-private.h"

#define RTO_INITIAL_MS 1000

#define SYN_RETRIES_MIN 1
#define SYN_RETRIES_MAX 127
#define LINEAR_TIMEOUTS_MAX 127
#define RTO_MAX_MS_MIN 1000
#define RTO_MAX_MS_MAX 120000

static const struct
{
  const char *sysctl;
  guint       min;
  guint       max;
  gsize       offset;
} inputs[] = {
  { SONDE_SYSCTL_SYN_RETRIES,
    SYN_RETRIES_MIN,
    SYN_RETRIES_MAX,
    G_STRUCT_OFFSET (SondeConnectTimeout, syn_retries) },
  { SONDE_SYSCTL_SYN_LINEAR_TIMEOUTS,
    0,
    LINEAR_TIMEOUTS_MAX,
    G_STRUCT_OFFSET (SondeConnectTimeout, linear_timeouts) },
  { SONDE_SYSCTL_RTO_MAX,
    RTO_MAX_MS_MIN,
    RTO_MAX_MS_MAX,
    G_STRUCT_OFFSET (SondeConnectTimeout, rto_max_ms) },
};

G_STATIC_ASSERT (G_N_ELEMENTS (inputs) * sizeof (guint) == sizeof (SondeConnectTimeout));

static void
read_input (guint      *input,
            const char *root,
            const char *sysctl)
{
  g_autoptr (GVariant) value = sonde_proc_read_sysctl (root, sysctl, "u");

  if (value != NULL)
    *input = g_variant_get_uint32 (value);
}

/*
 * sonde_connect_timeout_read:
 * @self: what to fill in
 * @root: the root of the file system
 *
 * Reads what the connect timeout depends on. What is absent is what the kernels
 * did before they had that sysctl; without tcp_syn_retries nothing can be said.
 */
void
sonde_connect_timeout_read (SondeConnectTimeout *self,
                            const char          *root)
{
  self->syn_retries = SONDE_SYN_RETRIES_UNKNOWN;
  self->linear_timeouts = 0;
  self->rto_max_ms = RTO_MAX_MS_MAX;

  read_input (&self->syn_retries, root, SONDE_SYSCTL_SYN_RETRIES);
  read_input (&self->linear_timeouts, root, SONDE_SYSCTL_SYN_LINEAR_TIMEOUTS);
  read_input (&self->rto_max_ms, root, SONDE_SYSCTL_RTO_MAX);
}

static gboolean
get_integer (GVariant *value,
             gint64   *number)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
      *number = g_variant_get_byte (value);
      return TRUE;
    case G_VARIANT_CLASS_INT16:
      *number = g_variant_get_int16 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT16:
      *number = g_variant_get_uint16 (value);
      return TRUE;
    case G_VARIANT_CLASS_INT32:
      *number = g_variant_get_int32 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      *number = g_variant_get_uint32 (value);
      return TRUE;
    case G_VARIANT_CLASS_INT64:
      *number = g_variant_get_int64 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      *number = MIN (g_variant_get_uint64 (value), G_MAXINT64);
      return TRUE;
    default:
      return FALSE;
    }
}

static void
set_unknown_key_error (GError    **error,
                       const char *key,
                       GVariant   *value)
{
  g_autofree char *quoted_key = sonde_error_excerpt (key);
  g_autofree char *quoted_value = sonde_error_excerpt_value (value);
  g_autoptr (GString) known = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (inputs); i++)
    g_string_append_printf (known,
                            "%s%s (%u to %u)",
                            i > 0 ? ", " : "",
                            inputs[i].sysctl,
                            inputs[i].min,
                            inputs[i].max);

  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "The connect timeout does not depend on %s (given as %s), but on %s",
               quoted_key,
               quoted_value,
               known->str);
}

static gboolean
assume_input (SondeConnectTimeout *self,
              guint                i,
              GVariant            *value,
              GError             **error)
{
  g_autofree char *quoted = NULL;
  gint64           number;

  if (get_integer (value, &number) && number >= inputs[i].min && number <= inputs[i].max)
    {
      G_STRUCT_MEMBER (guint, self, inputs[i].offset) = (guint) number;
      return TRUE;
    }

  quoted = sonde_error_excerpt_value (value);
  g_set_error (error,
               SONDE_ERROR,
               SONDE_ERROR_INVALID_SETTING,
               "%s cannot be %s: it is an integer from %u to %u",
               inputs[i].sysctl,
               quoted,
               inputs[i].min,
               inputs[i].max);
  return FALSE;
}

static gboolean
assume (SondeConnectTimeout *self,
        const char          *key,
        GVariant            *value,
        GError             **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (inputs); i++)
    {
      if (g_str_equal (key, inputs[i].sysctl))
        return assume_input (self, i, value, error);
    }

  set_unknown_key_error (error, key, value);
  return FALSE;
}

/*
 * sonde_connect_timeout_assume:
 * @self: what is known so far
 * @what_if: an `a{sv}` of values by sysctl name, in the unit of the sysctl
 * @error: return location for a [error@Sonde.Error]
 *
 * Replaces what is known by what is to be assumed.
 *
 * Returns: %FALSE if a key is unknown, or a value no integer in its range
 */
gboolean
sonde_connect_timeout_assume (SondeConnectTimeout *self,
                              GVariant            *what_if,
                              GError             **error)
{
  GVariantIter iter;
  const char  *key;
  GVariant    *child;

  g_variant_iter_init (&iter, what_if);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &child))
    {
      g_autoptr (GVariant) value = child;

      if (!assume (self, key, value, error))
        return FALSE;
    }

  return TRUE;
}

/* The kernel's tcp_model_timeout(): n + 1 steps, doubled up to the cap. */
static guint64
exponential_steps_ms (guint retries,
                      guint rto_max_ms)
{
  guint64 total_ms = 0;
  guint64 step_ms = RTO_INITIAL_MS;

  for (guint i = 0; i <= retries; i++)
    {
      step_ms = MIN (step_ms, rto_max_ms);
      total_ms += step_ms;
      step_ms *= 2;
    }

  return total_ms;
}

/*
 * sonde_connect_timeout_model:
 * @syn_retries: net.ipv4.tcp_syn_retries
 * @linear_timeouts: net.ipv4.tcp_syn_linear_timeouts; 0 where it is absent
 * @rto_max_ms: net.ipv4.tcp_rto_max_ms; 120000 where it is absent
 *
 * Computes when the kernel gives up connecting. What is beyond the range that
 * the kernel takes counts as the end of that range.
 *
 * Returns: the time in microseconds
 */
guint64
sonde_connect_timeout_model (guint syn_retries,
                             guint linear_timeouts,
                             guint rto_max_ms)
{
  guint   retries = MIN (syn_retries, SYN_RETRIES_MAX);
  guint   n_linear = MIN (linear_timeouts, LINEAR_TIMEOUTS_MAX);
  guint64 cap_ms = CLAMP (rto_max_ms, RTO_MAX_MS_MIN, RTO_MAX_MS_MAX);
  guint64 limit_ms = exponential_steps_ms (retries, cap_ms);
  guint64 rto_ms = RTO_INITIAL_MS;
  guint64 elapsed_ms = rto_ms;

  for (guint n_sent = 0; n_sent < retries + n_linear; n_sent++)
    {
      /* The kernel looks at the clock only after the first retransmission. */
      if (n_sent > 0 && elapsed_ms >= limit_ms)
        break;

      if (n_sent >= n_linear)
        rto_ms = MIN (rto_ms * 2, cap_ms);
      elapsed_ms += rto_ms;
    }

  return elapsed_ms * 1000;
}

/*
 * sonde_connect_timeout_compute:
 * @self: what is known or assumed, tcp_syn_retries included
 *
 * Computes when the kernel gives up connecting.
 *
 * Returns: the time in microseconds
 */
guint64
sonde_connect_timeout_compute (const SondeConnectTimeout *self)
{
  return sonde_connect_timeout_model (self->syn_retries,
                                      self->linear_timeouts,
                                      self->rto_max_ms);
}

/*
 * sonde_connect_timeout_classic:
 * @retries: how many retransmissions
 *
 * Computes 2^(@retries + 1) - 1 seconds, the textbook's sum of timers that
 * start at one second and double without a cap.
 *
 * Returns: the time in microseconds, %G_MAXUINT64 if it does not fit
 */
guint64
sonde_connect_timeout_classic (guint retries)
{
  guint64 seconds;
  guint64 usec;

  if (retries >= 63)
    return G_MAXUINT64;

  seconds = (G_GUINT64_CONSTANT (2) << retries) - 1;
  return g_uint64_checked_mul (&usec, seconds, G_USEC_PER_SEC) ? usec : G_MAXUINT64;
}
