# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A daemon that may take no more memory turns peers away instead of dying.

The limit is RLIMIT_DATA, which holds on any machine; memory.max of a control
group is read in the same place (tests/unit/test-memory.c), but is not enforced in
every container.
"""

import contextlib
import resource
import signal
import socket
import time

from sonde_daemon import DEADLINE, wait_until
from sonde_faults import INSTRUMENTED, KIB, MIB, SLOWDOWN, FaultsTest, fault

SMALL = 32 * KIB
# What stays free at most. With a sanitizer it is that much, for these map a lot.
RESERVE_MAX = 64 * MIB


class TestMemory(FaultsTest):
    def limit(self, room):
        """Let the daemon take so much more than it has."""
        # It stands still meanwhile: it might take more before it is limited.
        self.freeze()
        try:
            self.set_limit(self.read_status('VmData') + room)
        finally:
            self.daemon.child.send_signal(signal.SIGCONT)

    def set_limit(self, limit=resource.RLIM_INFINITY):
        resource.prlimit(self.daemon.pid, resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))

    @fault(30, '1000 clients never read from a daemon that has 4 MiB left for them (RLIMIT_DATA)',
           'it lives; the worst are closed (NShed), more are refused (NRefused), and it recovers')
    def test_memory_limit(self):
        """Who would have us take more than there is goes, before malloc fails."""
        server = self.create('greedy', UnsentMax=1024 * MIB, SendBuffer=SMALL, ReceiveBuffer=SMALL,
                             ReadSize=256 * KIB)
        # An eighth of the limit stays free, or RESERVE_MAX: so this is what there is for peers.
        room = 4 * MIB
        self.limit(min((self.read_status('VmData') + 8 * room) // 7, RESERVE_MAX + room))
        self.addCleanup(self.set_limit)
        socks = [self.connect_greedily(server) for _ in range(1000)]
        block = bytes(256 * KIB)
        deadline = time.monotonic() + DEADLINE * SLOWDOWN
        while server.snapshot()['NShed'] < 20:
            self.assertLess(time.monotonic(), deadline, server.snapshot())
            for sock in socks:
                with contextlib.suppress(OSError):
                    sock.send(block)
        # Less than what has to stay free is left: who comes now is refused.
        self.limit(RESERVE_MAX // 2 if INSTRUMENTED else 3 * MIB)
        wait_until(lambda: self.is_refused(server), 'a client is refused')
        self.daemon.manager('Describe')
        self.set_limit()
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
