# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What the daemon does for single clients on the bus goes when they leave it."""

import os
import time

from gi.repository import Gio, GLib
from sonde_daemon import BUS_NAME, DEADLINE, PROPERTIES_INTERFACE, dispatch, wait_until
from sonde_harness import SondeTest, read_exactly

SECOND = 1000000
STATISTICS = BUS_NAME + '.Statistics'


class Client:
    """One more connection to the bus, with a server in view."""

    def __init__(self, test, server):
        self.connection = test.bus.connect()
        test.addCleanup(self.leave)
        self.path = server.path
        self.seen = []
        self.connection.signal_subscribe(
            BUS_NAME, PROPERTIES_INTERFACE, 'PropertiesChanged', self.path, STATISTICS,
            Gio.DBusSignalFlags.NONE,
            lambda *arguments: self.seen.append((time.monotonic(), arguments[5].unpack()[1])))
        # Whoever has an answer has the subscription, too.
        self.get_rate()

    def leave(self):
        if not self.connection.is_closed():
            self.connection.close_sync()

    def call(self, member, signature, *values):
        return self.connection.call_sync(
            BUS_NAME, self.path, PROPERTIES_INTERFACE, member, GLib.Variant(signature, values),
            None, Gio.DBusCallFlags.NONE, DEADLINE * 1000, None).unpack()

    def get_rate(self):
        return self.call('Get', '(ss)', STATISTICS, 'RefreshRateMs')[0]

    def set_rate(self, rate):
        self.call('Set', '(ssv)', STATISTICS, 'RefreshRateMs', GLib.Variant('u', rate))

    def latest(self):
        """Merge what was signalled so far."""
        dispatch()
        merged = {}
        for _, changes in self.seen:
            merged.update(changes)
        return merged

    def wait_for(self, **values):
        wait_until(lambda: self.latest() == {**self.latest(), **values}, f'{values} is signalled')


class TestRefreshRate(SondeTest):
    def test_signals(self):
        """With a RefreshRateMs changed counters are signalled, and only those."""
        server = self.create()
        client = Client(self, server)
        client.set_rate(100)
        client.wait_for(RefreshRateMs=100)
        self.ask(server, b'x' * 100)
        snapshot = server.wait_for(NConnections=0)
        changed = {'NAccepted': 1, 'NClosed': 1, 'BytesReceived': 100, 'BytesSent': 100}
        client.wait_for(**changed)
        self.assertEqual({name: snapshot[name] for name in changed}, changed)
        self.assertNotIn('NRefused', client.latest())
        self.assertNotIn('Stalls', client.latest())

    def test_rate(self):
        """Signals come at most that often, however fast the counters move."""
        server = self.create()
        client = Client(self, server)
        sock = self.connect(server)
        client.set_rate(200)
        start = time.monotonic()
        while sum('BytesReceived' in changes for _, changes in client.seen) < 5:
            sock.sendall(b'x')
            read_exactly(sock, 1)
            client.latest()
        self.assertGreaterEqual(time.monotonic() - start, 0.9)

    def test_fastest_wins(self):
        """Of several wishes the fastest is in force; each goes with its client."""
        server = self.create()
        slow, fast, other = (Client(self, server) for _ in range(3))
        slow.set_rate(4000000000)
        self.assertEqual(other.get_rate(), 4000000000)
        fast.set_rate(100)
        self.assertEqual(other.get_rate(), 100)
        other.set_rate(5000)
        other.set_rate(0)
        self.assertEqual(other.get_rate(), 100)
        fast.leave()
        wait_until(lambda: other.get_rate() == 4000000000, 'the fastest is gone')
        slow.set_rate(0)
        self.assertEqual(other.get_rate(), 0)
        other.set_rate(100)
        other.leave()
        wait_until(lambda: slow.get_rate() == 0, 'the last one is gone')
        slow.wait_for(RefreshRateMs=0)

    def test_refused(self):
        """A rate of 1 to 99 is refused with the range, one of another type as well."""
        server = self.create()
        for rate in 1, 50, 99:
            message = self.fails('InvalidSetting', server.set, 'RefreshRateMs', rate)
            self.assertIn(f'RefreshRateMs={rate} ', message)
            self.assertIn('allowed: 0, or 100 to 4294967295', message)
        self.fails('org.freedesktop.DBus.Error.InvalidArgs', server.set, 'RefreshRateMs',
                   GLib.Variant('i', 100))
        self.assertEqual(server.get('RefreshRateMs'), 0)

    def test_no_cost(self):
        """A daemon that nobody asked for signals sleeps."""
        server = self.create()
        client = Client(self, server)
        client.set_rate(100)
        client.set_rate(0)
        # A timer of 100 ms would wake it twice at the least.
        wait_until(self.daemon.sleeps, 'the daemon sleeps')
        self.ask(server, b'not told')
        wait_until(self.daemon.sleeps, 'the daemon sleeps again')
        self.assertNotIn('BytesReceived', client.latest())


