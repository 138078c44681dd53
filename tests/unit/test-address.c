/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include <libsonde/sonde-address-private.h>
#include <libsonde/sonde-error.h>

/* An address to listen on, and the one that stands behind it if no name has to
 * be looked up for that. */
static const struct
{
  const char *text;
  gboolean    any;
} good[] = {
  { "127.0.0.1:9999", FALSE },
  { "127.0.0.1:0", FALSE },
  { "0.0.0.0:80", FALSE },
  { "192.0.2.1:65535", FALSE },
  { ":0", TRUE },
  { ":9999", TRUE },
  { "[::]:9999", FALSE },
  { "[::1]:9999", FALSE },
  { "[fe80::1%lo]:9999", FALSE },
  { "[2001:db8::1]:1", FALSE },
  { "localhost:9999", FALSE },
  { "example.test:1", FALSE },
  { "bücher.example:1", FALSE },
  { "under_score:1", FALSE },
};

/* What is refused, and a word of the reason. */
static const struct
{
  const char *text;
  const char *why;
} bad[] = {
  { "", "no port" },
  { "127.0.0.1", "no port" },
  { "localhost", "no port" },
  { ":", "no port" },
  { "127.0.0.1:", "no port" },
  { "127.0.0.1:65536", "no port" },
  { "127.0.0.1:-1", "no port" },
  { "127.0.0.1:+1", "no port" },
  { "127.0.0.1: 1", "no port" },
  { "127.0.0.1:1 ", "no port" },
  { "127.0.0.1:http", "no port" },
  { "127.0.0.1:99999999999999999999", "no port" },
  { "[::1]", "no port" },
  { "::1:80", "brackets" },
  { "::", "no port" },
  { "::1]:80", "brackets" },
  { "[]:80", "brackets" },
  { "[::1:80", "no host" },
  { "a b:80", "no host" },
  { "a/b:80", "no host" },
  { "a]:80", "no host" },
  { "[a]b]:80", "no host" },
  { "a\tb:80", "no host" },
  { "255.255.255.255:80", "broadcast" },
  { "224.0.0.1:80", "multicast" },
  { "239.255.255.255:80", "multicast" },
  { "[ff02::1]:80", "multicast" },
  { "\xff\xfe:80", "UTF-8" },
};

static void
assert_refused (const char *text,
                const char *why)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *shown = g_strescape (text, NULL);

  g_test_message ("\"%s\"", shown);
  g_assert_false (sonde_address_check (text, &error));
  g_assert_error (error, SONDE_ERROR, SONDE_ERROR_INVALID_SETTING);
  g_assert_true (g_str_has_prefix (error->message, "ListenAddresses="));
  g_assert_nonnull (strstr (error->message, why));
  g_assert_nonnull (strstr (error->message, "allowed: HOST:PORT"));
  g_assert_false (sonde_address_check (text, NULL));
}

static void
test_check (void)
{
  g_test_summary ("HOST:PORT has the form of an address to listen on, whether it exists or not.");

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (sonde_address_check (good[i].text, &error));
      g_assert_no_error (error);
      g_assert_cmpint (sonde_address_is_any (good[i].text), ==, good[i].any);
    }
}

static void
test_refused (void)
{
  g_autofree char *long_name = g_strnfill (301, 'a');
  g_autofree char *long_text = g_strconcat (long_name, ":80", NULL);

  g_test_summary ("What has another form is refused with the reason and with what is allowed.");

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (bad[i].text, bad[i].why);
  assert_refused (long_text, "too long");
}

static void
test_exposed (void)
{
  static const char *const exposed[] = {
    ":0",
    ":9999",
    "0.0.0.0:0",
    "[::]:9999",
    "192.0.2.1:9999",
    "[fe80::1%lo]:9999",
    "[::ffff:127.0.0.1]:9999",
    "example.test:9999",
    "localhost.example:9999",
    "127.0.0.1:1",
    "127.0.0.1:1023",
    "[::1]:80",
    "localhost:80",
    "0:9999",
  };
  static const char *const local[] = {
    "127.0.0.1:0",
    "127.0.0.1:1024",
    "127.255.1.2:65535",
    "[::1]:0",
    "localhost:9999",
    "LocalHost:0",
  };

  g_test_summary ("An address is exposed unless it is a loopback one with an ordinary port.");

  for (gsize i = 0; i < G_N_ELEMENTS (exposed); i++)
    {
      g_test_message ("%s", exposed[i]);
      g_assert_true (sonde_address_is_exposed (exposed[i]));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (local); i++)
    {
      g_test_message ("%s", local[i]);
      g_assert_false (sonde_address_is_exposed (local[i]));
    }
}

