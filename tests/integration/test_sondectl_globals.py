# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What every verb of sondectl has: the bus, the form of the output, what it says to people."""

import os
import pathlib
import shlex
import stat
import subprocess
import tempfile

from gi.repository import Gio, GLib
from sonde_daemon import DEADLINE
from sonde_sondectl import Listener, SondectlTest
from sonde_terminal import PROMPT, Terminal

ESCAPE = '\x1b['
SSH = '''#!/bin/sh
# Stands for ssh: writes down how it was called, and stays on this machine.
printf '%s\\n' "$*" >>"$SSH_LOG"
while [ "$1" != -- ]; do shift; done
shift 2
exec "$@" "--bus-path=$BUS"
'''


class TestBus(SondectlTest):
    def run_with(self, *words, status=0, **variables):
        """Run sondectl with these variables; return its standard output and error."""
        environment = {**os.environ, **variables}
        done = subprocess.run([os.environ['SONDECTL'], *words], env=environment, text=True,
                              capture_output=True, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout, done.stderr

    def test_buses(self):
        """--session and --system choose the bus; only one of them, or an address, makes sense."""
        self.create('here')
        nowhere = 'unix:path=/nonexistent'
        session = {'DBUS_SESSION_BUS_ADDRESS': self.bus.address, 'DBUS_SYSTEM_BUS_ADDRESS': nowhere}
        system = {'DBUS_SESSION_BUS_ADDRESS': nowhere, 'DBUS_SYSTEM_BUS_ADDRESS': self.bus.address}
        self.assertIn('here', self.run_with('list', '--session', **session)[0])
        self.assertIn('here', self.run_with('list', '--user', **session)[0])
        self.assertIn('here', self.run_with('list', **session)[0])
        self.assertIn('here', self.run_with('list', '--system', **system)[0])
        self.assertIn('system bus', self.run_with('list', '--system', status=5, **session)[1])
        for words in (('--system', '--session'), ('--system', '--user'),
                      ('--system', '--address=x'), ('--host=x', '--address=y'),
                      ('--host=-oProxyCommand=x',)):
            message = self.run_with('list', *words, status=2)[1]
            self.assertEqual(len(message.splitlines()), 1, message)

    def test_one_call(self):
        """status and list ask the daemon once: that is what their start-up time hangs on."""
        bus = self.start_bus()
        for verb in 'status', 'list':
            listener = Listener(bus)
            self.sondectl(verb, status=1, address=bus.address)
            self.assertEqual([message.get_member() for message in listener.messages], ['Describe'])
            listener.stop()

    def test_user_interaction(self):
        """What polkit decides about may ask the user for a password, unless that is forbidden."""
        bus = self.start_bus()
        listener = Listener(bus, GetServer=GLib.Variant('(o)', ('/x',)))
        self.addCleanup(listener.stop)
        interactive = Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        for verb in (('create', 'x'), ('set', 'x', 'Backlog=7'), ('stop', 'x'), ('remove', 'x'),
                     ('connections', 'x'), ('tcpinfo', 'x', '1'), ('close', 'x', '1'),
                     ('log-level', 'info')):
            allowed = []
            for words in verb, (*verb, '--no-user-interaction'):
                self.sondectl(*words, status=1, address=bus.address)
                allowed.append(bool(listener.messages[-1].get_flags() & interactive))
            self.assertEqual(allowed, [True, False], verb)

    def test_host(self):
        """--host goes through ssh and the bridge of systemd, to the system bus or the user's."""
        self.create('remote')
        with tempfile.TemporaryDirectory(prefix='sonde-ssh-') as directory:
            ssh = pathlib.Path(directory, 'ssh')
            ssh.write_text(SSH, 'ascii')
            ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
            variables = {'PATH': f'{directory}:{os.environ["PATH"]}',
                         'SSH_LOG': f'{directory}/log', 'BUS': self.bus.address,
                         'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent',
                         'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nonexistent'}
            for words in ('-H', 'user@there'), ('--host=there', '--no-user-interaction'):
                self.assertIn('remote', self.run_with('list', *words, **variables)[0])
            self.run_with('set', 'remote', 'Backlog=9', '--host=there', '--session', **variables)
            self.assertEqual(self.daemon.get_server('remote').get('Backlog'), 9)
            calls = pathlib.Path(directory, 'log').read_text('ascii').splitlines()
            self.assertEqual(calls, ['-xT -- user@there systemd-stdio-bridge',
                                     '-xT -o BatchMode=yes -- there systemd-stdio-bridge',
                                     '-xT -- there systemd-stdio-bridge --user'])
            ssh.write_text('#!/bin/sh\nexit 255\n', 'ascii')
            message = self.run_with('list', '--host=there', status=5, **variables)[1]
            self.assertRegex(message, r'^sondectl: list: no daemon answers on there \(.+\); ')
            self.assertEqual(len(message.splitlines()), 1)


class TestOutput(SondectlTest):
    def open_terminal(self, **variables):
        terminal = Terminal(**variables)
        self.addCleanup(terminal.stop)
        return terminal

    def words(self, *words):
        return os.environ['SONDECTL'], '--address=' + self.bus.address, *words

    def show(self, terminal, *words):
        """Run sondectl in a terminal; return the screen without and with escape sequences."""
        self.n_shown = getattr(self, 'n_shown', 0) + 1
        # What is typed must not look like what is waited for.
        terminal.type(f'clear; {shlex.join(self.words(*words))}; echo "shown" {self.n_shown}')
        terminal.wait_for(f'^shown {self.n_shown}$')
        return terminal.screen(), terminal.screen('-e')

    def test_json_forms(self):
        """--json=off is as if it were not there; another form is refused."""
        self.create('formed')
        self.assertEqual(self.sondectl('list', '--json=off'), self.sondectl('list'))
        self.assertIn('--json', self.fails_in_one_line(2, 'list', '--json=xml'))

    def test_colour(self):
        """There is colour on a terminal, and never with NO_COLOR, on a dumb one or in a pipe."""
        self.create('shown')
        self.assertNotIn(ESCAPE, self.sondectl('status'))
        terminal = self.open_terminal()
        self.assertIn(ESCAPE + '32mlistening', self.show(terminal, 'status', '--no-pager')[1])
        coloured = self.show(terminal, 'status', '--no-pager', '--json=short')[1]
        self.assertNotIn(ESCAPE + '32m', coloured)
        terminal.type('export NO_COLOR=1')
        self.assertNotIn(ESCAPE, self.show(terminal, 'status', '--no-pager')[1])
        terminal.type('unset NO_COLOR; export TERM=dumb')
        self.assertNotIn(ESCAPE, self.show(terminal, 'status', '--no-pager')[1])

    def test_pager(self):
        """Output goes through a pager on a terminal; not in a pipe, nor with --no-pager."""
        self.create('paged')
        pager = r"sed 's/^/| /'"
        terminal = self.open_terminal(SONDE_PAGER=pager, PAGER='false')
        self.assertRegex(self.show(terminal, 'list')[0], r'(?m)^\| .*paged')
        self.assertNotRegex(self.show(terminal, 'list', '--no-pager')[0], r'(?m)^\| ')
        done = subprocess.run(self.words('list'), env={**os.environ, 'SONDE_PAGER': pager},
                              capture_output=True, text=True, timeout=DEADLINE, check=True)
        self.assertNotIn('| ', done.stdout)
        terminal.type("export SONDE_PAGER=''")
        self.assertNotRegex(self.show(terminal, 'list')[0], r'(?m)^\| ')

    def run_in_shell(self, redirection):
        """Run sondectl list with its streams redirected; return exit status and messages."""
        command = ('bash', '-c', f'"$@" {redirection}', 'bash', *self.words('list'))
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE,
                              check=False)
        return done.returncode, done.stderr, done.stdout

    def test_output_is_lost(self):
        """Output that cannot be written is a failure, unless who reads it wants no more."""
        self.create('written')
        message = 'sondectl: not all of the output could be written\n'
        for redirection in '>/dev/full', '>&-', '--json=short >/dev/full':
            self.assertEqual(self.run_in_shell(redirection), (1, message, ''), redirection)
        self.assertEqual(self.run_in_shell('| true; exit ${PIPESTATUS[0]}'), (0, '', ''))

    def test_closed_streams(self):
        """No connection takes the number of a standard stream that was closed."""
        self.create('shown')
        for redirection in '<&-', '2>&-', '<&- 2>&-':
            status, _, shown = self.run_in_shell(redirection)
            self.assertEqual(status, 0, redirection)
            self.assertIn('shown', shown)

    def test_less(self):
        """The pager is less by default, which ends by itself when all fits on the screen."""
        self.create('paged')
        terminal = self.open_terminal()
        terminal.type(*self.words('list'))
        terminal.wait_for(r'(?s)paged.*' + PROMPT)
        terminal.type(*self.words('help'))
        terminal.wait_for(r'^(:|lines .*|.*END.*)$')
        terminal.keys('q')
        terminal.wait_for(PROMPT)


