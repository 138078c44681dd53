# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Each mode does what its recipe did, with real clients, and without its bugs."""

import hashlib
import os
import select
import selectors
import socket
import time

from sonde_daemon import DEADLINE, wait_until
from sonde_harness import SondeTest, read_all, read_exactly, reset, send_and_finish

MIB = 1024 * 1024


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class TestModes(SondeTest):
    def test_echo_persists(self):
        """echo answers every message on one connection until the client has finished."""
        sock = self.connect(self.create(Mode='echo'))
        for message in b'data1\n', b'\x00\xff' * 500, b'x':
            sock.sendall(message)
            self.assertEqual(read_exactly(sock, len(message)), message)
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(sock), b'')

    def test_echo_once(self):
        """echo-once echoes the first message and closes, though the client has not finished."""
        sock = self.connect(self.create(Mode='echo-once'))
        sock.sendall(b'y' * 50000)
        self.assertEqual(read_all(sock), b'y' * 50000)

    def test_echo_once_large_first_message(self):
        """A first message larger than one read costs the client no byte of the answer."""
        message = os.urandom(MIB)
        for attempt in range(5):
            server = self.create(f'large-{attempt}', Mode='echo-once')
            sock = self.connect(server)
            sending = self.in_thread(send_and_finish, sock, message)
            # A reset instead of the end would raise here, or in the thread.
            answer = read_all(sock)
            sending.result(DEADLINE)
            self.assertTrue(answer)
            self.assertLessEqual(len(answer), 65536)
            self.assertEqual(answer, message[:len(answer)])
            snapshot = server.wait_for(NConnections=0)
            self.assertEqual((snapshot['NClosed'], snapshot['NReset']), (1, 0))
            self.assertEqual(snapshot['BytesSent'], len(answer))

    def test_upper_once(self):
        """upper-once answers 1024 of 2000 bytes in upper case, and no reset eats them."""
        for attempt in range(20):
            server = self.create(f'upper-{attempt}', Mode='upper-once')
            sock = self.connect(server)
            sock.sendall(b'abcde' * 400)
            self.assertEqual(read_all(sock), (b'ABCDE' * 400)[:1024])
            sock.close()
            self.assertEqual(server.wait_for(NConnections=0)['NReset'], 0)

    def test_upper_line(self):
        """upper-line answers the first line with its line feed, and nothing of the second."""
        server = self.create(Mode='upper-line')
        self.assertEqual(self.ask(server, b'one\ntwo\n'), b'ONE\n')
        sock = self.connect(server)
        sock.sendall(b'not finished\n')
        self.assertEqual(read_all(sock), b'NOT FINISHED\n')

    def test_upper_line_partial(self):
        """A line that ends with the connection instead of a line feed is answered as it is."""
        server = self.create(Mode='upper-line')
        self.assertEqual(self.ask(server, b'partial'), b'PARTIAL')
        self.assertEqual(self.ask(server, b''), b'')

    def test_upper_line_too_long(self):
        """A line longer than LineMax is answered up to LineMax."""
        server = self.create(Mode='upper-line', LineMax=100)
        self.assertEqual(self.ask(server, b'a' * 1000 + b'\n'), b'A' * 100)
        self.assertEqual(self.ask(server, b'b' * 99 + b'\n'), b'B' * 99 + b'\n')
        self.assertEqual(self.ask(server, b'c' * 100 + b'\n'), b'C' * 100)

    def test_upper_line_as_long_as_allowed(self):
        """A line that has come to LineMax is answered though its peer says no more."""
        sock = self.connect(self.create(Mode='upper-line', LineMax=100))
        sock.sendall(b'd' * 100)
        self.assertEqual(read_all(sock), b'D' * 100)

    def test_upper_line_byte_by_byte(self):
        """A line that arrives byte by byte is one line, answered when it is complete."""
        server = self.create(Mode='upper-line')
        sock = self.connect(server)
        line = b'slow line\n'
        for i, byte in enumerate(line[:-1]):
            sock.sendall(bytes([byte]))
            # Read by the server before the next one is sent: ten reads.
            server.wait_for(BytesReceived=i + 1)
        self.assertEqual(server.snapshot()['BytesSent'], 0)
        sock.sendall(line[-1:])
        self.assertEqual(read_all(sock), line.upper())

    def test_upper_persists(self):
        """upper answers every message in upper case until the client has finished."""
        sock = self.connect(self.create(Mode='upper'))
        for message in b'Hello World 1', b'[a-z]{@`}~', bytes(range(256)):
            sock.sendall(message)
            self.assertEqual(read_exactly(sock, len(message)), message.upper())
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(sock), b'')

    def test_utf8_passes_whole(self):
        """Upper-casing touches a to z only, so that UTF-8 is still the same UTF-8."""
        text = 'grüße, señor, ıİ, 東京, 🦀 ÿ\n'.encode()
        expected = bytes(c - 32 if 0x61 <= c <= 0x7a else c for c in text)
        for mode in 'upper', 'upper-once', 'upper-line':
            answer = self.ask(self.create(mode, Mode=mode), text)
            self.assertEqual(answer, expected, mode)
            answer.decode('utf-8')


