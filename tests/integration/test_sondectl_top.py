# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""sondectl top in a real terminal: what it shows, and that the terminal is itself again."""

import json
import os
import re
import signal
import subprocess
import unicodedata

from sonde_daemon import DEADLINE, wait_until
from sonde_harness import read_exactly
from sonde_sondectl import SondectlTest
from sonde_terminal import PROMPT, Terminal

KEYS = r'^q quit  s sort \(name\)  arrows scroll'
BLOCKS = '▁▂▃▄▅▆▇█'


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in line)


class TopTest(SondectlTest):
    def open_terminal(self, **options):
        self.terminal = Terminal(**options)
        self.addCleanup(self.terminal.stop)

    def start(self, *words, address=None, before=''):
        """Start it in the terminal that there is, or in a new one, and wait for its screen."""
        if not hasattr(self, 'terminal'):
            self.open_terminal()
        command = [os.environ['SONDECTL'], f'--address={address or self.bus.address}', 'top',
                   '--interval=100ms', *words]
        # In one line: what is typed while the shell is busy stands where it leaves the cursor.
        self.terminal.type('clear; ' + before + ' '.join(command) + '; echo "status: $?"')
        self.terminal.wait_for(KEYS)

    def pid(self):
        """Find the process: the only child of the shell in the terminal."""
        shell = self.terminal.get('pane_pid')
        done = subprocess.run(['ps', '-o', 'pid=', '--ppid', shell], stdout=subprocess.PIPE,
                              timeout=DEADLINE, check=True, text=True)
        return int(done.stdout)

    def row(self, name):
        """Read the row of a server: state, connections, new, in, out, queue, refused, history."""
        match = self.terminal.wait_for(rf'^{name} .*$')
        return match[0].split(None, 8)[1:]

    def check_screen(self, columns, lines):
        """Check that the screen is filled from its first line to its last, and not beyond."""
        def is_drawn():
            shown = self.terminal.lines()
            return (len(shown) == lines and re.match(KEYS, shown[-1])
                    and shown[0].startswith('sondectl top - '))
        wait_until(is_drawn, f'a screen of {columns}x{lines}, but not:\n{self.terminal.screen()}')
        for line in self.terminal.lines():
            self.assertLessEqual(width(line), columns)

    def check_restored(self, before):
        """Check that the terminal is as it was: screen, cursor and modes."""
        self.terminal.wait_for(PROMPT)
        self.assertEqual(self.terminal.get('alternate_on'), '0')
        self.assertEqual(self.terminal.get('cursor_flag'), '1')
        self.assertNotRegex(self.terminal.screen(), KEYS)
        self.assertEqual(self.read_modes(), before)

    def read_modes(self):
        self.terminal.type('clear; stty -a > modes')
        self.terminal.wait_for(PROMPT)
        path = os.path.join(self.terminal.directory.name, 'modes')
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, path)
        with open(path, encoding='ascii') as modes:
            return re.sub(r'rows \d+; columns \d+;', '', modes.read())


class TestScreen(TopTest):
    def test_numbers(self):
        """Each server has a row with its state, connections, rates, queue and history."""
        server = self.create('busy', Backlog=7)
        self.create('idle').call('Server.Stop')
        sock = self.connect(server)
        self.start()
        self.check_screen(80, 24)
        self.terminal.wait_for(r'\Asondectl top - 2 servers, 1 connection, ')
        self.assertRegex(self.terminal.lines()[4], r'^SERVER +STATE +CONNS +NEW/S +IN/S +OUT/S')
        self.assertEqual(self.row('idle')[:2], ['stopped', '0'])

        def has_traffic():
            sock.sendall(b'x' * 10000)
            read_exactly(sock, 10000)
            state, connections, _, received, sent, queue, refused, *history = self.row('busy')
            self.assertEqual((state, connections, queue, refused), ('listening', '1', '0/7', '0'))
            return received != '0' and sent != '0' and set(''.join(history)) & set(BLOCKS)
        wait_until(has_traffic, 'traffic on the screen')
        self.assertTrue(set(self.terminal.lines()[1]) & set(BLOCKS))
        self.terminal.wait_for(r'^Connections .* max 1$')

    def test_changes(self):
        """Servers that come, go or change state do so on the screen."""
        self.start()
        self.terminal.wait_for(r'^sondectl top - 0 servers, 0 connections')
        server = self.create('new-one')
        self.assertEqual(self.row('new-one')[0], 'listening')
        server.call('Server.Stop')
        self.terminal.wait_for(r'^new-one +stopped ')
        self.remove('new-one')
        self.terminal.wait_for(r'^sondectl top - 0 servers')
        self.assertNotIn('new-one', self.terminal.screen())

    def test_resize(self):
        """It fills a screen of any size, also when that changes; a tiny one shows the top."""
        self.create('a')
        self.start()
        for columns, lines in (120, 40), (60, 10), (80, 24):
            self.terminal.resize(columns, lines)
            self.check_screen(columns, lines)
        self.terminal.resize(20, 3)
        wait_until(lambda: len(self.terminal.lines()) == 3, 'three lines')
        self.terminal.wait_for(r'^sondectl top - 1 se')
        self.terminal.resize(80, 24)
        self.check_screen(80, 24)

    def test_scroll_and_sort(self):
        """More servers than lines can be scrolled through, and sorted."""
        for number in range(40):
            self.create(f's{number:02}')
        sock = self.connect(self.daemon.get_server('s33'))
        self.start()
        self.terminal.wait_for(r' 1 to 18 of 40$')
        self.terminal.keys('PageDown')
        self.terminal.wait_for(r' 19 to 36 of 40$')
        self.terminal.keys('Down')
        self.terminal.wait_for(r' 20 to 37 of 40$')
        wait_until(lambda: self.row('s33')[1] == '1', 'the connection of s33')
        self.terminal.keys('PageDown', 'PageDown', 'Up')
        self.terminal.wait_for(r' 22 to 39 of 40$')
        self.terminal.keys('PageUp', 'PageUp', 's')
        self.terminal.wait_for(r'sort \(connections\).* 1 to 18 of 40$')
        wait_until(lambda: self.terminal.lines()[5].startswith('s33 '), 's33 is the first')
        sock.close()

    def test_colour(self):
        """Attributes are used on a terminal, and none with NO_COLOR."""
        self.create('stopped').call('Server.Stop')
        self.start()
        self.assertIn('\x1b[7m', self.terminal.screen('-e'))
        self.terminal.keys('q')
        self.terminal.wait_for(PROMPT)
        self.start(before='NO_COLOR=1 ')
        self.row('stopped')
        self.assertNotIn('\x1b[', self.terminal.screen('-e'))

    def test_ascii(self):
        """A terminal that does not know UTF-8 gets ASCII."""
        server = self.create('plain')
        sock = self.connect(server)
        self.start(before='LC_ALL=C ')

        def has_history():
            sock.sendall(b'x' * 1000)
            read_exactly(sock, 1000)
            return '@' in self.terminal.lines()[1]
        wait_until(has_history, 'a history')
        self.assertTrue(self.terminal.screen().isascii())


