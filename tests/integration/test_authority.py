# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Every member of the contract is open, or guarded by the action that it should be."""

from gi.repository import GLib
from sonde_daemon import (BUS_NAME, DEADLINE, PROPERTIES_INTERFACE, ROOT, error_name,
                          read_interfaces, settings)
from sonde_polkit import GRANT, SystemBusTest

NOT_AUTHORIZED = BUS_NAME + '.Error.NotAuthorized'
LOG_CONTROL = 'org.freedesktop.LogControl1'
ON_ROOT = {BUS_NAME + '.Manager', BUS_NAME + '.KernelLimits'}
ON_SERVER = {BUS_NAME + '.Server', BUS_NAME + '.SocketOptions', BUS_NAME + '.Statistics'}

# What anyone may do. All else takes an action, and a member that is new takes
# one until it is written down here.
OPEN = {
    BUS_NAME + '.Manager.GetServer',
    BUS_NAME + '.Manager.Describe',
    BUS_NAME + '.KernelLimits.ComputeConnectTimeout',
    BUS_NAME + '.KernelLimits.GetAll',
    BUS_NAME + '.KernelLimits.GetDeltas',
    BUS_NAME + '.Server.WaitFor',
    BUS_NAME + '.SocketOptions.GetOptionReport',
    BUS_NAME + '.Statistics.GetSnapshot',
}
ACTIONS = {
    BUS_NAME + '.Manager.RunProbe': 'probe',
    BUS_NAME + '.Server.ListConnections': 'inspect-connections',
    BUS_NAME + '.Server.GetConnection': 'inspect-connections',
}
ANY = {'s': '', 'as': [], 'b': True, 'd': 0.0, 'a{sv}': {}}


def make_value(signature):
    """Make some value of a type."""
    return GLib.Variant(signature, ANY.get(signature, 0))


def read_members(server):
    """List every method and every writable property: path, name, arguments if a method."""
    for name, interface in read_interfaces().items():
        if name == LOG_CONTROL:
            path = '/org/freedesktop/LogControl1'
        else:
            path = ROOT if name in ON_ROOT else server
        # An interface that is new must be placed first.
        assert name in ON_ROOT | ON_SERVER | {LOG_CONTROL}, name
        for method in interface.iter('method'):
            types = [arg.get('type') for arg in method.iter('arg') if arg.get('direction') == 'in']
            yield path, f'{name}.{method.get("name")}', [make_value(kind) for kind in types]
        for prop in interface.iter('property'):
            if 'write' in prop.get('access'):
                value = make_value(prop.get('type'))
                arguments = [GLib.Variant('s', name), GLib.Variant('s', prop.get('name')),
                             GLib.Variant('v', value)]
                yield path, f'{name}.{prop.get("name")}', arguments


class TestWalk(SystemBusTest):
    def attempt(self, caller, path, member, arguments):
        """Call, and return the name and the text of the error, if there is one."""
        method = member
        if len(arguments) == 3 and arguments[2].get_type_string() == 'v':
            method = PROPERTIES_INTERFACE + '.Set'
        interface, _, name = method.rpartition('.')
        try:
            caller.connection.call_sync(BUS_NAME, path, interface, name,
                                        GLib.Variant.new_tuple(*arguments), None, 0,
                                        DEADLINE * 1000, None)
        except GLib.Error as error:
            return error_name(error), error.message
        return None, ''

    def get_state(self):
        """Read all that there is on the bus, but for counters of the whole machine."""
        return self.daemon.call(ROOT, 'org.freedesktop.DBus.ObjectManager.GetManagedObjects')

    def test_nobody(self):
        """Of all members, nobody may call the open ones and no others, and changes nothing."""
        server = self.create()
        client = self.connect(server)
        server.wait_for(NConnections=1)
        before = self.get_state()
        members = list(read_members(server.path))
        self.assertGreater(len(members), 40)
        for path, member, arguments in members:
            with self.subTest(member):
                name, text = self.attempt(self.nobody, path, member, arguments)
                if member in OPEN:
                    self.assertNotIn('NotAuthorized', name or '', text)
                    continue
                self.assertEqual(name, NOT_AUTHORIZED, text)
                self.assertIn('org.sonde.sonde1.' + ACTIONS.get(member, 'manage-servers'), text)
                self.assertEqual(self.get_state(), before)
        client.sendall(b'still here')
        self.assertEqual(client.recv(100), b'still here')
        self.assertEqual({m for _, m, _ in members} & OPEN, OPEN)

    def test_root(self):
        """root is authorised for every member, whatever comes of the call."""
        server = self.create()
        for path, member, arguments in read_members(server.path):
            with self.subTest(member):
                name, text = self.attempt(self.daemon, path, member, arguments)
                self.assertNotIn(name, (NOT_AUTHORIZED, 'org.freedesktop.DBus.Error.AccessDenied'),
                                 text)

    def test_reads(self):
        """Everyone reads all properties."""
        server = self.seen_by_nobody(self.create(Backlog=7))
        self.assertEqual(server.get('Backlog'), 7)
        self.assertEqual(server.get_settings(), server.get_settings())
        tree = self.nobody.call(ROOT, 'org.freedesktop.DBus.ObjectManager.GetManagedObjects')
        self.assertIn(server.path, tree)