class TestErrors(SondectlTest):
    def test_advice(self):
        """An error tells in one line what failed, why, and what can be done about it."""
        self.create('known')
        rows = (((3, 'options', 'knwon'), "did you mean 'known'?"),
                ((3, 'options', 'else'), "'sondectl list'"),
                ((2, 'set', 'known', 'Bakclog=7'), 'did you mean Backlog?'),
                ((2, 'list', 'x'), "see 'sondectl list --help'"),
                ((2, 'stauts'), "did you mean 'status'?"),
                ((2, 'quux'), "'sondectl help'"),
                ((2, 'quux\033[31m'), 'quux?[31m'))
        for (status, *words), advice in rows:
            with self.subTest(words=words):
                self.assertIn(advice, self.fails_in_one_line(status, *words))
        message = self.fails_in_one_line(5, 'list', address='unix:path=/nonexistent')
        self.assertIn('start sonded', message)

    def test_foreign_bytes(self):
        """Arguments that are not UTF-8 are refused, whatever the verb."""
        for words in ((b'\xff',), (b'options', b'\xff'), (b'set', b'x', b'Backlog=\xff'),
                      (b'list', b'--json=\xff'), (b'list', b'--address=\xff')):
            with self.subTest(words=words):
                command = [os.environb[b'SONDECTL'], *words]
                done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
                self.assertEqual((done.returncode, done.stdout), (2, b''), done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_double_dash(self):
        """What follows -- is an argument, even if it looks like an option."""
        self.create('--json')
        self.assertIn('Backlog', self.sondectl('options', '--', '--json'))
        self.fails_in_one_line(2, 'options', '--', '--json', '--json')
