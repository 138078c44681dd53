# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""How long a connection may take to end."""

import time

from sonde_daemon import wait_until
from sonde_harness import SondeTest, read_all, read_exactly

HOUR = 3600 * 1000000
FOREVER = 2 ** 64 - 1


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
