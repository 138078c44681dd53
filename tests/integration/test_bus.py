# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The bus may be absent, go and come back: TCP does not notice."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

from gi.repository import Gio, GLib
from sonde_daemon import (BUS_NAME, DEADLINE, PROPERTIES_INTERFACE, ROOT, Process, dispatch,
                          wait_until)
from sonde_harness import SondeTest, read_exactly, settings

CONFIG = '[Server echo]\nListenAddresses=127.0.0.1:0\n'
NOWHERE = 'unix:path=/nonexistent/bus'
DBUS = 'org.freedesktop.DBus'


def call_bus(connection, member, signature, *values):
    """Call the bus itself."""
    return connection.call_sync(DBUS, '/org/freedesktop/DBus', DBUS, member,
                                GLib.Variant(signature, values), None, Gio.DBusCallFlags.NONE,
                                DEADLINE * 1000, None).unpack()


class Streamer:
    """Sends and counts, until it is told to stop."""

    def __init__(self, address):
        self.sock = socket.create_connection(address, DEADLINE)
        self.count = 0
        self.done = threading.Event()

    def run(self):
        with self.sock:
            while not self.done.is_set():
                block = os.urandom(65536)
                self.sock.sendall(block)
                if read_exactly(self.sock, len(block)) != block:
                    raise AssertionError('an answer differs')
                self.count += len(block)
        return self.count


class BusTest(SondeTest):
    def start(self, config=CONFIG, bus=None):
        return self.start_daemon(config, bus=bus)

    def start_without(self, *arguments, **environment):
        """Start a daemon that need not have a bus."""
        process = Process([os.environ['SONDED'], f'--config={self.daemon.config}', *arguments],
                          environment={'DBUS_SESSION_BUS_ADDRESS': NOWHERE,
                                       'DBUS_SYSTEM_BUS_ADDRESS': NOWHERE, **environment})
        self.addCleanup(process.kill)
        return process


class TestNoBus(BusTest):
    config = CONFIG

    def test_serves(self):
        """With --no-bus the daemon serves TCP, reloads and ends in order."""
        process = self.start_without('--no-bus', G_MESSAGES_DEBUG='all')
        pattern = re.compile(r'server echo listens on 127\.0\.0\.1:(\d+),')
        port = wait_until(lambda: pattern.search(process.log()), 'it listens')[1]
        with socket.create_connection(('127.0.0.1', int(port)), DEADLINE) as sock:
            sock.sendall(b'no bus')
            self.assertEqual(read_exactly(sock, 6), b'no bus')
            loaded = process.log().count('Configuration is loaded')
            process.child.send_signal(signal.SIGHUP)
            wait_until(lambda: process.log().count('Configuration is loaded') > loaded, 'a reload')
        self.assertNotIn('bus is gone', process.log())
        process.child.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)

    def test_no_bus_at_all(self):
        """Without a bus and without --no-bus the start fails with status 3 and one clear line."""
        for arguments in ['--session'], ['--system'], ['--address=' + NOWHERE]:
            process = self.start_without(*arguments)
            self.assertEqual(process.wait(), 3)
            [line] = [x for x in process.log().splitlines() if x.startswith('sonded: ')]
            self.assertIn(NOWHERE, line)
            self.assertIn('--no-bus', line)
            self.assertNotRegex(process.log(), 'WARNING|CRITICAL')

    def test_deaf_bus(self):
        """While the bus does not answer the daemon serves, and ends when it is told to."""
        with tempfile.TemporaryDirectory(prefix='sonde-deaf-') as directory, \
                socket.socket(socket.AF_UNIX) as listener:
            listener.bind(directory + '/bus')
            listener.listen()
            process = self.start_without(f'--address=unix:path={directory}/bus')
            pattern = re.compile(r'Server echo listens on 127\.0\.0\.1:(\d+)')
            port = wait_until(lambda: pattern.search(process.log()), 'it listens')[1]
            listener.settimeout(DEADLINE)
            with listener.accept()[0] as connection:
                self.assertTrue(connection.recv(1))
                process.child.send_signal(signal.SIGHUP)
                with socket.create_connection(('127.0.0.1', int(port)), DEADLINE) as sock:
                    sock.sendall(b'served')
                    self.assertEqual(read_exactly(sock, 6), b'served')
                process.child.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(), 0)

    def test_no_address(self):
        """Where not even an address of a bus is known the line says so."""
        command = ['env', '-i', os.environ['SONDED'], f'--config={self.daemon.config}', '--session']
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE,
                              check=False)
        self.assertEqual((done.returncode, done.stderr.count('\n')), (3, 1))
        self.assertIn('there is no session bus (--no-bus serves without one)', done.stderr)


