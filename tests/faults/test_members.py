# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Every member of the contract takes what it says, and refuses all else in few words."""

import math
import pathlib

from gi.repository import GLib
from sonde_daemon import PROPERTIES_INTERFACE, SETTINGS, error_name, read_interfaces
from sonde_faults import FaultsTest, fault
from test_authority import make_value, read_members
from test_dbus_hostile import HUGE, LONGEST_MESSAGE, nest

PREFIX = 'org.sonde.Sonde1.Error.'
INVALID_ARGS = 'org.freedesktop.DBus.Error.InvalidArgs'
READ_ONLY = {INVALID_ARGS, 'org.freedesktop.DBus.Error.PropertyReadOnly'}
# With values that are of the right type, whatever else they are.
REFUSALS = {INVALID_ARGS, *(PREFIX + name for name in (
    'InvalidSetting', 'NoSuchServer', 'NoSuchConnection', 'NameInUse', 'TimedOut',
    'ConnectRefused', 'ConnectTimedOut', 'AddressInUse', 'AddressNotAvailable'))}
# A message may nest variants this deep, with what is around them.
DEPTH = 60
GREATEST = 2 ** 64 - 1

WRONG_BODIES = {
    'nothing': None,
    '-1': GLib.Variant('(i)', (-1,)),
    'NaN': GLib.Variant('(d)', (math.nan,)),
    '10 MB of text': GLib.Variant('(ss)', (HUGE, HUGE)),
    f'variants {DEPTH} deep': GLib.Variant.new_tuple(nest(GLib.Variant('u', 1), DEPTH)),
    'a struct': GLib.Variant('((us)ay)', ((1, 'x'), b'x' * 1000)),
    '20 arguments': GLib.Variant('(' + 20 * 's' + ')', 20 * ('x',)),
}
HOSTILE = {
    's': ['', HUGE, '\x1b[31m', '../..', '%s%n', 'é' * 1000],
    'u': [0, 2 ** 32 - 1],
    'q': [0],
    't': [0, 2 ** 63, GREATEST],
    'a{sv}': [{}, {'x': GLib.Variant('d', math.nan)}, {HUGE: GLib.Variant('u', 1)},
              {'': nest(GLib.Variant('u', 1), DEPTH)}, {'Backlog': GLib.Variant('s', HUGE)},
              {f'k{i}': GLib.Variant('i', -1) for i in range(10000)}],
}


class TestMembers(FaultsTest):
    def attempt(self, path, member, body):
        """Call; return the name of the error if there is one, whose text must be short."""
        interface, _, name = member.rpartition('.')
        try:
            self.daemon.connection.call_sync('org.sonde.Sonde1', path, interface, name, body, None,
                                             0, 60000, None)
        except GLib.Error as error:
            self.assertLess(len(error.message), LONGEST_MESSAGE, member)
            return error_name(error)
        return None

    def read_methods(self, server):
        """List path, name and types of the arguments of every method."""
        for path, member, arguments in read_members(server.path):
            types = [argument.get_type_string() for argument in arguments]
            if types[2:] != ['v']:
                yield path, member, types

    def warm(self):
        """Have GLib take what it keeps for the longest message, once."""
        self.attempt('/org/sonde/Sonde1', 'org.sonde.Sonde1.Manager.GetServer',
                     WRONG_BODIES['10 MB of text'])
        self.attempt('/org/sonde/Sonde1', 'org.sonde.Sonde1.Manager.CreateServer',
                     GLib.Variant('(sa{sv})', ('x', HOSTILE['a{sv}'][2])))
        self.before = self.read_usage()

    @fault(18, 'every method with bodies of wrong types: ' + ', '.join(WRONG_BODIES),
           'InvalidArgs; nothing changes')
    def test_bodies(self):
        """Arguments of other types than those of the contract do not come to a method."""
        self.warm()
        before, count = self.server.get_settings(), 0
        for path, member, types in self.read_methods(self.server):
            for label, body in WRONG_BODIES.items():
                if (body.get_type_string() if body else '()') == '(' + ''.join(types) + ')':
                    continue
                with self.subTest(member=member, body=label):
                    self.assertEqual(self.attempt(path, member, body), INVALID_ARGS)
                count += 1
        self.assertEqual(self.server.get_settings(), before)
        self.assertGreater(count, 100)
        self.saw(f'{count} calls refused')

    @fault(18, 'every method with values of the right type and of no use: 0, the greatest number, '
           '10 MB of text, control characters, deep and long dictionaries',
           'done or refused, in a short message')
    def test_values(self):
        """A method takes any value of its types without harm."""
        server = self.create('scratch')
        bodies = list(self.make_bodies(server))
        self.assertLessEqual({self.attempt(*body) for body in bodies}, REFUSALS | {None})
        # What the longest ones took stays with GLib, once.
        self.before = self.read_usage()
        self.assertLessEqual({self.attempt(*body) for body in bodies}, REFUSALS | {None})
        self.remove('scratch')
        self.assertEqual(self.server.get('State'), 'listening')
        self.saw(f'{2 * len(bodies)} calls')

    def make_bodies(self, server):
        for path, member, types in self.read_methods(server):
            for i, kind in enumerate(types):
                for value in HOSTILE[kind]:
                    arguments = [make_value(other) for other in types]
                    arguments[i] = GLib.Variant(kind, value)
                    yield path, member, GLib.Variant.new_tuple(*arguments)

    @fault(18, 'every property is set to values of wrong types, those that can only be read too',
           'InvalidArgs or PropertyReadOnly; nothing changes')
    def test_properties(self):
        """Properties take no other type than theirs, and most of them nothing."""
        self.warm()
        before, count = self.server.get_settings(), 0
        paths = {member.rpartition('.')[0]: path
                 for path, member, _ in read_members(self.server.path)}
        values = [body.get_child_value(0) for body in WRONG_BODIES.values() if body is not None]
        for name, interface in read_interfaces().items():
            for prop in interface.iter('property'):
                for value in values:
                    if value.get_type_string() == prop.get('type'):
                        continue
                    body = GLib.Variant('(ssv)', (name, prop.get('name'), value))
                    with self.subTest(prop=prop.get('name'), kind=value.get_type_string()):
                        self.assertIn(self.attempt(paths[name], PROPERTIES_INTERFACE + '.Set',
                                                   body), READ_ONLY)
                    count += 1
        self.assertEqual(self.server.get_settings(), before)
        self.assertGreater(count, 300)
        self.saw(f'{count} calls refused')


