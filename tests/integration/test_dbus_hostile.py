# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Whatever a caller sends where a value is expected is refused whole, and told in few words."""

import math
import time

from gi.repository import GLib
from sonde_daemon import BUS_NAME, DEADLINE, PROPERTIES_INTERFACE, ROOT, SETTINGS, settings
from sonde_harness import SondeTest

INVALID_ARGS = 'org.freedesktop.DBus.Error.InvalidArgs'
HUGE = 'x' * (10 * 1024 * 1024)
# A message may nest this deep, the dictionary around the value counted.
DEPTH = 60
LONGEST_MESSAGE = 1024


def nest(value, depth):
    for _ in range(depth):
        value = GLib.Variant('v', value)
    return value


# What is of no use for any key, whatever its type.
NONSENSE = {
    'not a number': GLib.Variant('d', math.nan),
    'infinity': GLib.Variant('d', math.inf),
    'half': GLib.Variant('d', 0.5),
    'nested': nest(GLib.Variant('u', 1), DEPTH),
    'struct': GLib.Variant('(us)', (1, 'x')),
    'dictionary': GLib.Variant('a{sv}', {'x': GLib.Variant('u', 1)}),
    'numbers': GLib.Variant('au', [1, 2, 3]),
    'bytes': GLib.Variant('ay', bytes(1000)),
    'path': GLib.Variant('o', '/org'),
    'signature': GLib.Variant('g', 'a{sv}'),
}
# More for those of one type.
FOR_NUMBERS = {'negative': GLib.Variant('i', -1), 'least': GLib.Variant('x', -2 ** 63),
               'greatest': GLib.Variant('t', 2 ** 64 - 1), 'text': GLib.Variant('s', '1'),
               'switch': GLib.Variant('b', True)}
FOR_SWITCHES = {'number': GLib.Variant('u', 1), 'text': GLib.Variant('s', 'yes')}
FOR_TEXTS = {'number': GLib.Variant('u', 1), 'switch': GLib.Variant('b', True),
             'empty list': GLib.Variant('as', []), 'list': GLib.Variant('as', ['x'])}
FOR_LISTS = {'text': GLib.Variant('s', '127.0.0.1:0'), 'empty text': GLib.Variant('as', ['']),
             'many': GLib.Variant('as', ['127.0.0.1:0'] * 1025)}
BY_TYPE = {'u': FOR_NUMBERS, 't': FOR_NUMBERS, 'b': FOR_SWITCHES, 's': FOR_TEXTS, 'as': FOR_LISTS}
# Numbers of which a kernel or a clock takes any.
ANY_NUMBER = {'MaxPacingRate', 'UserTimeoutUSec'}


def repeat(key, value, times):
    """Make a dictionary in which a key stands so often."""
    builder = GLib.VariantBuilder.new(GLib.VariantType('a{sv}'))
    entry = GLib.Variant.new_dict_entry(GLib.Variant('s', key), GLib.Variant('v', value))
    for _ in range(times):
        builder.add_value(entry)
    return builder.end()


def call_packed(server, member, *arguments):
    """Call a method of a server with arguments that no Python value stands for."""
    server.daemon.connection.call_sync(
        BUS_NAME, server.path, BUS_NAME + '.Server', member, GLib.Variant.new_tuple(*arguments),
        None, 0, DEADLINE * 1000, None)


