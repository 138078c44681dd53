/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include "sonde-mode-private.h"

G_DEFINE_ENUM_TYPE (SondeMode,
                    sonde_mode,
                    G_DEFINE_ENUM_VALUE (SONDE_MODE_ECHO, "echo"),
                    G_DEFINE_ENUM_VALUE (SONDE_MODE_ECHO_ONCE, "echo-once"),
                    G_DEFINE_ENUM_VALUE (SONDE_MODE_UPPER, "upper"),
                    G_DEFINE_ENUM_VALUE (SONDE_MODE_UPPER_ONCE, "upper-once"),
                    G_DEFINE_ENUM_VALUE (SONDE_MODE_UPPER_LINE, "upper-line"))

/* A block of this size is a loop of known length, which gcc vectorises at -O2
 * already; of an open-ended loop its cost model there wants nothing to do. */
#define BLOCK_SIZE 64

/* The widest vectors that the processor has, chosen when the library is loaded:
 * with the 16 bytes that every x86-64 has, a second is enough for 18 GB, with 32
 * for 35 and with 64 for 46. Sanitizers cannot have code run that early. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
#define WIDEST_VECTORS
#elif defined(__clang__)
#define WIDEST_VECTORS __attribute__ ((target_clones ("avx512bw", "avx2", "default")))
#else
#define WIDEST_VECTORS \
  __attribute__ ((target_clones ("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

static const struct
{
  const char  *name;
  gboolean     upper;
  SondeModeEnd end;
} modes[] = {
  [SONDE_MODE_ECHO] = { "echo", FALSE, SONDE_MODE_ENDS_AT_EOF },
  [SONDE_MODE_ECHO_ONCE] = { "echo-once", FALSE, SONDE_MODE_ENDS_AFTER_READ },
  [SONDE_MODE_UPPER] = { "upper", TRUE, SONDE_MODE_ENDS_AT_EOF },
  [SONDE_MODE_UPPER_ONCE] = { "upper-once", TRUE, SONDE_MODE_ENDS_AFTER_READ },
  [SONDE_MODE_UPPER_LINE] = { "upper-line", TRUE, SONDE_MODE_ENDS_AFTER_LINE },
};

G_STATIC_ASSERT (G_N_ELEMENTS (modes) == SONDE_MODE_UPPER_LINE + 1);

static inline guint8
upper_byte (guint8 byte)
{
  /* Unsigned wrap-around makes one comparison of two; no branch, no table. */
  return byte ^ (((guint8) (byte - 'a') < 26) << 5);
}

static inline void
upper_block (guint8 *data)
{
  for (gsize i = 0; i < BLOCK_SIZE; i++)
    data[i] = upper_byte (data[i]);
}

/* From the end to the begin: what recv(2) wrote last is in the nearest cache
 * still, and what is touched last is what send(2) reads first. */
WIDEST_VECTORS static void
upper (guint8 *data,
       gsize   length)
{
  while (length % BLOCK_SIZE != 0)
    {
      length--;
      data[length] = upper_byte (data[length]);
    }
  for (; length > 0; length -= BLOCK_SIZE)
    upper_block (data + length - BLOCK_SIZE);
}

/**
 * sonde_mode_to_string:
 * @mode: a mode
 *
 * Gets the name of a mode, as used in settings.
 *
 * Returns: (transfer none): the name
 *
 * Since: 0.1
 */
const char *
sonde_mode_to_string (SondeMode mode)
{
  g_return_val_if_fail (mode < G_N_ELEMENTS (modes), NULL);

  return modes[mode].name;
}

/**
 * sonde_mode_is_upper:
 * @mode: a mode
 *
 * Checks whether a mode answers in upper case.
 *
 * Returns: %TRUE if it does
 *
 * Since: 0.1
 */
gboolean
sonde_mode_is_upper (SondeMode mode)
{
  g_return_val_if_fail (mode < G_N_ELEMENTS (modes), FALSE);

  return modes[mode].upper;
}

/*
 * sonde_mode_get_end:
 * @mode: a mode
 *
 * Gets when a session in this mode has done its work.
 */
SondeModeEnd
sonde_mode_get_end (SondeMode mode)
{
  return modes[mode].end;
}

/*
 * sonde_mode_transform:
 * @mode: a mode
 * @data: (array length=length): the bytes, changed in place
 * @length: how many
 *
 * Turns what was received into what is sent back.
 */
void
sonde_mode_transform (SondeMode mode,
                      guint8   *data,
                      gsize     length)
{
  if (modes[mode].upper)
    upper (data, length);
}
