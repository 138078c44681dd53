# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What callers have under way is bounded, and a flood of calls harms nobody else."""

import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

from gi.repository import Gio, GLib
from sonde_daemon import BUS_NAME, DEADLINE, PROPERTIES_INTERFACE, settings, wait_until
from sonde_harness import SondeTest, say_nothing
from sonde_polkit import NOBODY, SystemBusTest

FLOOD = pathlib.Path(__file__).parent / 'dbus_flood.py'
LIMITS_EXCEEDED = 'org.freedesktop.DBus.Error.LimitsExceeded'
CALLS_MAX = 128
WAITERS_MAX = 2048
WAITERS_OF_ALL_MAX = 16384
GROWTH_MAX = 16 * 1024
LATENCY_MAX = 0.05


class Caller:
    """A client with many calls under way at once."""

    def __init__(self, test):
        self.connection = test.bus.connect()
        self.n_pending = 0
        self.errors = []

    def send(self, path, method, signature='()', *values):
        interface, _, member = method.rpartition('.')
        self.n_pending += 1
        self.connection.call(BUS_NAME, path, f'{BUS_NAME}.{interface}', member,
                             GLib.Variant(signature, values), None, 0, DEADLINE * 1000, None,
                             self.finish)

    def finish(self, connection, result):
        self.n_pending -= 1
        try:
            connection.call_finish(result)
        except GLib.Error as error:
            self.errors.append(error.message)

    def wait(self, n_pending, what):
        """Wait until only so many are left without an answer."""
        def is_reached():
            GLib.MainContext.default().iteration(False)
            return self.n_pending <= n_pending
        wait_until(is_reached, what)


