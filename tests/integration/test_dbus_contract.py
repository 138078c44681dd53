# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The interfaces on the bus are those of the contract, and settings behave as it says."""

import subprocess
import xml.etree.ElementTree

from gi.repository import Gio, GLib
from sonde_daemon import (BUS_NAME, DEADLINE, PROPERTIES, PROPERTIES_INTERFACE, ROOT,
                          SETTINGS, dispatch, read_interfaces, settings, wait_until)
from sonde_harness import SondeTest, read_exactly

LOG_PATH = '/org/freedesktop/LogControl1'
INVALID_ARGS = 'org.freedesktop.DBus.Error.InvalidArgs'
EMITS = 'org.freedesktop.DBus.Property.EmitsChangedSignal'
# A valid value for each setting, none of them the default; busctl's words and ours.
VALID = {
    'Mode': ('upper', 'upper'),
    'Concurrency': ('threads', 'threads'),
    'Workers': ('1', 1),
    'ListenAddresses': ('1 127.0.0.1:0', ['127.0.0.1:0']),
    'MaxConnections': ('100', 100),
    'MaxConnectionsPerSource': ('50', 50),
    'MaxThreads': ('4096', 4096),
    'IdleTimeoutUSec': ('3600000000', 3600000000),
    'StallTimeoutUSec': ('1000', 1000),
    'RuntimeMaxUSec': ('86400000000', 86400000000),
    'CloseTimeoutUSec': ('1000', 1000),
    'ReadSize': ('1048576', 1048576),
    'LineMax': ('1', 1),
    'UnsentMax': ('65536', 65536),
    'LogContent': ('true', True),
    'ReuseAddress': ('true', True),
    'ReusePort': ('true', True),
    'Backlog': ('7', 7),
    'NoDelay': ('true', True),
    'QuickAck': ('true', True),
    'KeepAlive': ('true', True),
    'KeepAliveTimeUSec': ('32767000000', 32767000000),
    'KeepAliveIntervalUSec': ('1000000', 1000000),
    'KeepAliveProbes': ('127', 127),
    'ReceiveBuffer': ('65536', 65536),
    'SendBuffer': ('65536', 65536),
    'UserTimeoutUSec': ('1000', 1000),
    'DeferAcceptUSec': ('3000000', 3000000),
    'Congestion': ('reno', 'reno'),
    'MaxPacingRate': ('1000000', 1000000),
    'NotSentLowWater': ('16384', 16384),
    'LingerUSec': ('1000000', 1000000),
    'TypeOfService': ('16', 16),
    'MaxSegment': ('1400', 1400),
}
TOO_LARGE = {
    'Workers': 65,
    'MaxThreads': 4097,
    'ReadSize': 1048577,
    'LineMax': 1048577,
    'UnsentMax': 1099511627777,
    'Backlog': 2147483648,
    'KeepAliveTimeUSec': 32768000000,
    'KeepAliveIntervalUSec': 32768000000,
    'KeepAliveProbes': 128,
    'ReceiveBuffer': 2147483648,
    'SendBuffer': 2147483648,
    'LingerUSec': 65536000000,
    'TypeOfService': 256,
    'MaxSegment': 32768,
}
TOO_SMALL = {'Workers': 0, 'MaxThreads': 0, 'LineMax': 0, 'UnsentMax': 65535, 'MaxSegment': 87,
             'IdleTimeoutUSec': 999, 'StallTimeoutUSec': 999, 'RuntimeMaxUSec': 999,
             'CloseTimeoutUSec': 0}
BAD_WORDS = {'Mode': 'lower', 'Concurrency': 'fork', 'Congestion': 'x' * 16,
             'ListenAddresses': ['?'], 'KeepAliveTimeUSec': 2 ** 64 - 1}