class TestRanges(FaultsTest):
    def accepts(self, server, key, value):
        """Try a number; return None if it is taken, or else why it is not."""
        kind = 'x' if value < 0 else 't'
        try:
            server.call('Server.UpdateSettings', '(a{sv}a{sv})', {key: GLib.Variant(kind, value)},
                        {})
        except GLib.Error as error:
            self.assertEqual(error_name(error), PREFIX + 'InvalidSetting', key)
            self.assertRegex(error.message, rf'\b{key}=.*(allowed|it is an integer)', key)
            return error.message
        self.assertEqual(server.get(key), value, key)
        return None

    def find_greatest(self, server, key):
        """Find the greatest number that a setting takes."""
        low, high = 1, GREATEST
        if self.accepts(server, key, high) is None:
            return high
        while high - low > 1:
            middle = (low + high) // 2
            if self.accepts(server, key, middle) is None:
                low = middle
            else:
                high = middle
        return low

    @fault(18, 'every number among the settings: -1, 0, the greatest, and one more',
           'taken as it is or refused with the range; never another value in silence')
    def test_ranges(self):
        """A number is taken or refused, and what the kernel made of it is told."""
        server, count = self.create('scratch'), 0
        numbers = [name for name, row in SETTINGS.items() if row[1] in 'ut']
        for key in numbers:
            before = server.get(key)
            greatest = self.find_greatest(server, key)
            self.assertIsNone(self.accepts(server, key, greatest), key)
            if greatest < GREATEST:
                self.assertIsNotNone(self.accepts(server, key, greatest + 1), key)
            self.assertIsNotNone(self.accepts(server, key, -1), key)
            self.accepts(server, key, 0)
            self.check_told(server, key, greatest)
            server.set(key, before)
            count += 1
        self.remove('scratch')
        self.assertGreater(count, 20)
        self.saw(f'{count} settings')

    def check_told(self, server, key, value):
        """What the kernel made of an option is told with a reason."""
        report = server.report('listener')
        if key not in report or self.accepts(server, key, value) is not None:
            return
        asked, effective, _, reason = server.report('listener')[key]
        self.assertEqual(asked, value, key)
        if effective != asked:
            self.assertNotEqual(reason, 'as-asked', key)

    @fault(18, 'every setting with a wrong value in the configuration', 'refused with file and '
           'line, key and range; the old one stays')
    def test_configuration(self):
        """A wrong value in the file is refused where it stands."""
        before, count = self.server.get_settings(), 0
        path = pathlib.Path(self.daemon.config)
        self.addCleanup(path.write_text, self.config, 'utf-8')
        for key, (_, kind, _) in SETTINGS.items():
            # People write seconds.
            word = key.replace('USec', 'Sec')
            for value in ('-1', 'nan', '1e9', '99999999999999999999', 'x' * 5000, '\x1b[31m'):
                if kind == 's' and self.is_name(key, value):
                    continue
                path.write_text(f'{self.config}\n{word}={value}\n', 'utf-8')
                line = self.config.count('\n') + 2
                with self.subTest(key=key, value=value[:20]):
                    with self.assertRaises(GLib.Error) as caught:
                        self.daemon.manager('Reload')
                    message = caught.exception.message
                    self.assertIn(f'{path}:{line}: ', message)
                    self.assertIn(word, message)
                    self.assertLess(len(message), LONGEST_MESSAGE)
                count += 1
        path.write_text(self.config, 'utf-8')
        self.daemon.manager('Reload')
        self.assertEqual(self.server.get_settings(), before)
        self.saw(f'{count} values refused')

    @staticmethod
    def is_name(key, value):
        """Tell whether the kernel, and not we, knows what is right."""
        return key == 'Congestion' and len(value) < 16
