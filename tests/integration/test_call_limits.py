# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What callers have under way is bounded."""

import signal

from gi.repository import Gio, GLib
from sonde_daemon import BUS_NAME, DEADLINE, PROPERTIES_INTERFACE, settings, wait_until
from sonde_harness import SondeTest, say_nothing

LIMITS_EXCEEDED = 'org.freedesktop.DBus.Error.LimitsExceeded'
CALLS_MAX = 128
WAITERS_MAX = 2048
WAITERS_OF_ALL_MAX = 16384


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
