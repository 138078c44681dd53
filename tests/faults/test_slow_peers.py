# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A peer that takes nothing, or takes forever, costs little and harms nobody."""

import contextlib
import hashlib
import os
import resource
import select
import socket
import time

from sonde_daemon import DEADLINE, wait_until
from sonde_faults import (ECHO_LIMIT, GIB, IDLE_CPU_LIMIT, INSTRUMENTED, KIB, MIB, SLOWDOWN,
                          FaultsTest, fault, fill, percentile, ping)
from sonde_faults_clock import compare
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
        fill(sock, is_stalled=lambda: server.snapshot()['Stalls'] > before)
        return sock

    @fault(5, 'a client sends 1 GiB and never reads',
           'reading pauses; at most 256 KiB of user memory; others as fast as before; closed after '
           'StallTimeoutUSec')
    def test_slow_reader(self):
        """Who does not read is not read from; then he is shown out."""
        other = self.connect(self.server)
        n_stalls, before = self.server.snapshot()['Stalls'], self.read_status('VmRSS')
        slow = self.connect(self.server)
        sent = fill(slow, GIB, lambda: self.server.snapshot()['Stalls'] > n_stalls)
        self.assertLess(sent, GIB)
        grown = self.read_status('VmRSS') - before
        note = self.compare_pings(self.start_another())
        worst = percentile([ping(other) for _ in range(1000)], 99)
        if not INSTRUMENTED:
            self.assertLessEqual(grown, 256 * KIB)
        self.server.update(StallTimeoutUSec=200000)
        self.addCleanup(self.server.update, StallTimeoutUSec=0)
        self.assert_gone(slow)
        ping(other)
        self.saw(f'{sent / MIB:.0f} MiB taken, RSS +{grown / KIB:.0f} KiB, others {note}, '
                 f'p99 {worst * 1e6:.0f} us')

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
        self.best(self.echo, ECHO_LIMIT)
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
        took = self.mostly(self.reset_stalled, 0.1 * SLOWDOWN)
        cpu = self.best(self.measure_cpu, IDLE_CPU_LIMIT)
        self.saw(f'freed in {took * 1000:.0f} ms, CPU {cpu:.1%}')

    def reset_stalled(self):
        """Time how long the daemon keeps a connection that was reset while it stood still."""
        sock = self.stall(self.server)
        watch = self.stopwatch()
        reset(sock)
        self.server.wait_for(NConnections=0)
        return watch.read()

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

    @fault(5, 'clients send 1 GiB in all, and none of them ever reads',
           'the peak of the memory (VmHWM) at most 1 MiB higher; p99 of others at most twice that '
           'of another daemon')
    def test_peak(self):
        """However much is sent unread, it is not we who keep it."""
        # Whoever is reset has given the kernel as much as its buffers hold.
        server = self.create('unread')
        self.send_unread(server, 0)
        before = self.reset_peak()
        sent = self.send_unread(server, GIB)
        peak = self.read_status('VmHWM') - before
        if not INSTRUMENTED:
            self.assertLessEqual(peak, MIB)
        slow = self.connect(server)
        fill(slow)
        another = self.start_another()
        self.pin_all(self.daemon, another)
        ours, theirs = (self.connect(daemon.get_server('echo'))
                        for daemon in (self.daemon, another))
        beside, alone = compare(lambda: self.measure_p99(ours), lambda: self.measure_p99(theirs), 2)
        self.assertLessEqual(beside, 2 * alone)
        slow.close()
        server.wait_for(NConnections=0)
        self.remove('unread')
        self.saw(f'{sent / MIB:.0f} MiB sent, VmHWM +{peak / KIB:.0f} KiB, others p99 '
                 f'{beside * 1e6:.0f} us instead of {alone * 1e6:.0f}')

    def measure_p99(self, sock):
        return percentile([ping(sock) for _ in range(500)], 99)

    def send_unread(self, server, total):
        """Send with one client after the other, and leave without having read."""
        block = bytes(MIB)
        sent = 0
        while True:
            sock = self.connect(server)
            sock.setblocking(False)
            before = server.snapshot()['Stalls']
            while server.snapshot()['Stalls'] == before:
                if select.select([], [sock], [], 0.01)[1]:
                    sent += sock.send(block)
            reset(sock)
            if sent >= total:
                return sent

    @fault(6, 'clients that never read come one after the other, until there is no room for them',
           'those are closed who have stood still for longest, in that order')
    def test_worst_first(self):
        """Who has taken nothing for longest is the first to go."""
        # Each of them can hold what one read brings.
        server = self.create('tight', UnsentMax=128 * KIB, SendBuffer=SMALL, ReceiveBuffer=SMALL)
        socks, closed = [], []
        while len(closed) < 3:
            self.assertLess(len(socks), 50, server.snapshot())
            socks.append(self.stall(server))
            closed += [i for i, sock in enumerate(socks) if i not in closed and is_gone(sock)]
        self.assertEqual(closed, list(range(len(closed))))
        self.assertEqual(server.snapshot()['NShed'], len(closed))
        self.assertFalse(is_gone(socks[-1]))
        for sock in socks:
            sock.close()
        server.wait_for(NConnections=0)
        self.remove('tight')
        self.saw(f'{len(closed)} of {len(socks)} closed, the oldest first')

    @fault(6, '1000 clients never read, and the daemon may take 256 MiB (RLIMIT_DATA)',
           'it lives within that; others are served')
    def test_within_limit(self):
        """A thousand slow readers are no reason to die, where memory is limited."""
        # A sanitizer has taken more than that already.
        limit = 256 * MIB + (self.read_status('VmData') if INSTRUMENTED else 0)
        resource.prlimit(self.daemon.pid, resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))
        self.addCleanup(resource.prlimit, self.daemon.pid, resource.RLIMIT_DATA,
                        (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        server = self.create('crowd', UnsentMax=GIB, SendBuffer=SMALL, ReceiveBuffer=SMALL)
        socks = [self.connect_small(server) for _ in range(1000)]
        for sock in socks:
            sock.setblocking(False)
        block, peak, deadline = bytes(256 * KIB), 0, time.monotonic() + DEADLINE * SLOWDOWN
        while server.snapshot()['Stalls'] < len(socks):
            self.assertLess(time.monotonic(), deadline, server.snapshot())
            for sock in socks:
                with contextlib.suppress(OSError):
                    sock.send(block)
            peak = max(peak, self.read_status('VmData'))
        self.assertLessEqual(peak, limit)
        self.best(self.echo, 0.25 * SLOWDOWN)
        snapshot = server.snapshot()
        self.assertEqual(snapshot['NConnections'] + snapshot['NClosed'] + snapshot['NReset'], 1000)
        for sock in socks:
            sock.close()
        server.wait_for(NConnections=0)
        self.remove('crowd')
        self.saw('{:.0f} MiB held, VmData {:.0f} MiB at most, {} shed'.format(
            (snapshot['BytesReceived'] - snapshot['BytesSent']) / MIB, peak / MIB,
            snapshot['NShed']))


def is_gone(sock):
    """Tell whether the peer has thrown a connection out."""
    poll = select.poll()
    poll.register(sock, 0)
    return bool(poll.poll(0))
