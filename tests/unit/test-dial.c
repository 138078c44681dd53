/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright The Sonde contributors */

#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <glib/gstdio.h>

#include <libsonde/sonde-error.h>
#include <libsonde/sonde-probe.h>

#include "probe-peer.h"

/* The only resolver of these tests, which are not to depend on a name server. It
 * knows one name, never finishes with a second, and nobody has a third. */
typedef struct
{
  GResolver parent_instance;
} TestResolver;

typedef GResolverClass TestResolverClass;

GType test_resolver_get_type (void);
G_DEFINE_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

static GList *
test_resolver_lookup_by_name (GResolver    *resolver,
                              const char   *hostname,
                              GCancellable *cancellable,
                              GError      **error)
{
  if (g_str_equal (hostname, "two.test"))
    return g_list_append (g_list_append (NULL, g_inet_address_new_from_string ("127.0.0.2")),
                          g_inet_address_new_from_string ("127.0.0.1"));

  if (g_str_equal (hostname, "hangs.test"))
    {
      GPollFD poll_fd = { 0 };

      g_assert_true (g_cancellable_make_pollfd (cancellable, &poll_fd));
      g_poll (&poll_fd, 1, -1);
      g_cancellable_release_fd (cancellable);
      g_cancellable_set_error_if_cancelled (cancellable, error);
      return NULL;
    }

  g_set_error (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no %s", hostname);

  return NULL;
}

static void
test_resolver_class_init (TestResolverClass *klass)
{
  klass->lookup_by_name = test_resolver_lookup_by_name;
}

static void
test_resolver_init (TestResolver *self)
{
}

static void
test_localhost (void)
{
  Peer peer = { 0 };
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;
  const char *address;

  g_test_summary ("Of the addresses of a name, the one with a listener is found.");

  peer_start (&peer, peer_serve_echo);
  probe = sonde_probe_new ("localhost", peer.port);
  result = sonde_probe_run (probe, NULL, &error);
  g_assert_no_error (error);
  peer_stop (&peer);

  g_assert_true (g_variant_lookup (result, "PeerAddress", "&s", &address));
  g_assert_cmpstr (address, ==, "127.0.0.1");
}

static void
test_refused (void)
{
  guint16 port = 0;
  int     fd = peer_open ("127.0.0.1", &port);
  g_autoptr (SondeProbe) probe = sonde_probe_new ("127.0.0.1", port);

  g_test_summary ("A port that is bound, but has no listener, refuses.");

  peer_assert_probe_fails (probe,
                           SONDE_ERROR,
                           SONDE_ERROR_CONNECT_REFUSED,
                           "*127.0.0.1:*ECONNREFUSED*");
  g_close (fd, NULL);
}

static void
test_ipv6 (void)
{
  struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
  socklen_t           length = sizeof address;
  int                 fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_autoptr (SondeProbe) probe = NULL;

  g_test_summary ("An IPv6 address is understood, also where there is no IPv6.");

  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0)
    {
      probe = sonde_probe_new ("::1", 1);
      peer_assert_probe_fails (probe,
                               SONDE_ERROR,
                               SONDE_ERROR_ADDRESS_NOT_AVAILABLE,
                               "*[::1]:1*");
    }
  else
    {
      g_assert_no_errno (getsockname (fd, (struct sockaddr *) &address, &length));
      probe = sonde_probe_new ("::1", ntohs (address.sin6_port));
      peer_assert_probe_fails (probe,
                               SONDE_ERROR,
                               SONDE_ERROR_CONNECT_REFUSED,
                               "*[::1]:*ECONNREFUSED*");
    }

  if (fd >= 0)
    g_close (fd, NULL);
}

static gboolean
connects_at_once (GArray     *fds,
                  const char *host,
                  guint16     port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (port) };
  int                fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct pollfd      pollfd = { fd, POLLOUT, 0 };

  g_assert_cmpint (inet_pton (AF_INET, host, &address.sin_addr), ==, 1);
  g_assert_cmpint (fd, >=, 0);
  g_array_append_val (fds, fd);
  if (connect (fd, (struct sockaddr *) &address, sizeof address) == 0)
    return TRUE;

  g_assert_cmpint (errno, ==, EINPROGRESS);

  return poll (&pollfd, 1, 300) > 0;
}

/* Fills the accept queue of a listener until it swallows connection attempts. */
static GArray *
open_full_listener (const char *host,
                    guint16    *port)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (int));
  int     listen_fd = peer_open (host, port);

  g_array_append_val (fds, listen_fd);
  g_assert_no_errno (listen (listen_fd, 0));
  while (connects_at_once (fds, host, *port))
    g_assert_cmpuint (fds->len, <, 64);

  return fds;
}

static void
close_all (GArray *fds)
{
  for (guint i = 0; i < fds->len; i++)
    g_close (g_array_index (fds, int, i), NULL);
  g_array_unref (fds);
}

