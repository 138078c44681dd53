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

static void
upper (guint8 *data,
       gsize   length)
{
  gsize i = 0;

  for (; i + BLOCK_SIZE <= length; i += BLOCK_SIZE)
    upper_block (data + i);
  for (; i < length; i++)
    data[i] = upper_byte (data[i]);
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