static void
test_message (void)
{
  g_test_summary ("A message is UTF-8 wherever a long value is cut.");

  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *padding = g_strnfill (96 + i, 'x');
      g_autofree char *text = g_strconcat (padding, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", NULL);
      g_autoptr (GError) error = NULL;

      g_assert_false (sonde_address_check (text, &error));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_interface_broadcast (void)
{
  struct ifaddrs *interfaces = NULL;

  g_test_summary ("The broadcast address of an interface is refused as well.");

  g_assert_no_errno (getifaddrs (&interfaces));
  for (struct ifaddrs *i = interfaces; i != NULL; i = i->ifa_next)
    {
      char                text[INET_ADDRSTRLEN + 3] = "";
      struct sockaddr_in *address = (void *) i->ifa_addr;
      struct sockaddr_in *broadcast = (void *) i->ifa_broadaddr;

      if (address == NULL || address->sin_family != AF_INET || broadcast == NULL ||
          broadcast->sin_addr.s_addr == address->sin_addr.s_addr)
        continue;
      inet_ntop (AF_INET, &broadcast->sin_addr, text, INET_ADDRSTRLEN);
      strcat (text, ":80");
      assert_refused (text, "broadcast");
    }
  freeifaddrs (interfaces);
}

static SondePeer
make_peer (const char *host,
           guint16     port)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string (host, port);
  struct sockaddr_storage native = { 0 };
  SondePeer               peer;

  g_assert_true (g_socket_address_to_native (address, &native, sizeof native, NULL));
  sonde_peer_init (&peer, &native);

  return peer;
}

static void
test_peer_host (void)
{
  static const char *const hosts[][2] = {
    { "127.0.0.1", "127.0.0.1" },
    { "192.0.2.255", "192.0.2.255" },
    { "0.0.0.0", "0.0.0.0" },
    { "::1", "::1" },
    { "::", "::" },
    { "2001:db8::ff", "2001:db8::ff" },
    { "::ffff:192.0.2.1", "192.0.2.1" },
  };

  g_test_summary ("A peer keeps host and port; a mapped IPv4 host is an IPv4 host.");

  for (gsize i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      const SondePeer  peer = make_peer (hosts[i][0], 40000 + i);
      g_autofree char *host = sonde_peer_dup_host (&peer);

      g_assert_cmpstr (host, ==, hosts[i][1]);
      g_assert_cmpuint (peer.port, ==, 40000 + i);
    }
}

static void
test_peer_gone (void)
{
  const struct sockaddr_storage nothing = { .ss_family = AF_UNSPEC };
  SondePeer                     peer = { 1, 2, 3 };
  g_autofree char              *host = NULL;

  g_test_summary ("A peer that was gone before it could be asked has no host and no port.");

  sonde_peer_init (&peer, &nothing);
  host = sonde_peer_dup_host (&peer);
  g_assert_cmpstr (host, ==, "::");
  g_assert_cmpuint (peer.port, ==, 0);
}

static void
test_peer_identity (void)
{
  const SondePeer one = make_peer ("192.0.2.1", 1);
  const SondePeer again = make_peer ("192.0.2.1", 2);
  const SondePeer mapped = make_peer ("::ffff:192.0.2.1", 3);
  const SondePeer other = make_peer ("192.0.2.2", 1);
  const SondePeer ipv6 = make_peer ("2001:db8::c000:201", 1);

  g_test_summary ("Peers are the same if their hosts are, whatever the port or the family.");

  g_assert_true (sonde_peer_same_host (&one, &again));
  g_assert_true (sonde_peer_same_host (&one, &mapped));
  g_assert_cmpuint (sonde_peer_hash (&one), ==, sonde_peer_hash (&again));
  g_assert_cmpuint (sonde_peer_hash (&one), ==, sonde_peer_hash (&mapped));
  g_assert_false (sonde_peer_same_host (&one, &other));
  g_assert_false (sonde_peer_same_host (&one, &ipv6));
}

static void
test_peer_hash (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  g_test_summary ("The hosts of a network hash to different numbers.");

  for (guint i = 0; i < 4096; i++)
    {
      g_autofree char *host = g_strdup_printf ("10.0.%u.%u", i / 256, i % 256);
      const SondePeer  peer = make_peer (host, 1);

      g_hash_table_add (seen, GUINT_TO_POINTER (sonde_peer_hash (&peer)));
    }
  g_assert_cmpuint (g_hash_table_size (seen), >, 4000);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/address/check", test_check);
  g_test_add_func ("/address/refused", test_refused);
  g_test_add_func ("/address/exposed", test_exposed);
  g_test_add_func ("/address/message", test_message);
  g_test_add_func ("/address/interface-broadcast", test_interface_broadcast);
  g_test_add_func ("/address/peer/host", test_peer_host);
  g_test_add_func ("/address/peer/gone", test_peer_gone);
  g_test_add_func ("/address/peer/identity", test_peer_identity);
  g_test_add_func ("/address/peer/hash", test_peer_hash);

  return g_test_run ();
}
