# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The library from Python: what the override adds, signals, and no leaks."""

import asyncio
import gc
import os
import pathlib
import re
import socket
import threading
import unittest

import gi

gi.require_version('Sonde', '1')
from gi.repository import GLib, Sonde

TIMEOUT = 30
# What is kept once only: code that is compiled, pools of memory that grow.
N_WARM = 100
N_SERVERS = 1000
RSS_SLACK_KB = 1024


def ask(server, text):
    """Send a text, finish, and return all that comes back."""
    with socket.create_connection((server.host, server.port), TIMEOUT) as client:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        return b''.join(iter(lambda: client.recv(4096), b''))


def read_status(name):
    """Read a number of /proc/self/status."""
    text = pathlib.Path('/proc/self/status').read_text('ascii')
    return int(re.search(rf'^{name}:\s+(\d+)', text, re.MULTILINE)[1])


def iterate_until(check):
    """Run the main context until a condition holds."""
    late = []
    timer = GLib.timeout_add_seconds(TIMEOUT, lambda: late.append(True) or True)
    while not check() and not late:
        GLib.MainContext.default().iteration(True)
    GLib.source_remove(timer)
    if late:
        raise AssertionError(f'not within {TIMEOUT} s')


class TestServer(unittest.TestCase):
    def test_with(self):
        """A with statement has a server that listens, and leaves none behind."""
        with Sonde.Server('echo') as server:
            self.assertEqual(server.get_state(), Sonde.ServerState.LISTENING)
            self.assertEqual(ask(server, b'hello'), b'hello')
            host, port = server.host, server.port
        self.assertEqual(server.get_state(), Sonde.ServerState.STOPPED)
        self.assertIsNone(server.port)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection((host, port), TIMEOUT)

    def test_with_exception(self):
        """An exception in it resets who is connected, and comes out."""
        with self.assertRaises(ZeroDivisionError), Sonde.Server('echo') as server:
            client = socket.create_connection((server.host, server.port), TIMEOUT)
            client.sendall(b'hello')
            client.recv(5)
            raise ZeroDivisionError
        self.assertEqual(server.get_state(), Sonde.ServerState.STOPPED)
        with self.assertRaises(ConnectionResetError):
            client.recv(1)
        client.close()

    def test_settings(self):
        """Settings go by either name, as values or as people write them."""
        server = Sonde.Server('x', NoDelay=True, receive_buffer='64K', mode=Sonde.Mode.UPPER,
                              KeepAliveTimeSec='30min', listen_addresses=['127.0.0.1:0'])
        self.assertTrue(server.props.no_delay)
        self.assertEqual(server.props.receive_buffer, 65536)
        self.assertEqual(server.props.mode, Sonde.Mode.UPPER)
        self.assertEqual(server.props.keep_alive_time_usec, 1800 * 10**6)
        server.update(KeepAliveTimeSec=60, IdleTimeoutSec=0.5)
        self.assertEqual(server.props.keep_alive_time_usec, 60 * 10**6)
        self.assertEqual(server.props.idle_timeout_usec, 500000)
        server.update(backlog=7, mode='echo')
        self.assertEqual((server.props.backlog, server.props.mode), (7, Sonde.Mode.ECHO))
        settings = server.dup_settings()
        self.assertEqual(Sonde.Server('y', settings).props.backlog, 7)
        self.assertEqual(Sonde.Server.new('z', settings).props.backlog, 7)

    def test_every_setting(self):
        """Every setting has a keyword, which takes the value that it has."""
        server = Sonde.Server('x')
        for key in Sonde.Settings.list_keys():
            words = re.sub('(?<=[a-z])(?=[A-Z])', '-', key.replace('USec', 'Usec')).lower()
            value = server.get_property(words)
            server.update(**{words.replace('-', '_'): value})
            self.assertEqual(server.get_property(words), value)

    def test_refused(self):
        """What is not valid is an error that tells the range, and changes nothing."""
        server = Sonde.Server('x', backlog=7)
        for values, text in (({'backlog': -1}, 'allowed: 1 to 2147483647'),
                             ({'backlog': 'many'}, 'Backlog=many'),
                             ({'mode': 'shout'}, 'allowed: echo, echo-once'),
                             ({'colour': 'red'}, 'colour is not a setting'),
                             ({'backlog': 8, 'no_delay': 'maybe'}, 'allowed: yes or no')):
            with self.subTest(values=values), self.assertRaises(GLib.Error) as caught:
                server.update(**values)
            self.assertTrue(caught.exception.matches(Sonde.error_quark(),
                                                     Sonde.Error.INVALID_SETTING))
            self.assertIn(text, caught.exception.message)
        self.assertEqual(server.props.backlog, 7)
        with self.assertRaises(GLib.Error):
            Sonde.Server('x', mode='shout')

    def test_await(self):
        """What takes its time can be awaited."""
        async def live():
            server = Sonde.Server('x', listen_addresses=['localhost:0'])
            await server.start_async()
            probe = Sonde.Probe.new(server.host, server.port)
            probe.add_message(b'hello')
            measured, again = await asyncio.gather(probe.run_async(), probe.run_async())
            self.assertEqual((measured['BytesReceived'], again['BytesReceived']), (5, 5))
            await server.relisten_async()
            await server.drain_async(10**6)
            self.assertEqual(server.get_state(), Sonde.ServerState.STOPPED)
            with self.assertRaises(GLib.Error) as caught:
                await probe.run_async()
            self.assertTrue(caught.exception.matches(Sonde.error_quark(),
                                                     Sonde.Error.CONNECT_REFUSED))
        asyncio.run(asyncio.wait_for(live(), TIMEOUT))

    def test_callbacks(self):
        """With a callback these methods are what they are in C."""
        results = []
        server = Sonde.Server('x', listen_addresses=['127.0.0.1:0'])
        server.start_async(None, lambda source, result: results.append(
            source.start_finish(result)))
        iterate_until(lambda: results)
        server.drain_async(0, None, lambda source, result, data: results.append(data), 'data')
        iterate_until(lambda: len(results) == 2)
        self.assertEqual(results, [True, 'data'])

    def test_signals(self):
        """States and connections are heard of in the main context."""
        heard = []
        server = Sonde.Server('x', listen_addresses=['127.0.0.1:0'])
        server.props.watch_connections = True
        server.connect('notify::state', lambda *_: heard.append(server.get_state().value_nick))
        server.connect('connection-opened', lambda _, number, host, port: heard.append(
            (number, host, threading.current_thread() is threading.main_thread())))
        server.connect('connection-closed', lambda _, number, *how: heard.append((number, *how)))
        server.start()
        ask(server, b'hello')
        server.drain(0)
        iterate_until(lambda: 'stopped' in heard)
        self.assertEqual(heard, ['listening', 'draining', (1, '127.0.0.1', True),
                                 (1, Sonde.ConnectionEnd.CLOSED, 5, 5), 'stopped'])
        self.assertEqual(server.props.n_events_dropped, 0)


