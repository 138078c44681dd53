# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Peers that come and go in every way leave nothing behind, and do not starve others."""

import gc
import os
import random
import select
import socket
import threading
import time

from sonde_daemon import DEADLINE, wait_until
from sonde_faults import (ECHO_LIMIT, IDLE_CPU_LIMIT, INSTRUMENTED, KIB, LONG, SLOWDOWN, FaultsTest,
                          connect_from, fault, measure_ping_cost, ping)
from sonde_faults_clock import Usage, compare, read_threads
from sonde_harness import reset


class TestPeers(FaultsTest):
    @fault(9, '10,000 connections reset at random offsets, some with unread data',
           'no death, no warning, all is freed')
    def test_resets(self):
        """A peer may break off at any byte."""
        rng = random.Random(9)
        message = os.urandom(256 * KIB)
        before = self.server.snapshot()
        for _ in range(10000):
            sock = socket.create_connection(self.address, DEADLINE)
            sock.setblocking(False)
            try:
                sock.send(message[:rng.randrange(len(message)) >> rng.randrange(18)] or b'x')
                if rng.random() < 0.3:
                    sock.recv(rng.randrange(1, 4096))
            except BlockingIOError:
                pass
            if rng.random() < 0.1:
                sock.shutdown(socket.SHUT_WR)
            reset(sock)
        # There may be some that are not yet accepted.
        after = self.server.wait_for(NClosed=before['NClosed'] + 10000)
        self.assertEqual(self.server.wait_for(NConnections=0)['NClosed'], after['NClosed'])
        self.saw('10000 freed')

    @fault(12, 'churn: connect, echo, close, {} times'.format('10^6' if LONG else '20,000'),
           'no growth of files or memory')
    def test_churn(self):
        """A million connections, one after the other, are as good as none."""
        n_threads, count = 4, 1000000 if LONG else 20000
        before = self.server.snapshot()['NAccepted']
        start = time.monotonic()
        threads = [self.in_thread(self.churn, count // n_threads) for _ in range(n_threads)]
        for thread in threads:
            thread.result()
        rate = count / (time.monotonic() - start)
        self.assertEqual(self.server.snapshot()['NAccepted'] - before, count)
        self.saw(f'{count} connections, {rate:.0f}/s')

    def churn(self, count):
        # TIME_WAIT would use up the ports of one source address.
        source = f'127.0.{threading.get_native_id() % 250 + 1}.{random.randrange(1, 250)}'
        for _ in range(count):
            sock = connect_from(source, self.address)
            sock.sendall(b'x')
            if sock.recv(1) != b'x':
                raise AssertionError('no echo')
            reset(sock)

    @fault(13, '5,000 clients, one byte at a time', 'at most 100 us of CPU per byte; one that goes '
           'on for ever ends with RuntimeMaxUSec, one that stops with IdleTimeoutUSec')
    def test_single_bytes(self):
        """Slowness is no way to hold a connection, nor to burn CPU."""
        socks = self.connect_many(5000)
        self.server.wait_for(NConnections=5000)
        per_byte = self.best(lambda: self.measure_bytes(socks), 100e-6 * SLOWDOWN)
        for sock in socks:
            sock.close()
        self.server.wait_for(NConnections=0)
        self.addCleanup(self.server.update, RuntimeMaxUSec=0, IdleTimeoutUSec=0, Mode='echo')
        before = self.server.snapshot()['NTimedOut']
        self.server.update(RuntimeMaxUSec=500000, Mode='upper-line')
        lasted = self.dribble()
        self.assertLess(lasted, 0.5 + 0.3 * SLOWDOWN)
        self.server.update(IdleTimeoutUSec=200000, RuntimeMaxUSec=0)
        self.connect(self.server).send(b'x')
        wait_until(lambda: self.server.snapshot()['NTimedOut'] == before + 2,
                   'the silent one is ended')
        self.saw(f'{per_byte * 1e6:.1f} us per byte; a slow line ended after {lasted:.1f} s')

    def measure_bytes(self, socks):
        """Tell the CPU time of a byte that comes alone."""
        n_bytes = self.server.get('BytesReceived') + 4 * len(socks)
        before = self.read_cpu()
        for _ in range(4):
            for sock in socks:
                sock.send(b'x')
        self.server.wait_for(BytesReceived=n_bytes)
        return (self.read_cpu() - before) / (4 * len(socks))

    def dribble(self):
        """Send a line that never ends; tell how long one may."""
        start = time.monotonic()
        sock = self.connect(self.server)
        watch = self.stopwatch()
        try:
            while not select.select([sock], [], [], 0.02)[0]:
                self.assertLess(time.monotonic() - start, DEADLINE)
                sock.send(b'x')
        except ConnectionError:
            pass
        self.assertGreaterEqual(time.monotonic() - start, 0.5)
        return watch.read()

    @fault(32, 'one source opens as many connections as it can',
           'it gets MaxConnectionsPerSource; another one is served within 250 ms')
    def test_per_source(self):
        """One source cannot take what is there for all."""
        server = self.create('shared', MaxConnectionsPerSource=50, MaxConnections=100)
        address = server.addresses()[0]
        greedy = [connect_from('127.0.0.2', address) for _ in range(200)]
        for sock in greedy:
            self.addCleanup(sock.close)
        wait_until(lambda: server.snapshot()['NRefused'] == 150, 'the rest is refused')
        watch = self.stopwatch()
        with connect_from('127.0.0.3', address) as other:
            ping(other, KIB)
        took = watch.read()
        self.assertLess(took, ECHO_LIMIT)
        self.assertEqual(server.snapshot()['NAccepted'], 51)
        self.saw(f'50 of 200 taken in, the other source served in {took * 1000:.1f} ms')

    @fault(33, 'a client pipes one endpoint into the other, and back',
           'ended by RuntimeMaxUSec, seen in the counters')
    def test_loop(self):
        """Bytes that go round for ever do so only as long as a connection may last."""
        servers = [self.create(name, RuntimeMaxUSec=500000) for name in ('one', 'two')]
        a, b = (self.connect(server) for server in servers)
        a.sendall(bytes(4 * KIB))
        start = time.monotonic()
        moved = self.pump(a, b)
        lasted = time.monotonic() - start
        self.assertLess(lasted, DEADLINE)
        # The pump stops with the first of the two; the other has its own time.
        for sock in a, b:
            sock.close()
        for server in servers:
            server.wait_for(NConnections=0)
        self.assertGreater(sum(s.snapshot()['NTimedOut'] for s in servers), 0)
        self.assertGreater(servers[0].snapshot()['BytesSent'], 4 * KIB)
        self.saw(f'{moved / KIB:.0f} KiB in {lasted:.1f} s, then ended')

    def pump(self, a, b):
        moved = 0
        other = {a: b, b: a}
        try:
            while True:
                for sock in select.select([a, b], [], [], DEADLINE)[0]:
                    data = sock.recv(64 * KIB)
                    if not data:
                        return moved
                    other[sock].sendall(data)
                    moved += len(data)
        except ConnectionError:
            return moved


class TestManyPeers(FaultsTest):
    COUNT = 1000 if INSTRUMENTED else 18000

    @fault(11, f'{COUNT} idle connections',
           'p50 of an active one at most 1.5 times that without; connect rate at least 80 %; at '
           'most 2 kB of memory each')
    def test_many_idle(self):
        """Connections on which nothing happens cost next to nothing."""
        # Compared with a daemon that has none, at the same time: the machine may be busy.
        other = self.start_another()
        socks, memory = [], self.read_status('VmRSS')
        for i in range(self.COUNT):
            socks.append(connect_from(f'127.0.1.{i // 1000 + 1}', self.address))
            self.addCleanup(socks[-1].close)
        self.server.wait_for(NConnections=self.COUNT)
        memory = (self.read_status('VmRSS') - memory) / self.COUNT
        if not INSTRUMENTED:
            self.assertLessEqual(memory, 2 * KIB)
        note = self.compare_pings(other)
        # As much as 80 % of the rate.
        cost, alone = compare(lambda: self.measure_connect(self.daemon),
                              lambda: self.measure_connect(other), 1 / 0.8)
        self.assertLessEqual(cost, alone / 0.8)
        cpu = self.best(self.measure_cpu, IDLE_CPU_LIMIT)
        self.saw(f'{note}, connect rate {alone / cost:.0%}, {memory:.0f} bytes each, CPU {cpu:.1%}')
        for sock in socks:
            sock.close()

    @fault(11, f'{COUNT // 4}, {COUNT // 2} and {COUNT} idle connections',
           'the slope: one more takes at most 2 kB; an echo at most 1.5 times the CPU that it '
           'takes at a quarter of them')
    def test_slope(self):
        """What one more costs does not grow with how many there are."""
        active, socks, rows = self.connect(self.server), [], []
        self.pin_all(self.daemon)
        for count in self.COUNT // 4, self.COUNT // 2, self.COUNT:
            while len(socks) < count:
                socks.append(connect_from(f'127.0.3.{len(socks) // 1000 + 1}', self.address))
                self.addCleanup(socks[-1].close)
            self.server.wait_for(NConnections=count + 1)
            rows.append((count, self.read_status('VmRSS'),
                         min(measure_ping_cost(active, self.daemon) for _ in range(10))))
        (_, _, first_cost), (few, memory, _), (many, more_memory, last_cost) = rows
        each = (more_memory - memory) / (many - few)
        last_cost = self.best(lambda: measure_ping_cost(active, self.daemon), 1.5 * first_cost,
                              tries=20)
        if not INSTRUMENTED:
            self.assertLessEqual(each, 2 * KIB)
        for sock in socks:
            sock.close()
        self.saw(f'{each:.0f} bytes for one more, {first_cost * 1e6:.1f} us of CPU for an echo at '
                 f'{rows[0][0]}, {last_cost * 1e6:.1f} at {many}')

    def measure_connect(self, daemon, count=500):
        """Tell the CPU time of a new connection, at both ends."""
        server = daemon.get_server('echo')
        address, before = server.addresses()[0], server.snapshot()
        gc.disable()
        own, usage = time.thread_time(), Usage(lambda: read_threads(daemon.pid))
        socks = [connect_from('127.0.2.1', address) for _ in range(count)]
        server.wait_for(NAccepted=before['NAccepted'] + count)
        cost = (time.thread_time() - own + usage.since()[0]) / count
        gc.enable()
        for sock in socks:
            reset(sock)
        server.wait_for(NConnections=before['NConnections'])
        return cost