class TestReturn(BusTest):
    def start_streams(self, server, n):
        streamers = [Streamer(server.addresses()[0]) for _ in range(n)]
        for streamer in streamers:
            self.addCleanup(streamer.done.set)
        return streamers, [self.in_thread(streamer.run) for streamer in streamers]

    def wish(self, daemon, server):
        """Leave with the daemon what belongs to a client: a rate, and calls that wait."""
        server.set('RefreshRateMs', 100)
        condition = {'NAccepted': GLib.Variant('t', 1000000)}
        for _ in range(100):
            daemon.connection.call(BUS_NAME, server.path, BUS_NAME + '.Server', 'WaitFor',
                                   GLib.Variant('(a{sv}t)', (condition, 3600 * 1000000)), None,
                                   Gio.DBusCallFlags.NONE, GLib.MAXINT32, None, lambda *_: None)
        self.assertEqual(server.get('RefreshRateMs'), 100)
        wait_until(lambda: not daemon.sleeps(), 'the daemon looks at the counters')

    def check_signals(self, daemon):
        """Changes and new objects are signalled."""
        seen = []
        daemon.connection.signal_subscribe(
            BUS_NAME, None, None, None, None, Gio.DBusSignalFlags.NONE,
            lambda *arguments: seen.append((arguments[2], arguments[4])))
        server = daemon.get_server('echo')
        server.set('Backlog', server.get('Backlog') + 1)
        path = daemon.manager('CreateServer', '(sa{sv})', 'more',
                              settings(ListenAddresses=['127.0.0.1:0']))
        daemon.manager('RemoveServer', '(s)', 'more')
        expected = {(server.path, 'PropertiesChanged'), (ROOT, 'InterfacesAdded'),
                    (ROOT, 'InterfacesRemoved')}
        wait_until(lambda: dispatch() and expected <= set(seen), f'signals of {path}')

    def test_calls_left_behind(self):
        """Calls that the daemon has not looked at when the bus dies are dropped in silence."""
        daemon = self.start()
        server = daemon.get_server('echo')
        value = GLib.Variant('(ssv)', (BUS_NAME + '.Statistics', 'RefreshRateMs',
                                       GLib.Variant('u', 100)))
        for i in range(3):
            clients = [daemon.bus.connect() for _ in range(100)]
            daemon.child.send_signal(signal.SIGSTOP)
            for client in clients:
                client.call(BUS_NAME, server.path, PROPERTIES_INTERFACE, 'Set', value, None,
                            Gio.DBusCallFlags.NONE, GLib.MAXINT32, None, lambda *_: None)
                client.flush_sync(None)
                # The bus answers after it has passed the call on.
                call_bus(client, 'GetId', '()')
            daemon.bus.kill()
            daemon.child.send_signal(signal.SIGCONT)
            wait_until(lambda n=i + 1: daemon.log().count('The bus is gone') == n, 'it is told')
            daemon.bus.start()
            daemon.attach()
            self.assertEqual(server.get('RefreshRateMs'), 0)
        daemon.stop()
        self.check_log(daemon)

    def test_bus_killed(self):
        """A bus that dies under load takes no byte with it; the daemon is back within 5 s."""
        daemon = self.start()
        server = daemon.get_server('echo')
        [address] = server.addresses()
        for i in range(3):
            streamers, futures = self.start_streams(server, 4)
            server.wait_for(NConnections=4)
            self.wish(daemon, server)
            daemon.bus.kill()
            counts = [streamer.count for streamer in streamers]
            wait_until(lambda: all(s.count > n + 10 ** 6 for s, n in zip(streamers, counts)),
                       'all streams go on')
            with socket.create_connection(address, DEADLINE) as sock:
                sock.sendall(b'still served')
                self.assertEqual(read_exactly(sock, 12), b'still served')
            wait_until(lambda n=i + 1: daemon.log().count('The bus is gone') == n, 'it is told')
            daemon.bus.start()
            start = time.monotonic()
            daemon.attach()
            self.assertLess(time.monotonic() - start, 5)
            self.assertEqual((server.addresses(), server.get('RefreshRateMs')), ([address], 0))
            for streamer in streamers:
                streamer.done.set()
            total = sum(future.result(DEADLINE) for future in futures) + 12
            snapshot = server.wait_for(NConnections=0)
            self.assertEqual((snapshot['BytesReceived'], snapshot['BytesSent']), (total, total))
            wait_until(daemon.sleeps, 'nobody is waited for any more')
            self.check_signals(daemon)
            server.call('Statistics.Reset')
        daemon.stop()
        self.check_log(daemon)