class TestStreams(SondeTest):
    def test_half_close_first(self):
        """A client that finishes first and reads later gets everything."""
        message = os.urandom(256 * 1024)
        server = self.create()
        sock = self.connect(server)
        send_and_finish(sock, message)
        server.wait_for(BytesReceived=len(message))
        self.assertEqual(read_all(sock), message)
        snapshot = server.wait_for(NConnections=0)
        self.assertEqual((snapshot['NClosed'], snapshot['NReset']), (1, 0))

    def test_slow_reader(self):
        """64 MiB come back with the same SHA-256 though the client reads late and little."""
        message = os.urandom(64 * MIB)
        server = self.create()
        sock = self.connect(server, receive_buffer=65536)
        start = time.monotonic()
        sending = self.in_thread(send_and_finish, sock, message)
        # Nothing is read before the server had to stop reading.
        wait_until(lambda: server.snapshot()['Stalls'] > 0, 'the server stalls')
        [(_, _, _, _, received, sent, stalled)] = server.connections()
        self.assertTrue(stalled)
        self.assertGreaterEqual(received, sent)
        answer = read_all(sock, 16384)
        sending.result(DEADLINE)
        self.assertEqual(sha256(answer), sha256(message))
        self.assertLess(time.monotonic() - start, DEADLINE)

    def test_backpressure(self):
        """What a client sends before it reads is bounded by the server, and not lost."""
        message = os.urandom(32 * MIB)
        for concurrency in 'loop', 'threads':
            server = self.create(concurrency, Concurrency=concurrency, UnsentMax=65536,
                                 ReadSize=16384)
            sock = self.connect(server, receive_buffer=65536)
            sending = self.in_thread(sock.sendall, message)
            wait_until(lambda: server.snapshot()['Stalls'] > 0, 'the server stalls')
            self.assertFalse(sending.done())
            answer = read_exactly(sock, len(message))
            sending.result(DEADLINE)
            self.assertEqual(sha256(answer), sha256(message))
            snapshot = server.snapshot()
            self.assertEqual(snapshot['BytesReceived'], len(message))
            self.assertEqual(snapshot['BytesSent'], len(message))

    def test_client_reset(self):
        """A reset by the client leaves no connection behind, and the server does not spin."""
        for concurrency in 'loop', 'threads':
            server = self.create(concurrency, Concurrency=concurrency)
            idle = self.connect(server)
            for i in range(10):
                sock = self.connect(server, receive_buffer=4096)
                sock.sendall(b'x' * 100000)
                server.wait_for(NAccepted=2 + i)
                reset(sock)
            snapshot = server.wait_for(NConnections=1)
            self.assertEqual(snapshot['NReset'], 10)
            self.assert_quiet(idle)
            idle.sendall(b'still here')
            self.assertEqual(read_exactly(idle, 10), b'still here')

    def assert_quiet(self, idle):
        """Check that the daemon uses no CPU time while a client hears nothing."""
        before = self.daemon.cpu_seconds()
        # The window of the measurement: a server that spins takes most of it.
        self.assertEqual(select.select([idle], [], [], 1.0)[0], [])
        self.assertLess(self.daemon.cpu_seconds() - before, 0.15)

    def test_reset_of_stalled_connection(self):
        """A client that resets while the server waits for it leaves nothing behind either."""
        server = self.create()
        sock = self.connect(server, receive_buffer=4096)
        sock.settimeout(0)

        def stalled():
            try:
                sock.send(b'z' * 65536)
            except BlockingIOError:
                return server.snapshot()['Stalls'] > 0
        wait_until(stalled, 'the server stalls')
        reset(sock)
        server.wait_for(NConnections=0)
        self.assert_quiet(self.connect(server))


