# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Asking polkit when it is slow, away or hung, and when callers or the bus go meanwhile."""

import os
import pathlib
import subprocess

from gi.repository import Gio, GLib
from sonde_daemon import BUS_NAME, DEADLINE, error_name, settings, wait_until
from sonde_polkit import GRANT, NOBODY, SystemBusTest

MANAGE = GRANT % 'action.id == "org.sonde.sonde1.manage-servers"'
AGENT_PATH = '/org/sonde/Test/Agent'
AGENT = '''<node><interface name="org.freedesktop.PolicyKit1.AuthenticationAgent">
<method name="BeginAuthentication">
  <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
  <arg type="a{ss}" direction="in"/><arg type="s" direction="in"/>
  <arg type="a(sa{sv})" direction="in"/>
</method>
<method name="CancelAuthentication"><arg type="s" direction="in"/></method>
</interface></node>'''


class Pending:
    """A call whose answer comes later."""

    def __init__(self, caller, path, interface, member, arguments, timeout=DEADLINE):
        self.error = self.reply = None
        caller.connection.call(BUS_NAME, path, f'{BUS_NAME}.{interface}', member, arguments, None,
                               0, timeout * 1000, None, self.finish)

    def finish(self, connection, result):
        try:
            self.reply = connection.call_finish(result)
        except GLib.Error as error:
            self.error = error

    def is_done(self):
        GLib.MainContext.default().iteration(False)
        return self.reply is not None or self.error is not None

    def wait(self):
        """Return the name of the error, or None."""
        wait_until(self.is_done, 'the call is answered')
        return None if self.error is None else error_name(self.error)


class Agent:
    """Asks nobody: dismisses every dialog, and remembers what it was to show."""

    def __init__(self, connection, pid):
        self.seen = []
        self.connection = connection
        [interface] = Gio.DBusNodeInfo.new_for_xml(AGENT).interfaces
        connection.register_object(AGENT_PATH, interface, self.called, None, None)
        stat = pathlib.Path(f'/proc/{pid}/stat').read_text('ascii')
        start = int(stat.rpartition(')')[2].split()[19])
        uid = os.stat(f'/proc/{pid}').st_uid
        subject = ('unix-process', {'pid': GLib.Variant('u', pid), 'uid': GLib.Variant('i', uid),
                                    'start-time': GLib.Variant('t', start)})
        connection.call_sync(
            'org.freedesktop.PolicyKit1', '/org/freedesktop/PolicyKit1/Authority',
            'org.freedesktop.PolicyKit1.Authority', 'RegisterAuthenticationAgent',
            GLib.Variant('((sa{sv})ss)', (subject, 'C', AGENT_PATH)), None, 0, -1, None)

    def called(self, connection, sender, path, interface, method, parameters, invocation):
        if method == 'BeginAuthentication':
            self.seen.append(parameters.unpack()[:4])
            invocation.return_dbus_error('org.freedesktop.PolicyKit1.Error.Cancelled', 'dismissed')
        else:
            invocation.return_value(None)


class TestInteraction(SystemBusTest):
    def start_busctl(self, server, allow):
        """Start busctl as nobody, held until release() lets it go."""
        command = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', 'sh',
                   '-c', 'read go && exec "$@"', 'sh', 'busctl', '--address=' + self.bus.address,
                   f'--allow-interactive-authorization={allow}', 'call', BUS_NAME, server.path,
                   BUS_NAME + '.Server', 'Stop']
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        # setpriv changes the user before it starts the shell.
        wait_until(lambda: os.stat(f'/proc/{child.pid}').st_uid == NOBODY and
                   os.readlink(f'/proc/{child.pid}/exe').endswith('sh'), 'it is nobody')
        return child

    def ask(self, server, allow):
        child = self.start_busctl(server, allow)
        agent = Agent(self.bus.connect(), child.pid)
        child.stdin.write('go\n')
        child.stdin.close()

        def is_over():
            GLib.MainContext.default().iteration(False)
            return child.poll() is not None
        wait_until(is_over, 'busctl ends')
        self.assertNotEqual(child.returncode, 0)
        return agent.seen, child.stdout.read()

    def test_interaction(self):
        """polkit asks somebody exactly if the call allows it, and shows what is at stake."""
        server = self.create('precious')
        seen, output = self.ask(server, 'no')
        self.assertEqual(seen, [])
        self.assertIn('the call does not allow to ask', output)
        seen, output = self.ask(server, 'yes')
        [(action, message, _, _)] = seen
        self.assertEqual(action, 'org.sonde.sonde1.manage-servers')
        self.assertEqual(message, 'Authentication is required to change the TCP server precious')
        self.assertIn('polkit does not grant it', output)
        self.assertEqual(server.get('State'), 'listening')