def describe(interface):
    """Reduce an interface element to what callers depend on."""
    members = {}
    for member in interface:
        if member.tag not in ('method', 'signal', 'property'):
            continue
        arguments = [(a.get('type'), a.get('direction')) for a in member.iter('arg')]
        notes = {a.get('name'): a.get('value') for a in member.iter('annotation')}
        members[member.tag, member.get('name')] = (
            arguments, member.get('type'), member.get('access'), notes.get(EMITS, 'true'))
    return members


class TestIntrospection(SondeTest):
    def introspect(self, path):
        text = self.daemon.call(path, 'org.freedesktop.DBus.Introspectable.Introspect')
        root = xml.etree.ElementTree.fromstring(text)
        return {i.get('name'): describe(i) for i in root.iter('interface')}

    def test_interfaces(self):
        """Every object shows exactly the members, types, access and annotations written down."""
        contract = {name: describe(interface) for name, interface in read_interfaces().items()}
        self.assertEqual(len(contract), 6)
        shown = {**self.introspect(ROOT), **self.introspect(self.create('plain').path),
                 **self.introspect(LOG_PATH)}
        for name, members in contract.items():
            with self.subTest(interface=name):
                self.assertEqual(shown[name], members)
        self.assertIn('org.freedesktop.DBus.ObjectManager', shown)
        self.assertEqual([name for name in shown if name.startswith(BUS_NAME)
                          and name not in contract], [])

    def test_every_property_is_there(self):
        """GetAll has every property of the contract in its type, Get the same."""
        server = self.create('plain')
        places = {'Manager': ROOT, 'KernelLimits': ROOT, 'Server': server.path,
                  'SocketOptions': server.path, 'Statistics': server.path, 'LogControl1': LOG_PATH}
        for interface, element in read_interfaces().items():
            short = interface.rpartition('.')[2]
            get_all = PROPERTIES_INTERFACE + '.GetAll'
            reply = self.daemon.call_raw(places[short], get_all, '(s)', interface)
            values = reply.get_child_value(0)
            types = {p.get('name'): p.get('type') for p in element.iter('property')}
            got = {name: values.lookup_value(name, None).get_type_string()
                   for name in values.unpack()}
            self.assertEqual(got, types)

    def test_names_are_escaped(self):
        """A name becomes a path as systemd escapes it, and GetServer finds it."""
        server = self.create('my-server')
        self.assertEqual(server.path, ROOT + '/server/my_2dserver')
        self.assertEqual(self.daemon.get_server('my-server').path, server.path)
        self.assertEqual(server.call(PROPERTIES_INTERFACE + '.Get', '(ss)',
                                     BUS_NAME + '.Server', 'Name'), 'my-server')
        for name in '', 'x' * 65, 'a\nb':
            self.fails('InvalidSetting', self.create_named, name)

    def create_named(self, name):
        addresses = settings(ListenAddresses=['127.0.0.1:0'])
        self.daemon.manager('CreateServer', '(sa{sv})', name, addresses)

    def test_busctl(self):
        """busctl shows the tree, and introspects every object."""
        path = self.create('plain').path

        def busctl(*words):
            return subprocess.run(['busctl', '--address=' + self.bus.address, *words], check=True,
                                  stdout=subprocess.PIPE, text=True, timeout=DEADLINE).stdout
        self.assertIn(path, busctl('tree', BUS_NAME))
        shown = busctl('introspect', BUS_NAME, path)
        for name in PROPERTIES:
            self.assertRegex(shown, rf'\.{name} +property')
        self.assertIn('.ConnectTimeoutUSec', busctl('introspect', BUS_NAME, ROOT))