static void
test_connect_timeout (void)
{
  guint16 port = 0;
  GArray *fds = open_full_listener ("127.0.0.1", &port);
  g_autoptr (SondeProbe) probe = sonde_probe_new ("127.0.0.1", port);
  gint64 started = g_get_monotonic_time ();

  g_test_summary ("A connection attempt without an answer ends with the probe's own timeout.");

  g_object_set (probe, "connect-timeout-usec", (guint64) 100000, NULL);
  peer_assert_probe_fails (probe,
                           SONDE_ERROR,
                           SONDE_ERROR_CONNECT_TIMED_OUT,
                           "*127.0.0.1:*100ms*");
  g_assert_cmpint (g_get_monotonic_time () - started, >=, 100000);
  close_all (fds);
}

static void
assert_cancelled (SondeProbe   *probe,
                  GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = sonde_probe_run (probe, cancellable, &error);

  g_assert_null (result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static gpointer
cancel_thread (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);

  return NULL;
}

static void
test_cancel_connect (void)
{
  guint16 port = 0;
  GArray *fds = open_full_listener ("127.0.0.1", &port);
  g_autoptr (SondeProbe) probe = sonde_probe_new ("127.0.0.1", port);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GThread *thread = g_thread_new ("cancel", cancel_thread, cancellable);

  g_test_summary ("Cancelling ends the wait for a connection, before and while it lasts.");

  g_object_set (probe, "connect-timeout-usec", (guint64) 0, NULL);
  assert_cancelled (probe, cancellable);
  g_thread_join (thread);
  assert_cancelled (probe, cancellable);
  close_all (fds);
}

static void
test_lookup_many (void)
{
  guint16 port = 0;
  int     fd = peer_open ("127.0.0.1", &port);
  g_autoptr (SondeProbe) probe = sonde_probe_new ("two.test", port);

  g_test_summary ("Every address of a name is tried, and the error names host and address.");

  peer_assert_probe_fails (probe,
                           SONDE_ERROR,
                           SONDE_ERROR_CONNECT_REFUSED,
                           "*two.test:* (127.0.0.1:*ECONNREFUSED*");
  g_close (fd, NULL);
}

static void
test_lookup_timeout (void)
{
  g_autoptr (SondeProbe) probe = sonde_probe_new ("hangs.test", 1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  g_test_summary ("A lookup that hangs ends with the connect timeout, or when cancelled.");

  g_object_set (probe, "connect-timeout-usec", (guint64) 20000, NULL);
  peer_assert_probe_fails (probe,
                           SONDE_ERROR,
                           SONDE_ERROR_CONNECT_TIMED_OUT,
                           "*look up hangs.test*");

  g_object_set (probe, "connect-timeout-usec", (guint64) 0, NULL);
  g_cancellable_cancel (cancellable);
  assert_cancelled (probe, cancellable);
}

static void
test_lookup_unknown (void)
{
  g_autoptr (SondeProbe) probe = sonde_probe_new ("no.such.host.invalid", 1);

  g_test_summary ("A name that nobody has is an address that is not available.");

  peer_assert_probe_fails (probe,
                           SONDE_ERROR,
                           SONDE_ERROR_ADDRESS_NOT_AVAILABLE,
                           "*look up no.such.host.invalid*");
}

static void
test_share (void)
{
  const guint64 timeout_usec = 1000000;
  Peer          peer = { 0 };
  GArray       *fds;
  g_autoptr (SondeProbe) probe = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;
  gint64 started;

  g_test_summary ("An address that swallows connections leaves time for the next one.");

  peer_start (&peer, peer_serve_echo);
  fds = open_full_listener ("127.0.0.2", &peer.port);
  probe = sonde_probe_new ("two.test", peer.port);
  g_object_set (probe, "connect-timeout-usec", timeout_usec, NULL);
  started = g_get_monotonic_time ();
  result = sonde_probe_run (probe, NULL, &error);
  g_assert_no_error (error);

  /* The loopback connects even in no time at all, so the time has to tell. */
  g_assert_cmpint (g_get_monotonic_time () - started, <, timeout_usec);
  peer_assert_bytes (result, 12, 12);
  peer_stop (&peer);
  close_all (fds);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GResolver) resolver = NULL;

  g_test_init (&argc, &argv, NULL);

  resolver = g_object_new (test_resolver_get_type (), NULL);
  g_resolver_set_default (resolver);

  g_test_add_func ("/dial/localhost", test_localhost);
  g_test_add_func ("/dial/refused", test_refused);
  g_test_add_func ("/dial/ipv6", test_ipv6);
  g_test_add_func ("/dial/connect-timeout", test_connect_timeout);
  g_test_add_func ("/dial/cancel-connect", test_cancel_connect);
  g_test_add_func ("/dial/lookup-many", test_lookup_many);
  g_test_add_func ("/dial/lookup-timeout", test_lookup_timeout);
  g_test_add_func ("/dial/lookup-unknown", test_lookup_unknown);
  g_test_add_func ("/dial/share", test_share);

  return g_test_run ();
}