class TestHungPolkit(SystemBusTest):
    rules = MANAGE

    def test_order(self):
        """The changes of one caller are carried out in their order, when polkit has decided."""
        server = self.create(Backlog=1)
        values = [settings(Backlog=n)['Backlog'] for n in (5, 3, 9, 2, 7)]
        with self.bus.polkit_stopped():
            calls = [Pending(self.nobody, server.path, 'Server', 'UpdateSettings',
                             GLib.Variant('(a{sv}a{sv})', ({'Backlog': value}, {})))
                     for value in values]
            self.assertEqual(self.seen_by_nobody(server).get('Backlog'), 1)
        self.assertEqual([call.wait() for call in calls], [None] * len(calls))
        self.assertEqual(server.get('Backlog'), 7)

    def test_removed(self):
        """What was removed while polkit thought is not brought back to life."""
        server = self.create('short-lived')
        root = self.daemon.manager
        with self.bus.polkit_stopped():
            remove = Pending(self.nobody, '/org/sonde/Sonde1', 'Manager', 'RemoveServer',
                             GLib.Variant('(s)', ('short-lived',)))
            start = Pending(self.nobody, server.path, 'Server', 'Start', None)
            self.assertEqual(self.nobody.manager('GetServer', '(s)', 'short-lived'), server.path)
        self.assertIsNone(remove.wait())
        self.assertEqual(start.wait(), 'org.freedesktop.DBus.Error.UnknownObject')
        self.fails('NoSuchServer', root, 'GetServer', '(s)', 'short-lived')


class TestAbsentPolkit(SystemBusTest):
    rules = MANAGE

    def test_absent(self):
        """Without polkit every change is denied, root's too, and is allowed once it is back."""
        server = self.create()
        self.bus.polkit.kill()
        for caller in self.daemon, self.nobody:
            view = caller.get_server(server.get('Name'))
            message = self.denied('manage-servers', view.set, 'NoDelay', True)
            self.assertIn('polkit could not be asked', message)
            self.assertEqual(view.get('NoDelay'), False)
        self.assertEqual(self.ask(server, b'meanwhile'), b'meanwhile')
        self.check_log(self.daemon, 'polkit cannot be asked; denying what needs it')
        self.bus.start_polkit()
        self.seen_by_nobody(server).set('NoDelay', True)
        self.assertEqual(server.get('NoDelay'), True)


class TestBusRestart(SystemBusTest):
    rules = MANAGE

    def test_restart(self):
        """After the bus was killed and is back, polkit decides again, about those who are there."""
        server = self.create('kept')
        client = self.connect(server)
        self.bus.kill()
        self.bus.polkit.wait()
        client.sendall(b'no bus')
        self.assertEqual(client.recv(10), b'no bus')
        self.bus.start()
        self.bus.start_polkit()
        self.daemon.attach()
        stranger = self.daemon.seen_by(self.bus.connect_as(1))
        nobody = self.daemon.seen_by(self.bus.connect_as(NOBODY))
        self.denied('manage-servers', stranger.get_server('kept').set, 'NoDelay', True)
        nobody.get_server('kept').set('NoDelay', True)
        self.denied('inspect-connections', nobody.get_server('kept').connections)
        self.assertEqual(len(self.daemon.get_server('kept').connections()), 1)
        self.bus.set_rules('')
        self.denied('manage-servers', nobody.get_server('kept').set, 'NoDelay', False)
        self.daemon.get_server('kept').set('NoDelay', False)

    def test_name(self):
        """Who is neither root nor the daemon's user cannot take its name."""
        with self.assertRaises(GLib.Error) as caught:
            self.nobody.connection.call_sync(
                'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                'RequestName', GLib.Variant('(su)', (BUS_NAME, 3)), None, 0, -1, None)
        self.assertEqual(error_name(caught.exception), 'org.freedesktop.DBus.Error.AccessDenied')


class TestNoPolicy(SystemBusTest):
    def test_not_owner(self):
        """Where the actions are not installed, everything is denied, and the reason told."""
        [policy] = (self.bus.root / 'actions').iterdir()
        server = self.create()
        policy.unlink()
        self.bus.set_rules('')
        message = self.denied('manage-servers', server.call, 'Server.Stop')
        self.assertIn('org.sonde.sonde1.manage-servers', message)
        self.assertEqual(server.get('State'), 'listening')