class WaitForTest(SondeTest):
    """Has many waiters, of many clients."""

    N = 10000
    CLIENTS = 40

    def connect_clients(self):
        clients = [self.bus.connect() for _ in range(self.CLIENTS)]
        for connection in clients:
            self.addCleanup(lambda c=connection: c.is_closed() or c.close_sync())
        return clients

    def start_waiters(self, server, clients, name, first=1):
        """Have the clients wait for N values in a row; collect the replies."""
        replies = []
        each = self.N // len(clients)
        for i, connection in enumerate(clients):
            for j in range(each):
                condition = {name: GLib.Variant('t', first + i * each + j)}
                arguments = GLib.Variant('(a{sv}t)', (condition, 3600 * SECOND))
                connection.call(BUS_NAME, server.path, BUS_NAME + '.Server', 'WaitFor', arguments,
                                None, Gio.DBusCallFlags.NONE, GLib.MAXINT32, None,
                                lambda *reply: replies.append(reply))
            # What was sent before an answer has arrived before it.
            connection.call_sync(BUS_NAME, server.path, STATISTICS, 'GetSnapshot', None, None,
                                 Gio.DBusCallFlags.NONE, DEADLINE * 1000, None)
        return replies


class TestManyWaiters(WaitForTest):
    def memory(self):
        return self.daemon.read_status('VmRSS') * 1024

    def move(self, server, sock, n):
        """Let a server receive bytes one by one, and many at once towards the end."""
        missing = n - server.snapshot()['BytesReceived']
        for _ in range(min(missing, 500)):
            sock.sendall(b'x')
            read_exactly(sock, 1)
        sock.sendall(b'x' * max(missing - 500, 0))
        read_exactly(sock, max(missing - 500, 0))

    def test_many(self):
        """Ten thousand waiters cost little, and each is answered at its value, not before."""
        server = self.create()
        sock = self.connect(server)
        clients = self.connect_clients()
        before = self.memory()
        start = time.monotonic()
        replies = self.start_waiters(server, clients, 'BytesReceived')
        print(f'# {self.N} waiters came in {time.monotonic() - start:.3f} s, and took '
              f'{(self.memory() - before) / self.N:.0f} bytes each', flush=True)
        # Three kilobytes, and ten times that where every allocation is watched.
        self.assertLess(self.memory() - before, self.N * 65536)
        for n in 1, 10, 100, 1000, self.N:
            cpu, start = self.daemon.cpu_seconds(), time.monotonic()
            self.move(server, sock, n)
            wait_until(lambda n=n: dispatch() and len(replies) >= n, f'{n} are answered')
            self.assertEqual(len(replies), n)
            print(f'# {n} were answered after {time.monotonic() - start:.3f} s, and '
                  f'{self.daemon.cpu_seconds() - cpu:.3f} s of CPU', flush=True)
        for connection, result in replies:
            self.assertGreaterEqual(connection.call_finish(result).unpack()[0]['BytesReceived'], 1)


class TestWaitersWhoLeave(WaitForTest):
    def test_leave(self):
        """Waiters whose clients leave are forgotten, and cost nothing any more."""
        server = self.create()
        clients = self.connect_clients()
        self.start_waiters(server, clients, 'NAccepted', first=1000000)
        wait_until(lambda: not self.daemon.sleeps(), 'the daemon looks at the counters')
        for connection in clients:
            connection.close_sync()
        wait_until(self.daemon.sleeps, 'nobody is waited for')
        self.ask(server, b'served on')


class TestWaitersWhoStay(WaitForTest):
    N = 10
    CLIENTS = 1

    def test_rest(self):
        """While nothing moves the daemon looks seldom, and yet answers when something does."""
        server = self.create()
        replies = self.start_waiters(server, self.connect_clients(), 'NAccepted')
        self.assertFalse(self.daemon.sleeps())
        wait_until(lambda: self.daemon.count_wakes(0.5) < 20, 'the daemon rests')
        self.connect(server)
        wait_until(lambda: dispatch() and replies, 'the first is answered')
        self.assertEqual(len(replies), 1)


class TestDescriptors(SondeTest):
    N = 20

    def count_fds(self):
        return len(os.listdir(f'/proc/{self.daemon.pid}/fd'))

    def wait_with_fds(self, connection, server, callback):
        """Wait for ever, with sixteen open files that nobody asked for."""
        fds = Gio.UnixFDList.new()
        for _ in range(16):
            fds.append(0)
        condition = GLib.Variant('(a{sv}t)', ({'NAccepted': GLib.Variant('t', 2 ** 63)}, 2 ** 63))
        connection.call_with_unix_fd_list(
            BUS_NAME, server.path, BUS_NAME + '.Server', 'WaitFor', condition, None,
            Gio.DBusCallFlags.NONE, GLib.MAXINT32, fds, None, callback)

    def test_not_kept(self):
        """A caller cannot have the daemon keep files open, and so take its descriptors."""
        server = self.create()
        connection = self.bus.connect()
        self.addCleanup(connection.close_sync)
        replies = []
        before = self.count_fds()
        for _ in range(self.N):
            self.wait_with_fds(connection, server, lambda *reply: replies.append(reply))
        wait_until(lambda: dispatch() and len(replies) == self.N, 'all are refused')
        with self.assertRaises(GLib.Error) as caught:
            connection.call_with_unix_fd_list_finish(replies[0][1])
        self.assertIn('file descriptors', caught.exception.message)
        wait_until(lambda: self.count_fds() <= before + 1, 'the files are closed')