class TestCaps(SondeTest):
    def test_calls(self):
        """A call too many of one caller is refused, and names the cap; others are served."""
        server = self.create()
        client = self.connect(server)
        server.wait_for(NConnections=1)
        caller = Caller(self)
        for _ in range(CALLS_MAX + 3):
            caller.send(server.path, 'Server.Drain', '(t)', DEADLINE * 1000000)
        caller.wait(CALLS_MAX, 'three are refused')
        self.assertEqual(len(caller.errors), 3)
        for message in caller.errors:
            self.assertIn(LIMITS_EXCEEDED, message)
            self.assertIn(f'at most {CALLS_MAX}', message)
        self.assertEqual(server.get('State'), 'draining')
        client.close()
        caller.wait(0, 'all are answered')
        self.assertEqual(len(caller.errors), 3)
        caller.send(server.path, 'Statistics.GetSnapshot')
        caller.wait(0, 'the caller is served again')
        self.assertEqual(len(caller.errors), 3)

    def test_waiters(self):
        """Who waits has bounds of its own, and may make other calls meanwhile."""
        server = self.create()
        caller = Caller(self)
        condition = ({'NAccepted': GLib.Variant('t', 1)}, DEADLINE * 1000000)
        for _ in range(WAITERS_MAX + 3):
            caller.send(server.path, 'Server.WaitFor', '(a{sv}t)', *condition)
        caller.wait(WAITERS_MAX, 'three are refused')
        for message in caller.errors:
            self.assertIn(LIMITS_EXCEEDED, message)
            self.assertIn(f'at most {WAITERS_MAX}', message)
        self.assertEqual(len(caller.errors), 3)
        caller.send(server.path, 'Statistics.GetSnapshot')
        caller.wait(WAITERS_MAX, 'another call is answered')
        leaver = Caller(self)
        leaver.send(server.path, 'Server.WaitFor', '(a{sv}t)', *condition)
        leaver.connection.close_sync(None)
        self.connect(server)
        caller.wait(0, 'all have seen the connection')
        self.assertEqual(len(caller.errors), 3)

    def test_left_before_seen(self):
        """Whoever has left before the daemon looked at his calls takes nobody's place."""
        server = self.create()
        condition = {'NAccepted': GLib.Variant('t', 1)}
        self.daemon.child.send_signal(signal.SIGSTOP)
        try:
            for _ in range(WAITERS_OF_ALL_MAX // WAITERS_MAX):
                leaver = Caller(self)
                for _ in range(WAITERS_MAX):
                    leaver.send(server.path, 'Server.WaitFor', '(a{sv}t)', condition, 1 << 60)
                leaver.connection.flush_sync(None)
                leaver.connection.close_sync(None)
        finally:
            self.daemon.child.send_signal(signal.SIGCONT)

        def two_may_wait():
            caller = Caller(self)
            for _ in range(2):
                caller.send(server.path, 'Server.WaitFor', '(a{sv}t)', condition, 50000)
            caller.wait(0, 'both are answered')
            caller.connection.close_sync(None)
            return not any(LIMITS_EXCEEDED in message for message in caller.errors)
        server.snapshot()
        wait_until(two_may_wait, 'those who left are forgotten')

    def test_bytes(self):
        """Large calls are bounded together; one alone is not."""
        server = self.create()
        port = self.start_peer(say_nothing)
        caller = Caller(self)
        # Not GLib.Variant('ay', ...), which would make one of every byte.
        message = GLib.Variant.new_from_bytes(GLib.VariantType('ay'), GLib.Bytes(bytes(3 << 20)),
                                              True)
        options = {'Messages': GLib.Variant.new_array(None, [message]),
                   'IoTimeoutUSec': GLib.Variant('t', 1000000)}
        for _ in range(2):
            caller.send('/org/sonde/Sonde1', 'Manager.RunProbe', '(sqa{sv})', '127.0.0.1', port,
                        options)
        caller.wait(1, 'the second one is refused')
        [message] = caller.errors
        self.assertIn(LIMITS_EXCEEDED, message)
        self.assertIn('at most 4 MiB', message)
        caller.wait(0, 'the first one was carried out')
        self.assertIn('TimedOut', caller.errors[1])
        self.fails('InvalidSetting', server.set, 'Congestion', 'x' * (10 << 20))

    def test_no_reply(self):
        """A call that wants no reply is carried out, and gets none."""
        server = self.create()
        replies = []

        def collect(_connection, message, incoming, *_):
            kinds = Gio.DBusMessageType.METHOD_RETURN, Gio.DBusMessageType.ERROR
            if incoming and message.get_message_type() in kinds:
                replies.append(message.get_reply_serial())
            return message
        connection = self.bus.connect()
        connection.add_filter(collect)
        message = Gio.DBusMessage.new_method_call(BUS_NAME, server.path, PROPERTIES_INTERFACE,
                                                  'Set')
        message.set_flags(Gio.DBusMessageFlags.NO_REPLY_EXPECTED)
        message.set_body(GLib.Variant('(ssv)', (BUS_NAME + '.SocketOptions', 'Backlog',
                                                settings(Backlog=33)['Backlog'])))
        _, serial = connection.send_message(message, Gio.DBusSendMessageFlags.NONE)
        self.assertEqual(self.daemon.seen_by(connection).get_server(server.get('Name'))
                         .get('Backlog'), 33)
        self.assertNotIn(serial, replies)
        self.assertGreater(len(replies), 0)


class TestFlood(SystemBusTest):
    config = '[Server echo]\nListenAddresses=127.0.0.1:0\n'

    def read_kib(self, key):
        status = pathlib.Path(f'/proc/{self.daemon.pid}/status').read_text('ascii')
        return int(re.search(rf'{key}:\s+(\d+)', status)[1])

    def measure_echoes(self, is_over):
        """Echo one byte after the other; return how long each took, in order of that."""
        taken = []
        sock = self.connect(self.daemon.get_server('echo'))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not is_over():
            start = time.monotonic()
            sock.sendall(b'x')
            self.assertEqual(sock.recv(1), b'x')
            taken.append(time.monotonic() - start)
            # The echoes themselves are not to be the load.
            time.sleep(0.001)
        return sorted(taken)

    def flood(self, how, count, interface, member):
        """Flood as nobody while echoes and another caller are measured."""
        server = self.daemon.get_server('echo')
        quiet = self.measure_echoes(lambda left=iter(range(300)): next(left, None) is None)
        before = self.read_kib('VmRSS')
        child = subprocess.Popen(
            ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups',
             sys.executable, '-B', '-c', FLOOD.read_text('utf-8'), self.bus.address, how,
             str(count), server.path, f'{BUS_NAME}.{interface}', member],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        said = self.in_thread(child.stdout.readline)
        taken = self.measure_echoes(said.done)
        # Another caller is served. The bus keeps his call behind all that it has for the
        # daemon already, and that is read at what speed a busy machine has.
        self.daemon.connection.call_sync(
            BUS_NAME, server.path, f'{BUS_NAME}.Statistics', 'GetSnapshot', None, None,
            Gio.DBusCallFlags.NONE, 4 * DEADLINE * 1000, None)
        child.stdin.close()
        growth = self.read_kib('VmHWM') - before
        print(f'{how} {member}: echo worst {quiet[-1] * 1e3:.2f} ms before, then '
              f'{taken[-1] * 1e3:.2f} ms, of {len(taken)} the 99th {self.p99(taken) * 1e3:.2f} ms; '
              f'{growth} KiB more; {said.result().strip()}', file=sys.stderr)
        self.assertLess(growth, GROWTH_MAX)
        # A machine that has other things to do lets single ones wait, for as long as it likes.
        self.assertLess(self.p99(taken), LATENCY_MAX)
        return said.result()

    @staticmethod
    def p99(values):
        return values[len(values) * 99 // 100]

    def test_no_reply(self):
        """200,000 calls whose answers nobody wants cost little memory and no echo its time."""
        self.assertIn('sent', self.flood('no-reply', 200000, 'Statistics', 'GetSnapshot'))

    def test_reply(self):
        """50,000 calls are answered or refused, every one."""
        said = self.flood('reply', 50000, 'Statistics', 'GetSnapshot')
        counts = {key: int(n) for key, n in (word.split('=') for word in said.split()[1:])}
        # The first one is that to Hello.
        self.assertEqual(sum(counts.values()), 50001)
        self.assertEqual(set(counts) - {'answered'}, {LIMITS_EXCEEDED})

    def test_deaf(self):
        """A caller that never reads its answers harms itself only."""
        self.flood('deaf', 50000, 'SocketOptions', 'GetOptionReport')

    def test_denied(self):
        """Calls that polkit has to decide about are bounded as well."""
        self.flood('no-reply', 50000, 'Server', 'Stop')
        self.assertEqual(self.daemon.get_server('echo').get('State'), 'listening')
