# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A test case with a daemon of its own, and clients: what all tests here share."""

import contextlib
import re
import socket
import struct
import sys
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from gi.repository import GLib
from sonde_daemon import DEADLINE, ERROR, PROBLEM, Bus, Daemon, Server, error_name, settings


def read_all(sock, size=65536):
    """Read until the peer has finished."""
    chunks = []
    while chunk := sock.recv(size):
        chunks.append(chunk)
    return b''.join(chunks)


def read_exactly(sock, size):
    """Read so many bytes, or fewer if the peer has finished."""
    answer = bytearray()
    while len(answer) < size and (chunk := sock.recv(min(size - len(answer), 65536))):
        answer += chunk
    return bytes(answer)


def send_and_finish(sock, data):
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def reset(sock):
    """Close with a RST instead of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


class Peer:
    """Listens, and does to each client what behave(connection) does."""

    def __init__(self, behave):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.behave = behave
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(DEADLINE)
            with connection, contextlib.suppress(OSError):
                self.behave(connection)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(DEADLINE)
        self.listener.close()


def close_early(connection):
    connection.sendall(read_exactly(connection, 12)[:3])


def reset_early(connection):
    read_exactly(connection, 12)
    reset(connection)


def answer_wrongly(connection):
    connection.sendall(read_exactly(connection, 12).replace(b'data2', b'dataX'))


def say_nothing(connection):
    read_all(connection)


class SondeTest(unittest.TestCase):
    """Has one daemon for all tests of the class, which must log no warning."""

    config = ''
    daemon_prefix = ()
    # What else Daemon() shall know.
    daemon_options = {}

    @classmethod
    def setUpClass(cls):
        cls.bus = Bus()
        cls.addClassCleanup(cls.bus.stop)
        cls.daemon = Daemon(cls.bus, cls.config, prefix=cls.daemon_prefix, **cls.daemon_options)
        cls.addClassCleanup(cls.daemon.kill)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()
        cls.check_log(cls.daemon)

    @classmethod
    def check_log(cls, daemon, allowed='(?!)'):
        lines = [line for line in daemon.log().splitlines() if PROBLEM.search(line)]
        problems = [line for line in lines[daemon.n_problems:] if not re.search(allowed, line)]
        daemon.n_problems = len(lines)
        if problems:
            raise AssertionError('the daemon warned:\n' + '\n'.join(problems))

    def run(self, result=None):
        """Show what the daemon said when a test fails."""
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print('The daemon said:\n' + self.daemon.log()[-8000:], file=sys.stderr, flush=True)

    def tearDown(self):
        self.assertIsNone(self.daemon.child.poll(), 'the daemon is gone')
        self.check_log(self.daemon)

    def start_bus(self):
        """Start one more message bus."""
        bus = Bus()
        self.addCleanup(bus.stop)
        return bus

    def start_daemon(self, config='', *, bus=None, **options):
        """Start one more daemon, by default on a bus of its own."""
        daemon = Daemon(bus or self.start_bus(), config, **options)
        self.addCleanup(daemon.kill)
        return daemon

    def create(self, name=None, **values):
        """Make a server for this test, by default on a port that the kernel picks."""
        name = name or self.id().rpartition('.')[2]
        values.setdefault('ListenAddresses', ['127.0.0.1:0'])
        path = self.daemon.manager('CreateServer', '(sa{sv})', name, settings(**values))
        self.addCleanup(self.remove, name)
        return Server(self.daemon, path)

    def remove(self, name):
        with contextlib.suppress(GLib.Error):
            self.daemon.manager('RemoveServer', '(s)', name)

    def connect(self, server, index=0, receive_buffer=0):
        return self.connect_to(server.addresses()[index], receive_buffer)

    def connect_to(self, address, receive_buffer=0):
        sock = socket.socket(socket.AF_INET6 if ':' in address[0] else socket.AF_INET)
        self.addCleanup(sock.close)
        sock.settimeout(DEADLINE)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect(address)
        return sock

    def in_thread(self, function, *arguments):
        """Run something beside the test; its exceptions come with result()."""
        pool = ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)
        return pool.submit(function, *arguments)

    def ask(self, server, data, index=0):
        """Send, finish, and return everything that comes back."""
        sock = self.connect(server, index)
        sending = self.in_thread(send_and_finish, sock, data)
        answer = read_all(sock)
        sending.result(DEADLINE)
        sock.close()
        return answer

    def start_peer(self, behave):
        """Start a peer and return its port."""
        peer = Peer(behave)
        self.addCleanup(peer.stop)
        return peer.port

    def reserve_port(self):
        """Return a port where nobody listens and nobody will."""
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]

    def make_black_hole(self):
        """Return a port where connecting neither succeeds nor fails."""
        listener = socket.create_server(('127.0.0.1', 0), backlog=0)
        self.addCleanup(listener.close)
        # What does not fit into the accept queue any more gets no answer.
        for _ in range(8):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        return listener.getsockname()[1]

    def fails(self, name, function, *arguments, **values):
        """Check that a call fails with an error of this name, and return its text."""
        with self.assertRaises(GLib.Error) as caught:
            function(*arguments, **values)
        full_name = name if '.' in name else ERROR + name
        self.assertEqual(error_name(caught.exception), full_name, caught.exception.message)
        return caught.exception.message