class TestClients(SondeTest):
    def test_threads(self):
        """Three clients are answered at the same time, while a fourth says nothing."""
        server = self.create(Preset='socketserver-threading', ListenAddresses=['127.0.0.1:0'])
        silent = self.connect(server)
        server.wait_for(NConnections=1)
        clients = [self.connect(server) for _ in range(3)]
        server.wait_for(NConnections=4)
        messages = [f'Hello World {i + 1}'.encode() for i in range(3)]
        for client, message in reversed(list(zip(clients, messages))):
            client.sendall(message)
        for client, message in zip(clients, messages):
            self.assertEqual(read_all(client), message.upper())
            client.close()
        self.assertEqual(server.wait_for(NConnections=1)['NClosed'], 3)
        silent.sendall(b'late')
        self.assertEqual(read_all(silent), b'LATE')

    def test_threads_are_bounded(self):
        """Beyond MaxThreads a client is accepted, waits for a thread, and gets it."""
        server = self.create(Mode='echo', Concurrency='threads', MaxThreads=2)
        first, second = self.connect(server), self.connect(server)
        for sock in first, second:
            sock.sendall(b'me')
            self.assertEqual(read_exactly(sock, 2), b'me')
        third = self.connect(server)
        third.sendall(b'third')
        server.wait_for(NConnections=3)
        for sock in first, second:
            sock.sendall(b'me')
            self.assertEqual(read_exactly(sock, 2), b'me')
        self.assertEqual(server.snapshot()['BytesReceived'], 8)
        first.close()
        self.assertEqual(read_exactly(third, 5), b'third')

    def test_non_blocking_client(self):
        """The non-blocking client of the recipe gets its two messages back."""
        server = self.create(Preset='io-multiplex', ListenAddresses=['127.0.0.1:0'])
        [(host, port)] = server.addresses()
        data = [b'data2\n', b'data1\n']
        answer = b''
        with socket.socket() as client, selectors.DefaultSelector() as selector:
            client.settimeout(3.5)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            client.connect((host, port))
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while len(answer) < 12:
                events = selector.select(timeout=DEADLINE)
                self.assertTrue(events, 'no answer')
                for _, mask in events:
                    if mask & selectors.EVENT_WRITE:
                        if data:
                            client.sendall(data.pop())
                        else:
                            selector.modify(client, selectors.EVENT_READ)
                    if mask & selectors.EVENT_READ:
                        chunk = client.recv(1024)
                        self.assertTrue(chunk, 'closed early')
                        answer += chunk
        self.assertEqual(answer, b'data1\ndata2\n')

    def test_many_clients(self):
        """A hundred clients of one loop each get their own bytes back."""
        server = self.create(Workers=2)
        clients = [self.connect(server) for _ in range(100)]
        server.wait_for(NConnections=100)
        for i, client in enumerate(clients):
            client.sendall(b'%03d' % i * 100)
        for i, client in enumerate(clients):
            self.assertEqual(read_exactly(client, 300), b'%03d' % i * 100)


class TestHosts(SondeTest):
    def listen(self, name, *addresses):
        server = self.create(name, ListenAddresses=list(addresses))
        bound = server.addresses()
        self.assertTrue(bound)
        for _, port in bound:
            self.assertGreater(port, 0)
        return server, bound

    def assert_served(self, host, port):
        sock = self.connect_to((host, port))
        sock.sendall(b'ping')
        self.assertEqual(read_exactly(sock, 4), b'ping')
        sock.close()

    def test_localhost(self):
        """localhost is the loopback, and port 0 is resolved."""
        _, bound = self.listen('localhost', 'localhost:0')
        for host, port in bound:
            self.assertIn(host, ('127.0.0.1', '::1'))
            self.assert_served(host, port)

    def test_any(self):
        """No host and 0.0.0.0 stand for any address."""
        for name, address in ('empty', ':0'), ('any', '0.0.0.0:0'):
            _, bound = self.listen(name, address)
            for host, port in bound:
                self.assertIn(host, ('0.0.0.0', '::'))
                self.assert_served('127.0.0.1', port)
                if host == '::':
                    self.assert_served('::1', port)

    def test_ipv6(self):
        """[::] and [::1] listen on IPv6."""
        for host in '::', '::1':
            _, [(bound, port)] = self.listen(host, f'[{host}]:0')
            self.assertEqual(bound, host)
            self.assert_served('::1', port)

    def test_both_families(self):
        """One server listens on IPv4 and IPv6 at once, on the same port too."""
        server, bound = self.listen('dual', '127.0.0.1:0', '[::1]:0')
        self.assertEqual([host for host, _ in bound], ['127.0.0.1', '::1'])
        for address in bound:
            self.assert_served(*address)
        port = bound[0][1]
        server.update(ListenAddresses=[f'0.0.0.0:{port}', f'[::]:{port}'])
        server.call('Server.Relisten')
        self.assertEqual(server.addresses(), [('0.0.0.0', port), ('::', port)])
        self.assert_served('127.0.0.1', port)
        self.assert_served('::1', port)

    def test_broadcast(self):
        """A broadcast or multicast address is refused by name, and no server is left."""
        for address in '255.255.255.255:0', '224.0.0.1:0', '[ff02::1]:0':
            message = self.fails('InvalidSetting', self.create, 'cast', ListenAddresses=[address])
            self.assertIn('ListenAddresses', message)
            self.assertIn(address.rpartition(':')[0], message)
            self.assertRegex(message, 'broadcast|multicast')
        self.fails('NoSuchServer', self.daemon.get_server, 'cast')