class TestSettings(SondeTest):
    def set_by_busctl(self, server, name, words):
        interface, signature, _ = PROPERTIES[name]
        command = ['busctl', '--address=' + self.bus.address, 'set-property', BUS_NAME, server.path,
                   interface, name, signature, *words.split(' ')]
        return subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=DEADLINE)

    def test_set_every_property(self):
        """Every writable property can be set through busctl and reads back as it was set."""
        self.assertEqual(set(VALID), set(SETTINGS))
        server = self.create()
        sock = self.connect(server)
        for name, (words, value) in VALID.items():
            with self.subTest(property=name):
                done = self.set_by_busctl(server, name, words)
                self.assertEqual((done.returncode, done.stderr), (0, ''))
                self.assertEqual(server.get(name), value)
        self.assertEqual(server.get_settings(), {name: value for name, (_, value) in VALID.items()})
        sock.sendall(b'served on')
        self.assertEqual(read_exactly(sock, 9), b'SERVED ON')
        server.update(Mode='echo', Congestion='', LineMax=10)
        self.assertEqual((server.get('Mode'), server.get('Congestion')), ('echo', ''))

    def test_out_of_range(self):
        """A value out of range is refused with key, value and allowed range; nothing changes."""
        server = self.create()
        before = server.get_settings()
        for table in TOO_LARGE, TOO_SMALL, BAD_WORDS:
            for name, value in table.items():
                with self.subTest(property=name, value=value):
                    message = self.fails('InvalidSetting', server.set, name, value)
                    self.assertIn(name, message)
                    shown = value[0] if isinstance(value, list) else str(value)
                    self.assertIn(shown, message)
                    self.assertIn('allowed', message)
                    self.fails('InvalidSetting', server.update, **{name: value})
                    self.fails('InvalidSetting', self.create, 'never', **{name: value})
                    self.assertEqual(server.get_settings(), before)

    def test_wrong_type(self):
        """A value of the wrong type is refused by every way in; nothing changes."""
        server = self.create()
        before = server.get_settings()
        for name, (interface, signature, _) in SETTINGS.items():
            wrong = GLib.Variant('d', 1.5) if signature != 's' else GLib.Variant('u', 1)
            with self.subTest(property=name):
                with self.assertRaises(GLib.Error) as caught:
                    server.set(name, wrong)
                text = caught.exception.message
                self.assertTrue('Error.InvalidSetting' in text or INVALID_ARGS in text, text)
                self.fails('InvalidSetting', server.call, 'Server.UpdateSettings',
                           '(a{sv}a{sv})', {name: wrong}, {})
        self.assertEqual(server.get_settings(), before)

    def test_read_only(self):
        """What is not a setting cannot be set."""
        server = self.create()
        for name, value in ('State', 'stopped'), ('Name', 'other'), ('NAccepted', 7):
            self.fails(INVALID_ARGS, server.set, name, value)
            self.assertNotEqual(server.get(name), value)
            self.fails('InvalidSetting', server.update, **{name: value})

    def test_unknown_key(self):
        """An unknown key, option or property is refused by its name; nothing changes."""
        server = self.create()
        before = server.get_settings()
        update = 'Server.UpdateSettings', '(a{sv}a{sv})'
        misspelt = {'NoDely': GLib.Variant('b', True)}
        message = self.fails('InvalidSetting', server.call, *update, misspelt, {})
        self.assertIn('NoDely', message)
        for options in {'aply': GLib.Variant('s', 'all')}, {'apply': GLib.Variant('s', 'some')}, \
                {'apply': GLib.Variant('u', 1)}:
            self.fails('InvalidSetting', server.call, *update, settings(NoDelay=True), options)
        self.fails('InvalidSetting', self.daemon.manager, 'CreateServer', '(sa{sv})', 'never',
                   {'Nonsense': GLib.Variant('u', 1)})
        self.assertEqual(server.get_settings(), before)

    def test_all_or_nothing(self):
        """UpdateSettings with one bad value changes nothing, with good ones everything."""
        server = self.create()
        sock = self.connect(server)
        before = server.get_settings()
        for bad in {'KeepAliveProbes': 128}, {'Mode': 'lower'}, {'Workers': 2, 'ReusePort': False}:
            self.fails('InvalidSetting', server.update, NoDelay=True, Backlog=7, **bad)
            self.assertEqual(server.get_settings(), before)
            self.assertEqual(server.report('listener')['Backlog'][3], 'kernel-default')
            self.assertIs(server.report('connection')['NoDelay'][1], False)
        server.update(NoDelay=True, Backlog=7, Mode='upper')
        good = {'NoDelay': True, 'Backlog': 7, 'Mode': 'upper'}
        self.assertEqual(server.get_settings(), {**before, **good})
        self.assertIs(server.report('connection')['NoDelay'][1], True)
        sock.sendall(b'x')
        self.assertEqual(read_exactly(sock, 1), b'X')


