# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A peer that takes nothing, or takes forever, costs little and harms nobody."""

import hashlib
import os
import select
import socket
import time

from sonde_daemon import DEADLINE, wait_until
from sonde_faults import (GIB, INSTRUMENTED, KIB, MIB, SLOWDOWN, FaultsTest, fault, fill, ping,
                          percentile, median_ping)
from sonde_harness import read_all, reset, send_and_finish

# So little that the kernel is full soon, and the rest is ours.
SMALL = 32 * KIB


class TestSlowPeers(FaultsTest):
    def connect_small(self, server):
        """Connect with small buffers on the side of the client."""
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        sock.settimeout(DEADLINE)
        sock.connect(server.addresses()[0])
        return sock

    def stall(self, server):
        """Send until the daemon does not read any more."""
        before = server.snapshot()['Stalls']
        sock = self.connect_small(server)
        fill(sock)
        wait_until(lambda: server.snapshot()['Stalls'] > before, 'the daemon holds bytes')
        return sock

    @fault(5, 'a client sends 1 GiB and never reads',
           'reading pauses; at most 256 KiB of user memory; others as fast as before; closed after '
           'StallTimeoutUSec')
    def test_slow_reader(self):
        """Who does not read is not read from; then he is shown out."""
        other = self.connect(self.server)
        alone = median_ping(other)
        before = self.read_status('VmRSS')
        slow = self.connect(self.server)
        sent = fill(slow, GIB)
        self.assertLess(sent, GIB)
        grown = self.read_status('VmRSS') - before
        beside = self.best(lambda: median_ping(other), 1.5 * alone)
        worst = percentile([ping(other) for _ in range(1000)], 99)
        if not INSTRUMENTED:
            self.assertLessEqual(grown, 256 * KIB)
        self.server.update(StallTimeoutUSec=200000)
        self.addCleanup(self.server.update, StallTimeoutUSec=0)
        self.assert_gone(slow)
        ping(other)
        self.saw(f'{sent / MIB:.0f} MiB taken, RSS +{grown / KIB:.0f} KiB, others p50 '
                 f'{beside * 1e6:.0f} us instead of {alone * 1e6:.0f}, p99 {worst * 1e6:.0f}')

    def assert_gone(self, sock):
        """Wait until the daemon has thrown a connection out."""
        poll = select.poll()
        poll.register(sock, 0)
        self.assertTrue(poll.poll(DEADLINE * 1000), 'the connection is still there')

    @fault(6, '1000 clients never read, 8 MiB for all of them',
           'memory stays within UnsentMax; the worst are closed, counted in NShed; others are '
           'served')
    def test_many_slow_readers(self):
        """All that is unsent has one bound; beyond it he goes who has stood still for longest."""
        limit = 8 * MIB
        server = self.create('tight', UnsentMax=limit, SendBuffer=SMALL, ReceiveBuffer=SMALL)
        before = self.read_status('VmRSS')
        socks = [self.connect_small(server) for _ in range(1000)]
        block = bytes(256 * KIB)
        for sock in socks:
            sock.setblocking(False)
        # Round after round, so that all of them hold something.
        deadline = time.monotonic() + DEADLINE * SLOWDOWN
        peak = 0
        while server.snapshot()['NShed'] < 100:
            self.assertLess(time.monotonic(), deadline, server.snapshot())
            for sock in socks:
                try:
                    sock.send(block)
                except OSError:
                    pass
            peak = max(peak, self.read_status('VmRSS') - before)
        self.best(self.echo, 0.25 * SLOWDOWN)
        wait_until(self.settled(server), 'those that are shed are closed')
        snapshot = server.snapshot()
        if not INSTRUMENTED:
            # A struct for each beside it, and what a heap wastes.
            self.assertLessEqual(peak, 1.25 * limit + 1000 * 2 * KIB)
        self.saw('RSS +{:.1f} MiB at most, {} shed, {} left'.format(
            peak / MIB, snapshot['NShed'], snapshot['NConnections']))
        for sock in socks:
            sock.close()
        server.wait_for(NConnections=0)

    def settled(self, server):
        def check():
            snapshot = server.snapshot()
            return snapshot['NClosed'] >= snapshot['NShed']
        return check

    @fault(7, 'the peer resets while reading is paused', 'freed in 100 ms, no CPU')
    def test_reset_while_stalled(self):
        """A peer that resets while nobody reads from it is noticed all the same."""
        times = []
        for _ in range(5):
            sock = self.stall(self.server)
            start = time.monotonic()
            reset(sock)
            wait_until(lambda: self.server.get('NConnections') == 0, 'the connection is freed')
            times.append(time.monotonic() - start)
        self.assertLess(min(times), 0.1 * SLOWDOWN)
        cpu = self.best(self.measure_cpu, 0.05)
        self.saw(f'freed in {min(times) * 1000:.0f} ms, CPU {cpu:.1%}')

    @fault(8, 'half-close behind 64 MiB', 'every byte comes back, then FIN; no RST')
    def test_half_close(self):
        """Who has finished sending gets everything, to the last byte."""
        message = os.urandom(64 * MIB)
        before = self.server.snapshot()['NReset']
        sock = self.connect(self.server)
        sending = self.in_thread(send_and_finish, sock, message)
        answer = read_all(sock)
        sending.result(DEADLINE)
        self.assertEqual(hashlib.sha256(answer).digest(), hashlib.sha256(message).digest())
        sock.close()
        self.server.wait_for(NConnections=0)
        self.assertEqual(self.server.snapshot()['NReset'], before)
        self.saw(f'{len(answer)} bytes, SHA-256 equal, 0 resets')