class TestManager(SystemBusTest):
    rules = GRANT % 'action.id == "org.sonde.sonde1.manage-servers"'

    def create_as_nobody(self, name, **values):
        self.addCleanup(self.remove, name)
        return self.nobody.manager('CreateServer', '(sa{sv})', name, settings(**values))

    def test_local(self):
        """Who may manage servers makes one on the loopback, changes it and removes it."""
        self.create_as_nobody('local', Preset='asyncio', ListenAddresses=['127.0.0.1:0'])
        server = self.nobody.get_server('local')
        server.set('NoDelay', False)
        server.set('ListenAddresses', ['[::1]:0'])
        server.update(Backlog=9, ListenAddresses=['localhost:0'])
        server.call('Server.Relisten')
        self.assertEqual(server.get('Backlog'), 9)
        self.nobody.manager('RemoveServer', '(s)', 'local')

    def test_external(self):
        """To listen for the network or on a privileged port is another right, however asked for."""
        local = self.create(ListenAddresses=['127.0.0.1:0'])
        server = self.seen_by_nobody(local)
        before = local.get_settings()
        for address in ':0', '0.0.0.0:0', '[::]:0', 'example.test:0', '127.0.0.1:80':
            for addresses in [address], ['127.0.0.1:0', address]:
                self.denied('bind-external', self.create_as_nobody, 'x', ListenAddresses=addresses)
                self.denied('bind-external', self.create_as_nobody, 'x', Preset='asyncio',
                            ListenAddresses=addresses)
                self.denied('bind-external', server.set, 'ListenAddresses', addresses)
                self.denied('bind-external', server.update, ListenAddresses=addresses)
                # With this in it the call would fail, if it were carried out.
                self.denied('bind-external', server.update, ListenAddresses=addresses,
                            Workers=2, ReusePort=False)
        self.assertEqual(local.get_settings(), before)
        self.fails('NoSuchServer', self.daemon.get_server, 'x')

    def test_twice(self):
        """A key that comes twice is refused: no value hides behind the other one."""
        local, outside = (GLib.Variant('v', settings(ListenAddresses=[a])['ListenAddresses'])
                          for a in ('127.0.0.1:0', '0.0.0.0:0'))
        for values in (local, outside), (outside, local):
            entries = [GLib.Variant.new_dict_entry(GLib.Variant('s', 'ListenAddresses'), value)
                       for value in values]
            arguments = GLib.Variant.new_tuple(GLib.Variant('s', 'twice'),
                                               GLib.Variant.new_array(None, entries))
            call = (BUS_NAME, ROOT, BUS_NAME + '.Manager', 'CreateServer', arguments, None, 0,
                    DEADLINE * 1000, None)
            self.fails('InvalidSetting', self.nobody.connection.call_sync, *call)
            self.fails('NoSuchServer', self.daemon.get_server, 'twice')

    def test_start_again(self):
        """What an administrator let listen for the network may be started and tuned."""
        server = self.seen_by_nobody(self.create(ListenAddresses=['0.0.0.0:0']))
        server.call('Server.Stop')
        server.call('Server.Start')
        server.update(NoDelay=True)
        self.assertEqual(server.get('State'), 'listening')

    def test_peers(self):
        """Who may manage servers does not thereby see who is connected, nor probe."""
        server = self.seen_by_nobody(self.create())
        self.denied('inspect-connections', server.connections)
        self.denied('inspect-connections', server.call, 'Server.GetConnection', '(t)', 1)
        self.denied('probe', self.nobody.manager, 'RunProbe', '(sqa{sv})', '127.0.0.1', 9, {})


class TestBinder(SystemBusTest):
    rules = GRANT % 'action.id == "org.sonde.sonde1.bind-external"'

    def test_implies(self):
        """Who may let servers listen for the network may manage them as well."""
        for address in '0.0.0.0:0', '127.0.0.1:0':
            self.addCleanup(self.remove, address)
            self.nobody.manager('CreateServer', '(sa{sv})', address,
                                settings(ListenAddresses=[address]))
            self.nobody.get_server(address).call('Server.Stop')


class TestDetails(SystemBusTest):
    rules = GRANT % ('action.lookup("server") == "mine" && '
                     '["CreateServer", "NoDelay"].indexOf(action.lookup("member")) >= 0')

    def test_details(self):
        """A rule can tell servers and members apart."""
        mine = self.create('mine', NoDelay=False)
        other = self.seen_by_nobody(self.create('other'))
        server = self.seen_by_nobody(mine)
        server.set('NoDelay', True)
        self.assertEqual(mine.get('NoDelay'), True)
        self.denied('manage-servers', server.set, 'QuickAck', True)
        self.denied('manage-servers', server.call, 'Server.Stop')
        self.denied('manage-servers', other.set, 'NoDelay', True)
        self.fails('NameInUse', self.nobody.manager, 'CreateServer', '(sa{sv})', 'mine', {})
        self.denied('manage-servers', self.nobody.manager, 'CreateServer', '(sa{sv})', 'm', {})
        odd = 'mine\n' + 'x' * 100000
        self.denied('manage-servers', self.nobody.manager, 'CreateServer', '(sa{sv})', odd, {})