class TestHostile(SondeTest):
    def refused(self, key, function, *arguments):
        """Check that a call is refused with a short message that names the key."""
        message = self.fails('InvalidSetting', function, *arguments)
        self.assertIn(key, message)
        self.assertRegex(message, r'allowed|it is an integer|known|not valid')
        self.assertLess(len(message), LONGEST_MESSAGE)

    def update(self, server, values, options=None):
        server.call('Server.UpdateSettings', '(a{sv}a{sv})', values, options or {})

    def create_from(self, values):
        self.daemon.manager('CreateServer', '(sa{sv})', 'never', values)

    def test_every_setting(self):
        """Every key refuses what is not of its type or out of range, by every way in."""
        server = self.create()
        before = server.get_settings()
        for key, (_, signature, _) in SETTINGS.items():
            for name, value in {**NONSENSE, **BY_TYPE[signature]}.items():
                if name == 'greatest' and not self.is_limited(server, key):
                    continue
                with self.subTest(key=key, value=name):
                    self.refused(key, self.update, server, {key: value})
                    self.refused(key, self.create_from, {key: value})
        self.assertEqual(server.get_settings(), before)
        self.fails('NoSuchServer', self.daemon.get_server, 'never')

    def is_limited(self, server, key):
        """Tell whether the greatest number is too great: else the kernel is asked."""
        try:
            self.update(server, {key: GLib.Variant('t', 2 ** 64 - 1)})
        except GLib.Error:
            return True
        self.assertIn(key, ANY_NUMBER)
        self.update(server, settings(**{key: 0}))
        return False

    def test_set(self):
        """Properties.Set refuses another type before it comes to the setting."""
        server = self.create()
        before = server.get_settings()
        for key, (_, signature, _) in SETTINGS.items():
            for name, value in NONSENSE.items():
                with self.subTest(key=key, value=name):
                    self.fails(INVALID_ARGS, server.set, key, value)
        for key in 'Mode', 'Concurrency', 'Congestion':
            self.refused(key, server.set, key, HUGE)
        self.refused('ListenAddresses', server.set, 'ListenAddresses', [HUGE])
        self.assertEqual(server.get_settings(), before)

    def test_huge(self):
        """A text of 10 MiB is refused for every key, and is not sent back."""
        server = self.create()
        before = server.get_settings()
        for key in SETTINGS:
            with self.subTest(key=key):
                self.refused(key, self.update, server, {key: GLib.Variant('s', HUGE)})
        self.assertEqual(server.get_settings(), before)

    def test_huge_keys(self):
        """A key of 10 MiB, or one of no meaning, is refused in few words everywhere."""
        server = self.create()
        value = GLib.Variant('u', 1)
        limits = ROOT, 'KernelLimits.ComputeConnectTimeout', '(a{sv})'
        for key in HUGE, '', 'Nonsense', 'nodelay', 'Name', 'State', 'é' * 1000, '\n', '%s%n':
            told = key[:20]
            for call in ((self.update, server, {key: value}), (self.create_from, {key: value}),
                         (self.update, server, settings(NoDelay=True), {key: value}),
                         (server.call, 'Server.WaitFor', '(a{sv}t)', {key: value}, 0),
                         (self.daemon.call, *limits, {key: value}),
                         (self.daemon.manager, 'RunProbe', '(sqa{sv})', '127.0.0.1', 9,
                          {key: value})):
                with self.subTest(key=told, call=call[0].__name__):
                    message = self.fails('InvalidSetting', *call)
                    self.assertLess(len(message), LONGEST_MESSAGE)

    def test_other_dictionaries(self):
        """The values of options, conditions and assumptions are refused like those of settings."""
        server = self.create()
        numbers = {**NONSENSE, 'negative': FOR_NUMBERS['negative'], 'huge': GLib.Variant('s', HUGE)}
        for name, value in numbers.items():
            with self.subTest(value=name):
                for key in 'NAccepted', 'NClosed', 'BytesReceived', 'NConnections':
                    self.refused(key, server.call, 'Server.WaitFor', '(a{sv}t)', {key: value}, 0)
                for key in 'ConnectTimeoutUSec', 'ReadSize', 'Messages', 'Mode', 'SendBuffer':
                    self.refused(key, self.daemon.manager, 'RunProbe', '(sqa{sv})', '127.0.0.1', 9,
                                 {key: value})
                for key in 'tcp_syn_retries', 'tcp_syn_linear_timeouts', 'tcp_rto_max_ms':
                    self.refused(key, self.daemon.call, ROOT, 'KernelLimits.ComputeConnectTimeout',
                                 '(a{sv})', {'net.ipv4.' + key: value})
                self.refused('apply', self.update, server, settings(NoDelay=True),
                             {'apply': value})
        self.assertIs(server.get('NoDelay'), False)

    def test_twice(self):
        """A dictionary with a key that stands twice is refused, be it a hundred thousand times."""
        server = self.create()
        for times in 2, 100000:
            settings_twice = repeat('NoDelay', GLib.Variant('b', True), times)
            counters_twice = repeat('NAccepted', GLib.Variant('t', 2 ** 63), times)
            self.refused('NoDelay', call_packed, server, 'UpdateSettings', settings_twice,
                         GLib.Variant('a{sv}', {}))
            self.refused('NAccepted', call_packed, server, 'WaitFor', counters_twice,
                         GLib.Variant('t', 0))
        self.assertIs(server.get('NoDelay'), False)

    def test_twice_before_the_authority(self):
        """Nor does anybody have the same address looked at a million times."""
        server = self.create()
        addresses = repeat('ListenAddresses', GLib.Variant('as', ['192.0.2.1:1'] * 1000), 100)
        start = time.monotonic()
        self.refused('ListenAddresses', call_packed, server, 'UpdateSettings', addresses,
                     GLib.Variant('a{sv}', {}))
        self.assertLess(time.monotonic() - start, 2)

    def test_print(self):
        """A value of megabytes is not printed, which would take many times its size."""
        before = self.daemon.read_status('VmHWM')
        zeros = GLib.Bytes.new(bytes(16 * 1024 * 1024))
        value = GLib.Variant.new_from_bytes(GLib.VariantType('ay'), zeros, True)
        for key in 'net.ipv4.tcp_syn_retries', 'net.ipv4.tcp_rto_max_ms':
            self.refused(key, self.daemon.call, ROOT, 'KernelLimits.ComputeConnectTimeout',
                         '(a{sv})', {key: value})
        self.assertLess(self.daemon.read_status('VmHWM') - before, 64 * 1024)

    def test_texts(self):
        """Names, hosts and ways to close of any length are refused in few words."""
        server = self.create()
        for text in HUGE, 'x' * 65, '\x7f', '':
            message = self.fails('InvalidSetting', self.daemon.manager, 'CreateServer',
                                 '(sa{sv})', text, {})
            self.assertLess(len(message), LONGEST_MESSAGE)
            for member in 'GetServer', 'RemoveServer':
                message = self.fails('NoSuchServer', self.daemon.manager, member, '(s)', text)
                self.assertLess(len(message), LONGEST_MESSAGE)
            self.refused('how', server.call, 'Server.CloseConnection', '(ts)', 1, text)
        for host, port in (HUGE, 9), ('x' * 256, 9), ('', 9), ('127.0.0.1', 0):
            self.refused('host', self.daemon.manager, 'RunProbe', '(sqa{sv})', host, port, {})

    def test_unknown_members(self):
        """Calls of what is not there are refused as D-Bus has it."""
        server = self.create()
        unknown = 'org.freedesktop.DBus.Error.UnknownMethod'
        self.fails(unknown, server.call, 'Server.Nonsense')
        self.fails(INVALID_ARGS, server.call, 'Server.Drain', '(s)', 'soon')
        self.fails(INVALID_ARGS, server.call, 'Server.Drain')
        self.fails(INVALID_ARGS, server.call, PROPERTIES_INTERFACE + '.Get', '(ss)',
                   'org.sonde.Sonde1.Server', 'Nonsense')
        self.assertEqual(server.get('State'), 'listening')