class TestSignals(SondeTest):
    def subscribe(self, interface, member, path):
        """Collect the parameters of signals, on the context of this thread."""
        seen = []
        number = self.daemon.connection.signal_subscribe(
            BUS_NAME, interface, member, path, None, Gio.DBusSignalFlags.NONE,
            lambda *arguments: seen.append(arguments[5].unpack()))
        self.addCleanup(self.daemon.connection.signal_unsubscribe, number)
        return seen

    def wait_for_signal(self, check, what):
        return wait_until(lambda: dispatch() and check(), what)

    def test_settings_and_state(self):
        """Changes of settings and state are signalled, those of counters are not."""
        server = self.create()
        changes = self.subscribe(PROPERTIES_INTERFACE, 'PropertiesChanged', server.path)

        def changed(name, value):
            return lambda: any(row[1].get(name) == value for row in changes)
        server.set('NoDelay', True)
        self.wait_for_signal(changed('NoDelay', True), 'NoDelay')
        server.set('Mode', 'upper')
        self.wait_for_signal(changed('Mode', 'upper'), 'Mode')
        server.set('Workers', 2)
        self.wait_for_signal(lambda: any('Workers' in row[1].get('PendingRelisten', ())
                                         for row in changes), 'PendingRelisten')
        self.ask(server, b'count me')
        server.wait_for(NClosed=1)
        server.call('Server.Stop')
        self.wait_for_signal(changed('State', 'stopped'), 'State')
        self.wait_for_signal(changed('BoundAddresses', []), 'BoundAddresses')
        signalled = {name for _, values, invalidated in changes for name in (*values, *invalidated)}
        counters = {name for name, row in PROPERTIES.items() if row[0].endswith('Statistics')}
        self.assertEqual(signalled & counters, set())
        # Two workers imply ReusePort.
        self.assertLessEqual(signalled, {'NoDelay', 'Mode', 'Workers', 'ReusePort', 'State',
                                         'BoundAddresses', 'PendingRelisten'})

    def test_interfaces_added(self):
        """A new object is announced with its final properties, a removed one as gone."""
        manager = 'org.freedesktop.DBus.ObjectManager'
        added = self.subscribe(manager, 'InterfacesAdded', ROOT)
        removed = self.subscribe(manager, 'InterfacesRemoved', ROOT)
        server = self.create(Preset='asyncio', ListenAddresses=['127.0.0.1:0'])
        [(path, interfaces)] = self.wait_for_signal(lambda: added, 'InterfacesAdded')
        self.assertEqual(path, server.path)
        names = [f'{BUS_NAME}.{name}' for name in ('Server', 'SocketOptions', 'Statistics')]
        self.assertEqual(sorted(interfaces), names)
        for name in names:
            self.assertEqual(interfaces[name], self.daemon.get_all(path, name.rpartition('.')[2]))
        self.assertEqual(interfaces[names[0]]['State'], 'listening')
        self.assertGreater(interfaces[names[0]]['BoundAddresses'][0][1], 0)
        self.assertEqual(self.daemon.call(ROOT, manager + '.GetManagedObjects'), {path: interfaces})
        self.daemon.manager('RemoveServer', '(s)', 'test_interfaces_added')
        [(path, gone)] = self.wait_for_signal(lambda: removed, 'InterfacesRemoved')
        self.assertEqual((path, sorted(gone)), (server.path, names))