class TestEnd(TopTest):
    def test_quit(self):
        """q and Ctrl-C end it with status 0; what was on the screen before is there again."""
        self.open_terminal()
        before = self.read_modes()
        for key in 'q', 'C-c':
            self.start()
            self.assertEqual(self.terminal.get('alternate_on'), '1')
            self.terminal.keys(key)
            self.terminal.wait_for(r'^status: 0$')
            self.check_restored(before)

    def test_signals(self):
        """SIGTERM, SIGHUP and SIGINT leave the terminal as it was; the first two are to be seen."""
        self.open_terminal()
        before = self.read_modes()
        for number, status in (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0):
            self.start()
            os.kill(self.pid(), number)
            self.terminal.wait_for(rf'^status: {status}$')
            self.check_restored(before)

    def test_suspend(self):
        """Ctrl-Z gives the terminal to the shell, fg brings the screen back."""
        self.open_terminal()
        before = self.read_modes()
        self.start()
        self.terminal.keys('C-z')
        self.check_restored(before)
        self.terminal.type('fg')
        self.terminal.wait_for(KEYS)
        self.assertEqual(self.terminal.get('alternate_on'), '1')
        self.terminal.keys('q')
        self.check_restored(before)

    def test_daemon_gone(self):
        """When the daemon or the bus goes it says so, with status 5, on the screen from before."""
        self.open_terminal()
        before = self.read_modes()
        for victim in 'daemon', 'bus':
            bus = self.start_bus()
            daemon = self.start_daemon(bus=bus)
            self.start(address=bus.address)
            if victim == 'daemon':
                daemon.stop()
            else:
                bus.kill()
            self.terminal.wait_for(r'^sondectl: top: the daemon is gone;')
            self.terminal.wait_for(r'^status: 5$')
            self.check_restored(before)


class TestWithoutTerminal(TopTest):
    def test_no_terminal(self):
        """Without a terminal it says what it needs, and what to do."""
        self.assertIn('--json', self.fails_in_one_line(1, 'top'))
        self.fails_in_one_line(2, 'top', '--interval=1ms')
        self.fails_in_one_line(2, 'top', '--iterations=-1')

    def test_json(self):
        """--json prints one reading of all servers, with rates; --iterations more of them."""
        for number in range(30):
            self.create(f'j{number}')
        self.connect(self.daemon.get_server('j7'))
        shown = self.read_json('top', '--interval=100ms')
        self.assertEqual(shown['NConnections'], 1)
        rows = {row['Name']: row for row in shown['Servers']}
        self.assertEqual(len(rows), 30)
        self.assertEqual((rows['j7']['NConnections'], rows['j6']['NConnections']), (1, 0))
        self.assertEqual(rows['j7']['State'], 'listening')
        for key in 'AcceptedPerSecond', 'BytesReceivedPerSecond', 'BytesSentPerSecond':
            self.assertEqual(rows['j7'][key], 0)
        lines = self.sondectl('top', '--json=short', '--interval=100ms', '-n', '3').splitlines()
        self.assertEqual([len(json.loads(line)['Servers']) for line in lines], [30] * 3)