class TestLeaks(unittest.TestCase):
    def measure(self):
        gc.collect()
        return (len(os.listdir('/proc/self/fd')), read_status('Threads'), read_status('VmRSS'))

    def use(self, n_servers):
        for _ in range(n_servers):
            with Sonde.Server('echo', no_delay=True) as server:
                server.connect('notify::state', lambda *_: None)
                self.assertEqual(ask(server, b'hello'), b'hello')

    def drop(self, n_servers):
        """Use servers without ever stopping them."""
        for _ in range(n_servers):
            server = Sonde.Server('echo', listen_addresses=['127.0.0.1:0'])
            server.start()
            self.assertEqual(ask(server, b'hello'), b'hello')

    def check(self, use):
        use(N_WARM)
        before = self.measure()
        use(N_SERVERS)
        after = self.measure()
        # A pool of GLib may let one of its threads go meanwhile.
        self.assertLessEqual(after[0], before[0], 'file descriptors')
        self.assertLessEqual(after[1], before[1], 'threads')
        self.assertLess(after[2] - before[2], RSS_SLACK_KB, f'memory: {before} {after}')

    def test_used_servers(self):
        """A thousand servers that were used and stopped leave nothing."""
        self.check(self.use)

    def test_dropped_servers(self):
        """A thousand servers that were used and dropped leave nothing."""
        self.check(self.drop)
