# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""How long a connection may take to end, and who has to go when there is no room for all."""

import time

from sonde_daemon import wait_until
from sonde_harness import SondeTest, read_all, read_exactly

HOUR = 3600 * 1000000
FOREVER = 2 ** 64 - 1
KIB = 1024


class TestClosing(SondeTest):
    def test_runtime_of_one_that_closes(self):
        """RuntimeMaxUSec ends a connection that waits for the FIN of its peer, too."""
        server = self.create(Mode='echo-once', RuntimeMaxUSec=300000, CloseTimeoutUSec=HOUR)
        sock = self.connect(server)
        sock.sendall(b'x')
        self.assertEqual(read_all(sock), b'x')
        self.assertEqual(server.wait_for(NConnections=0)['NTimedOut'], 1)

    def test_drain_forever(self):
        """Who is given all time to drain is not cut off when CloseTimeoutUSec is over."""
        server = self.create(SendBuffer=4608, CloseTimeoutUSec=1000)
        sock = self.connect(server, receive_buffer=4096)
        data = bytes(range(256)) * 256
        sending = self.in_thread(sock.sendall, data)
        wait_until(lambda: server.connections()[0][6], 'the server cannot send')
        draining = self.in_thread(server.call, 'Server.Drain', '(t)', FOREVER)
        wait_until(lambda: server.get('State') == 'draining', 'it drains')
        # A sweep comes every 5 ms.
        time.sleep(0.3)
        self.assertEqual(read_exactly(sock, len(data)), data)
        sending.result()
        self.assertEqual(read_all(sock), b'')
        sock.close()
        draining.result()
        self.assertEqual(server.snapshot()['NTimedOut'], 0)

    def hold_line(self, server, letter):
        """Begin a line that fills more than half of the room of a server."""
        before = server.snapshot()['BytesReceived']
        sock = self.connect(server)
        sock.sendall(letter * 40 * KIB)
        server.wait_for(BytesReceived=before + 40 * KIB)
        return sock

    def test_lines_that_never_end(self):
        """Whose line has stood still for longest goes first, and not who comes last."""
        server = self.create(Mode='upper-line', UnsentMax=64 * KIB)
        silent = self.hold_line(server, b'a')
        sock = self.hold_line(server, b'b')
        sock.sendall(b'\n')
        self.assertEqual(read_all(sock), b'B' * 40 * KIB + b'\n')
        with self.assertRaises(ConnectionResetError):
            read_all(silent)
        self.assertEqual(server.snapshot()['NShed'], 1)

    def test_lines_of_other_workers(self):
        """Who has to go is sought among all connections, whichever worker has them."""
        server = self.create(Mode='upper-line', UnsentMax=64 * KIB)
        silent = self.hold_line(server, b'a')
        server.call('Server.Relisten')
        sock = self.hold_line(server, b'b')
        # Whose worker takes a moment to let it go.
        with self.assertRaises(ConnectionResetError):
            read_all(silent)
        sock.sendall(b'\n')
        self.assertEqual(read_all(sock), b'B' * 40 * KIB + b'\n')
        self.assertEqual(server.wait_for(NConnections=0)['NShed'], 1)

    def test_line_larger_than_all_room(self):
        """A line for which there is no room at all costs its own connection."""
        server = self.create(Mode='upper-line', UnsentMax=64 * KIB, LineMax=1024 * KIB)
        sock = self.connect(server)
        with self.assertRaises(ConnectionError):
            sock.sendall(bytes(512 * KIB))
            read_all(sock)
            raise AssertionError('it was answered')
        self.assertEqual(server.wait_for(NConnections=0)['NReset'], 1)
