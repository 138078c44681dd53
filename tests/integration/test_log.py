# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The log can be steered on the bus, and holds nobody up."""

import os
import re
import socket
import struct
import subprocess
import tempfile

from gi.repository import GLib
from sonde_daemon import DEADLINE, IN_NAMESPACE, PROPERTIES_INTERFACE, wait_until
from sonde_harness import SondeTest, read_exactly

LOG_PATH = '/org/freedesktop/LogControl1'
INTERFACE = 'org.freedesktop.LogControl1'
LEVELS = 'emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'
TARGETS = 'auto', 'console', 'journal', 'null'


def get(daemon, name):
    return daemon.call(LOG_PATH, PROPERTIES_INTERFACE + '.Get', '(ss)', INTERFACE, name)


def put(daemon, name, value):
    packed = value if isinstance(value, GLib.Variant) else GLib.Variant('s', value)
    daemon.call(LOG_PATH, PROPERTIES_INTERFACE + '.Set', '(ssv)', INTERFACE, name, packed)


def text(value):
    """Write a value as GLib prints it."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def parse_entry(data):
    """Take a message in the native protocol of the journal apart."""
    fields = {}
    while data:
        key, _, data = data.partition(b'\n')
        [length] = struct.unpack('<Q', data[:8])
        fields[key.decode()] = data[8:8 + length].decode()
        data = data[8 + length + 1:]
    return fields


class LogTest(SondeTest):
    def start(self, **options):
        return self.start_daemon('[Server echo]\nListenAddresses=127.0.0.1:0\n', **options)

    def exchange(self, sock, times):
        for _ in range(times):
            sock.sendall(b'ping')
            self.assertEqual(read_exactly(sock, 4), b'ping')


class TestLogControl(LogTest):
    def setUp(self):
        put(self.daemon, 'LogLevel', 'notice')
        put(self.daemon, 'LogTarget', 'auto')

    def logged(self, function, *arguments):
        """Return what the daemon logs while something is done."""
        before = len(self.daemon.log())
        function(*arguments)
        return self.daemon.log()[before:]

    def test_values(self):
        """Level and target take the words of systemd, and read back as they were set."""
        self.assertEqual(get(self.daemon, 'SyslogIdentifier'), 'sonded')
        for name, values in ('LogLevel', LEVELS), ('LogTarget', TARGETS):
            for value in values:
                put(self.daemon, name, value)
                self.assertEqual(get(self.daemon, name), value)

    def test_refused(self):
        """Other words are refused with those that are allowed; nothing changes."""
        for name, bad, allowed in (('LogLevel', 'verbose', LEVELS), ('LogLevel', '', LEVELS),
                                   ('LogTarget', 'syslog', TARGETS),
                                   ('LogTarget', 'x' * 10 ** 6, TARGETS)):
            before = get(self.daemon, name)
            message = self.fails('InvalidSetting', put, self.daemon, name, bad)
            self.assertIn(f'{name}={bad[:20]}', message)
            self.assertIn(', '.join(allowed), message)
            self.assertEqual(get(self.daemon, name), before)
        for name, bad in ('LogLevel', GLib.Variant('u', 7)), ('SyslogIdentifier', 'other'):
            self.fails('org.freedesktop.DBus.Error.InvalidArgs', put, self.daemon, name, bad)

    def test_busctl(self):
        """busctl reads and sets the level, as systemctl does it for a unit."""
        place = 'org.sonde.Sonde1', LOG_PATH, INTERFACE

        def busctl(verb, *words):
            return subprocess.run(['busctl', '--address=' + self.bus.address, verb, *place, *words],
                                  check=True, stdout=subprocess.PIPE, text=True,
                                  timeout=DEADLINE).stdout
        busctl('set-property', 'LogLevel', 's', 'warning')
        self.assertEqual(busctl('get-property', 'LogLevel'), 's "warning"\n')

    def test_level(self):
        """The level decides what is logged, at once, for connections that are open too."""
        server = self.create('level')
        sock = self.connect(server)
        server.wait_for(NConnections=1)
        self.assertNotIn('DEBUG', self.logged(self.exchange, sock, 1))
        put(self.daemon, 'LogLevel', 'debug')
        before = len(self.daemon.log())
        self.exchange(sock, 1)
        wait_until(lambda: '4 bytes' in self.daemon.log()[before:], 'what was read is logged')
        put(self.daemon, 'LogLevel', 'info')
        self.assertEqual(self.logged(self.exchange, sock, 1), '')
        self.assertIn('quiet', self.logged(self.create, 'quiet'))
        put(self.daemon, 'LogLevel', 'warning')
        self.assertEqual(self.logged(self.create, 'silent'), '')

    def test_server(self):
        """With debug, a server that listens tells where, its accept queue, and every option."""
        put(self.daemon, 'LogLevel', 'debug')
        before = len(self.daemon.log())
        server = self.create('told', Backlog=7, NoDelay=True)
        host, port = server.addresses()[0]
        log = self.daemon.log()[before:]
        self.assertIn(f'server told listens on {host}:{port}, accept queue 0 of 7\n', log)
        self.assertIn('server told: Backlog: asked 7, effective 7, as-asked\n', log)
        for option, (asked, effective, _, reason) in server.report('listener').items():
            values = re.escape(f'asked {text(asked)}, effective {text(effective)}, {reason}')
            self.assertRegex(log, f'server told: {option}: {values}\n')

    def test_target(self):
        """Nothing is logged to null, and everything again to console."""
        put(self.daemon, 'LogTarget', 'null')
        self.assertEqual(self.logged(self.create, 'unseen'), '')
        put(self.daemon, 'LogTarget', 'console')
        self.assertIn('seen', self.logged(self.create, 'seen'))

    def test_no_journal(self):
        """Where there is no journal its messages go to standard error."""
        script = 'mount -t tmpfs none /run && exec "$@"'
        daemon = self.start(prefix=[*IN_NAMESPACE, 'sh', '-c', script, 'sh'])
        put(daemon, 'LogTarget', 'journal')
        daemon.manager('RemoveServer', '(s)', 'echo')
        self.assertIn('Server echo is removed', daemon.log())
        daemon.stop()


class TestJournal(LogTest):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='sonde-journal-')
        cls.addClassCleanup(directory.cleanup)
        cls.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        cls.addClassCleanup(cls.journal.close)
        cls.journal.bind(directory.name + '/socket')
        cls.journal.settimeout(DEADLINE)
        where = '/run/systemd/journal'
        script = (f'mount -t tmpfs none /run && mkdir -p {where} && '
                  f'mount --bind {directory.name} {where} && exec "$@"')
        cls.daemon_prefix = [*IN_NAMESPACE, 'sh', '-c', script, 'sh']
        super().setUpClass()

    def receive(self, text):
        """Return the next message that has a text."""
        while text not in (entry := parse_entry(self.journal.recv(65536)))['MESSAGE']:
            pass
        return entry

    def test_fields(self):
        """The journal gets messages with their fields, and standard error none."""
        put(self.daemon, 'LogTarget', 'journal')
        before = self.daemon.log()
        self.create('one').call('Server.Stop')
        entry = self.receive('Server one listens')
        self.assertEqual((entry['PRIORITY'], entry['GLIB_DOMAIN'], entry['SYSLOG_IDENTIFIER']),
                         ('5', 'sonded', 'sonded'))
        self.assertEqual(self.daemon.log(), before)

    def test_stuck(self):
        """A journal that takes nothing holds nobody up."""
        put(self.daemon, 'LogTarget', 'journal')
        put(self.daemon, 'LogLevel', 'debug')
        servers = [self.create(f'stuck-{i}') for i in range(3)]
        # In the network of the daemon, so that it does the asking.
        for server in servers:
            host, port = server.addresses()[0]
            messages = GLib.Variant('aay', [b'ping'] * 500)
            shown = self.daemon.manager('RunProbe', '(sqa{sv})', host, port,
                                        {'Messages': messages})
            self.assertEqual(shown['BytesReceived'], 2000)
        self.assertEqual(get(self.daemon, 'LogLevel'), 'debug')
        put(self.daemon, 'LogLevel', 'notice')
        self.journal.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while self.journal.recv(65536):
                pass
        self.journal.settimeout(DEADLINE)
        servers[0].call('Server.Stop')
        self.remove('stuck-0')
        self.receive('Server stuck-0 is removed')


class TestFullPipe(LogTest):
    def test_full_pipe(self):
        """A pipe that nobody reads holds nobody up, and what was lost is told when it is read."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        daemon = self.start(stderr=writer)
        os.close(writer)
        put(daemon, 'LogLevel', 'debug')
        server = daemon.get_server('echo')
        sock = self.connect(server)
        self.exchange(sock, 3000)
        self.assertEqual(server.get('State'), 'listening')
        text = self.drain(reader)
        self.assertIn('4 bytes', text)
        self.exchange(sock, 1)
        put(daemon, 'LogLevel', 'notice')
        text += self.drain(reader)
        self.assertRegex(text, r'\([1-9]\d* messages are lost\)')
        os.set_blocking(reader, True)
        sock.close()
        daemon.stop()

    def drain(self, reader):
        """Read what is in the pipe, at least something."""
        os.set_blocking(reader, False)
        chunks = []

        def read():
            try:
                chunks.append(os.read(reader, 65536))
            except BlockingIOError:
                return bool(chunks)
            return False
        wait_until(read, 'the pipe is empty')
        return b''.join(chunks).decode()

    def test_reader_leaves(self):
        """A pipe whose reader has left does not end the daemon."""
        reader, writer = os.pipe()
        daemon = self.start(stderr=writer)
        os.close(writer)
        os.close(reader)
        daemon.manager('RemoveServer', '(s)', 'echo')
        self.assertEqual(get(daemon, 'LogLevel'), 'notice')
        daemon.stop()

    def test_shared_pipe_stays_as_it_is(self):
        """Others who write to the same pipe still wait until they can."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        daemon = self.start(stderr=writer)
        self.assertTrue(os.get_blocking(writer))
        daemon.stop()

    def test_streams_closed(self):
        """A daemon without standard streams never logs into a connection."""
        daemon = self.start(prefix=['sh', '-c', 'exec "$@" <&- >&- 2>&-', 'sh'])
        put(daemon, 'LogLevel', 'debug')
        streams = {os.readlink(f'/proc/{daemon.pid}/fd/{fd}') for fd in range(3)}
        self.assertEqual(streams, {'/dev/null'})
        self.exchange(self.connect(daemon.get_server('echo')), 10)
        daemon.stop()
