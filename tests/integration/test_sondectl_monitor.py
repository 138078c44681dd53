# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""sondectl monitor shows what happens, while it happens and whoever makes it happen."""

import json
import os
import re
import signal
import subprocess
import tempfile

from sonde_daemon import Process, wait_until
from sonde_sondectl import SondectlTest


class Monitor(Process):
    """Writes to a file, which can be read without waiting for more of it."""

    def __init__(self, bus, *words):
        self.output = tempfile.TemporaryFile()
        super().__init__([os.environ['SONDECTL'], '--address=' + bus.address, 'monitor', *words],
                         stdout=self.output.fileno())

    def text(self):
        # The child shares the offset, and would write where we have left it.
        number = self.output.fileno()
        return os.pread(number, os.fstat(number).st_size, 0).decode()

    def wait_for(self, pattern):
        return wait_until(lambda: re.search(pattern, self.text(), re.MULTILINE), pattern)

    def events(self):
        return [json.loads(line) for line in self.text().splitlines()]

    def wait_event(self, event, **values):
        """Wait for an event with these members, properties among them; return it."""
        def find():
            lines = self.text().rpartition('\n')[0].splitlines()
            rows = [json.loads(line) for line in lines]
            return next((row for row in rows if row['Event'] == event
                         and {**row.get('Properties', {}), **row}.items() >= values.items()), None)
        return wait_until(find, f'{event} {values}')

    def interrupt(self, number=signal.SIGINT):
        self.child.send_signal(number)
        return self.wait()

    def kill(self):
        super().kill()
        self.output.close()


class TestMonitor(SondectlTest):
    def start(self, *words, bus=None):
        monitor = Monitor(bus or self.bus, *words)
        self.addCleanup(monitor.kill)
        return monitor

    def test_changes(self):
        """Servers that come, change and go are shown, and counters that move."""
        monitor = self.start('--refresh=100ms')
        monitor.wait_for(r'  -  the daemon is there$')
        server = self.create('watched')
        monitor.wait_for(r'^[\d:.]+  watched  was added$')
        server.set('Backlog', 7)
        monitor.wait_for(r'  watched  Backlog=7$')
        self.ask(server, b'12345')
        monitor.wait_for(r'  watched  .*BytesReceived=5')
        server.call('Server.Stop')
        monitor.wait_for(r'  watched  .*State=stopped')
        self.daemon.manager('RemoveServer', '(s)', 'watched')
        monitor.wait_for(r'  watched  was removed$')
        self.assertEqual(monitor.interrupt(), 0)
        self.assertEqual(monitor.log(), '')
        self.assertNotIn('RefreshRateMs', monitor.text())

    def test_one_server(self):
        """With a name only that server is shown, as JSON line by line."""
        servers = [self.create(name) for name in ('one', 'other')]
        monitor = self.start('one', '--json=short', '--refresh=0')
        monitor.wait_event('appeared')
        for server in reversed(servers):
            server.set('Backlog', 7)
        self.ask(servers[0], b'12345')
        servers[0].set('NoDelay', True)
        monitor.wait_event('changed', Name='one', NoDelay=True)
        self.assertEqual(monitor.interrupt(signal.SIGTERM), 0)
        self.assertEqual([row.get('Name') for row in monitor.events()], [None, 'one', 'one'])
        self.assertNotIn('BytesReceived', monitor.text())
        self.assertGreater(monitor.events()[0]['TimeUSec'], 1500000000000000)

    def test_restart(self):
        """It survives the daemon, and asks the next one for counters again."""
        bus = self.start_bus()
        config = '[Server echo]\nListenAddresses=127.0.0.1:0\n'
        daemon = self.start_daemon(config, bus=bus)
        monitor = self.start('--json=short', '--refresh=100ms', bus=bus)
        monitor.wait_event('appeared')
        daemon.stop()
        monitor.wait_event('vanished')
        second = self.start_daemon(config, bus=bus)
        wait_until(lambda: [row['Event'] for row in monitor.events()].count('appeared') == 2,
                   'the daemon is back')
        server = second.get_server('echo')
        wait_until(lambda: server.get('RefreshRateMs') == 100, 'counters are asked for')
        self.ask(server, b'1234567')
        monitor.wait_event('changed', Name='echo', BytesReceived=7)
        second.stop()
        bus.kill()
        self.assertEqual(monitor.wait(), 5)
        self.assertEqual(len(monitor.log().splitlines()), 1, monitor.log())

    def test_refused(self):
        """Without a daemon, with an unknown server or a rate too fast it says so and ends."""
        bus = self.start_bus()
        self.fails_in_one_line(5, 'monitor', address=bus.address)
        self.fails_in_one_line(3, 'monitor', 'nobody')
        for bad in '--refresh=99ms', '--refresh=often':
            self.assertIn('--refresh', self.fails_in_one_line(2, 'monitor', bad))

    def test_closed_output(self):
        """It ends when nobody reads any more."""
        command = [os.environ['SONDECTL'], '--address=' + self.bus.address, 'monitor']
        process = Process(command, stdout=subprocess.PIPE)
        self.addCleanup(process.kill)
        self.assertIn(b'the daemon is there', process.child.stdout.readline())
        process.child.stdout.close()
        server = self.create('noisy')
        server.set('Backlog', 7)
        self.assertEqual(process.wait(), 0)
