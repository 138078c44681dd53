# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A daemon that may take no more memory turns peers away instead of dying.

The limit is RLIMIT_DATA, which holds on any machine; memory.max of a control
group is read in the same place (tests/unit/test-memory.c), but is not enforced in
every container.
"""

import contextlib
import resource
import socket
import time

from sonde_daemon import DEADLINE, wait_until
from sonde_faults import KIB, MIB, SLOWDOWN, FaultsTest, fault

SMALL = 32 * KIB


class TestMemory(FaultsTest):
    def limit(self, room):
        """Let the daemon take so much more; or, with None, as much as it likes."""
        unlimited = resource.RLIM_INFINITY
        limit = unlimited if room is None else self.read_status('VmData') + room
        resource.prlimit(self.daemon.pid, resource.RLIMIT_DATA, (limit, unlimited))

    @fault(30, '1000 clients never read from a daemon that has 4 MiB left for them (RLIMIT_DATA)',
           'it lives; the worst are closed (NShed), more are refused (NRefused), and it recovers')
    def test_memory_limit(self):
        """Who would have us take more than there is goes, before malloc fails."""
        server = self.create('greedy', UnsentMax=1024 * MIB, SendBuffer=SMALL, ReceiveBuffer=SMALL,
                             ReadSize=256 * KIB)
        # An eighth of the limit stays free, so this is what there is for peers.
        room = 4 * MIB
        self.limit((self.read_status('VmData') + 8 * room) // 7)
        self.addCleanup(self.limit, None)
        socks = [self.connect_greedily(server) for _ in range(1000)]
        block = bytes(256 * KIB)
        deadline = time.monotonic() + DEADLINE * SLOWDOWN
        while server.snapshot()['NShed'] < 20:
            self.assertLess(time.monotonic(), deadline, server.snapshot())
            for sock in socks:
                with contextlib.suppress(OSError):
                    sock.send(block)
        # Less than what has to stay free is left: who comes now is refused.
        self.limit(3 * MIB)
        self.addCleanup(self.limit, None)
        wait_until(lambda: self.is_refused(server), 'a client is refused')
        self.daemon.manager('Describe')
        self.limit(None)
        wait_until(lambda: not self.is_refused(server), 'a client is served')
        after = server.snapshot()
        self.saw('{} shed, {} refused'.format(after['NShed'], after['NRefused']))
        for sock in socks:
            sock.close()
        server.wait_for(NConnections=0)

    def connect_greedily(self, server):
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        sock.settimeout(DEADLINE * SLOWDOWN)
        sock.connect(server.addresses()[0])
        sock.setblocking(False)
        return sock

    def is_refused(self, server):
        with socket.create_connection(server.addresses()[0], DEADLINE) as sock:
            try:
                sock.sendall(b'x')
                return sock.recv(1) != b'x'
            except ConnectionError:
                return True
