# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Nothing that goes wrong with accept(2) makes the daemon spin, chatter or give up."""

import pathlib
import resource
import select
import signal
import socket
import struct
import time

from sonde_daemon import wait_until
from sonde_faults import SLOWDOWN, FaultsTest, fault, ping, run
from sonde_harness import reset

RECOVERY_LIMIT = 0.2 * SLOWDOWN
SHORTAGES = 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'
TRANSIENT = ('ECONNABORTED', 'EPROTO', 'ENETDOWN', 'EPERM', 'ENOPROTOOPT', 'EHOSTDOWN', 'ENONET',
             'EHOSTUNREACH', 'EOPNOTSUPP', 'ENETUNREACH', 'ETIMEDOUT')


class TestAccept(FaultsTest):
    # Another thread of the test may well connect faster than a sample is taken.
    def sample_shortage(self, connect):
        """Tell CPU, log lines and the worst echo beside clients that cannot be taken."""
        served = socket.create_connection(self.address, 10)
        self.addCleanup(served.close)
        ping(served)
        before = self.count_log_lines()
        waiting = connect()
        cpu = self.best(self.measure_cpu, 0.05)
        worst = max(ping(served) for _ in range(100))
        return waiting, cpu, self.count_log_lines() - before, worst

    @fault(2, 'EMFILE, ENFILE, ENOBUFS, ENOMEM on accept, for as long as it lasts',
           'CPU < 5 %, at most 1 log line/s, the others served, recovery within 200 ms')
    def test_shortage(self):
        """While accept(2) fails the daemon rests, and goes on 200 ms after it works again."""
        for name in SHORTAGES:
            served = socket.create_connection(self.address, 10)
            ping(served)
            before = self.server.snapshot()['AcceptErrors'].get(name, 0)
            n_lines = self.count_log_lines()
            tracer = self.trace(f'accept,accept4:error={name}')
            start = time.monotonic()
            waiting = socket.create_connection(self.address, 10)
            waiting.sendall(b'x')
            cpu = self.best(self.measure_cpu, 0.05)
            ping(served)
            n_lines = self.count_log_lines() - n_lines
            self.assertLessEqual(n_lines, 1 + (time.monotonic() - start))
            tracer.detach()
            start = time.monotonic()
            self.assertEqual(waiting.recv(1), b'x')
            recovery = time.monotonic() - start
            self.assertLess(recovery, RECOVERY_LIMIT)
            snapshot = self.server.snapshot()
            self.assertGreater(snapshot['AcceptErrors'][name], before)
            self.saw(f'{name}: CPU {cpu:.1%}, {n_lines} lines, back in {recovery * 1000:.0f} ms')
            waiting.close()
            served.close()
        self.saw('{} pauses'.format(self.server.snapshot()['NAcceptPauses']))
        self.assertGreaterEqual(self.server.snapshot()['NAcceptPauses'], len(SHORTAGES))

    @fault(1, 'EMFILE: the limit on open files is lowered to what is open',
           'new clients closed at once with the reserve descriptor, one log line, counted')
    def test_no_descriptor_left(self):
        """Out of descriptors a client is closed at once, not left to wait."""
        served = self.connect_many(100)
        ping(served[-1])
        old = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)
        n_lines = self.count_log_lines()
        before = self.server.snapshot()
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, (self.count_fds(), old[1]))
        try:
            start = time.monotonic()
            for sock in self.connect_many(50):
                self.assert_closed(sock)
            closed = (time.monotonic() - start) / 50
            cpu = self.best(self.measure_cpu, 0.05)
            ping(served[0])
        finally:
            resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, old)
        start = time.monotonic()
        self.echo()
        recovery = time.monotonic() - start
        self.assertLess(recovery, RECOVERY_LIMIT)
        n_lines = self.count_log_lines() - n_lines
        self.assertLessEqual(n_lines, 2)
        after = self.server.snapshot()
        self.assertEqual(after['NRefused'] - before['NRefused'], 50)
        self.assertGreater(after['AcceptErrors']['EMFILE'], before['AcceptErrors'].get('EMFILE', 0))
        self.saw(f'closed in {closed * 1000:.1f} ms each, {n_lines} log lines, CPU {cpu:.1%}, '
                 f'back in {recovery * 1000:.0f} ms')

    def assert_closed(self, sock):
        try:
            self.assertEqual(sock.recv(1), b'')
        except ConnectionResetError:
            pass

    @fault(3, 'transient errors of accept: ' + ', '.join(TRANSIENT),
           'silent, counted, the client behind it is served')
    def test_transient(self):
        """What is wrong with one connection only is not worth a word."""
        n_lines = self.count_log_lines()
        for name in TRANSIENT:
            tracer = self.trace(f'accept,accept4:error={name}:when=1..3')
            self.best(self.echo, RECOVERY_LIMIT * 2)
            tracer.detach()
            self.assertGreater(self.server.snapshot()['AcceptErrors'][name], 0)
        self.assertEqual(self.count_log_lines(), n_lines, self.daemon.log()[-2000:])
        self.saw(f'{len(TRANSIENT)} errors, no log line')

    @fault(3, 'errors of accept that cannot be: EBADF, EINVAL, for as long as it lasts',
           'no spinning: CPU < 5 %, at most 1 log line/s')
    def test_fatal(self):
        """An error that does not go away does not cost more than a look now and then."""
        for name in 'EINVAL', 'ECONNABORTED':
            tracer = self.trace(f'accept,accept4:error={name}')
            waiting = socket.create_connection(self.address, 10)
            waiting.sendall(b'x')
            n_lines, start = self.count_log_lines(), time.monotonic()
            cpu = self.best(self.measure_cpu, 0.05)
            n_lines = self.count_log_lines() - n_lines
            self.assertLessEqual(n_lines, 1 + (time.monotonic() - start))
            tracer.detach()
            self.assertEqual(waiting.recv(1), b'x')
            waiting.close()
            self.saw(f'{name}: CPU {cpu:.1%}, {n_lines} lines')

    def count_threads(self, prefix):
        tasks = pathlib.Path(f'/proc/{self.daemon.pid}/task')
        names = [(task / 'comm').read_text('ascii') for task in tasks.iterdir()]
        return sum(name.startswith(prefix) for name in names)

    @fault(2, 'no thread to be had, with Concurrency=threads',
           'the client reset at once, a log line, the server stops all the same')
    def test_no_thread(self):
        """A client for whom there is no thread does not wait for one, nor the end for it."""
        server = self.create('threads', Concurrency='threads')
        wait_until(lambda: self.count_threads('pool-') == 0, 'no thread is left of another pool')
        n_lines = self.count_log_lines()
        tracer = self.trace('clone,clone3:error=EAGAIN')
        start = time.monotonic()
        with self.assertRaises(ConnectionResetError):
            self.connect(server).recv(1)
        took = time.monotonic() - start
        wait_until(lambda: self.count_log_lines() == n_lines + 1, 'it is told')
        self.assertEqual(server.wait_for(NConnections=0)['NReset'], 1)
        server.call('Server.Stop')
        tracer.detach()
        self.saw(f'reset after {took * 1000:.1f} ms, 1 log line')

    @fault(4, 'accept queue overflow: 5000 connects to a daemon that does not run',
           'queue as long as Backlog; ListenOverflows told on D-Bus; all served then')
    def test_queue_overflow(self):
        """The queue is as long as it was asked for, and what it lost is told."""
        server = self.create('short', Backlog=64)
        address = server.addresses()[0]
        before = self.read_overflows()
        socks = []
        self.daemon.child.send_signal(signal.SIGSTOP)
        try:
            for _ in range(5000):
                sock = socket.socket()
                self.addCleanup(sock.close)
                sock.setblocking(False)
                sock.connect_ex(address)
                socks.append(sock)
        finally:
            self.daemon.child.send_signal(signal.SIGCONT)
        self.assertEqual(server.get('AcceptQueueLimit'), 64)
        overflows = wait_until(lambda: self.read_overflows() - before, 'the overflow is told')
        wait_until(lambda: server.snapshot()['NAccepted'] >= 65, 'those of the queue are served')
        self.assertGreaterEqual(server.snapshot()['AcceptQueuePeak'], 64)
        self.saw(f'limit 64, {overflows} overflows told')
        for sock in socks:
            sock.close()

    def read_overflows(self):
        deltas = self.daemon.call('/org/sonde/Sonde1', 'KernelLimits.GetDeltas')
        return deltas.get('ListenOverflows', 0)

    @fault(10, 'RST before accept, 100 times', 'served and forgotten; nobody asks for a peer')
    def test_reset_before_accept(self):
        """A connection that is gone when it is accepted is none."""
        before = self.server.snapshot()['NAccepted']
        self.daemon.child.send_signal(signal.SIGSTOP)
        try:
            for sock in self.connect_many(100):
                reset(sock)
        finally:
            self.daemon.child.send_signal(signal.SIGCONT)
        wait_until(lambda: self.server.snapshot()['NAccepted'] - before == 100, 'all are accepted')
        self.assertEqual(self.server.wait_for(NConnections=0)['NConnections'], 0)
        self.saw('100 accepted, 0 open')

    @fault(4, 'the queue, as ss and /proc/net/netstat show it',
           'Send-Q is Backlog, Recv-Q one more when it is full; D-Bus tells what the kernel counts')
    def test_queue_length(self):
        """The kernel has the queue that was asked for, and counts what we tell."""
        for backlog in 1, 64, 300:
            server = self.create(f'queue-{backlog}', Backlog=backlog)
            host, port = server.addresses()[0]
            kernel, told = self.read_netstat('ListenOverflows'), self.read_overflows()
            self.daemon.child.send_signal(signal.SIGSTOP)
            socks = []
            try:
                self.assertEqual(self.read_queue(port), (0, backlog))
                for _ in range(backlog + 20):
                    socks.append(socket.socket())
                    self.addCleanup(socks[-1].close)
                    socks[-1].setblocking(False)
                    socks[-1].connect_ex((host, port))
                wait_until(lambda b=backlog, p=port: self.read_queue(p) == (b + 1, b), 'it is full')
            finally:
                self.daemon.child.send_signal(signal.SIGCONT)
            wait_until(lambda t=told: self.read_overflows() > t, 'the overflow is told')
            # Others may have overflowed meanwhile: the second reading is the later one.
            told = self.read_overflows() - told
            self.assertLessEqual(told, self.read_netstat('ListenOverflows') - kernel)
            server.wait_for(NAccepted=backlog + 1)
            self.saw(f'Backlog={backlog}: Send-Q {backlog}, Recv-Q {backlog + 1}, {told} told')
            for sock in socks:
                sock.close()
            self.remove(f'queue-{backlog}')

    def read_queue(self, port):
        """Read Recv-Q and Send-Q of a listener."""
        [words] = [line.split() for line in run('ss', '-Hltn', f'sport = :{port}').splitlines()]
        return int(words[1]), int(words[2])

    @staticmethod
    def read_netstat(name):
        with open('/proc/net/netstat', encoding='ascii') as file:
            names, values = [line.split() for line in file if line.startswith('TcpExt:')]
        return int(values[names.index(name)])


class TestFewFiles(FaultsTest):
    daemon_prefix = ['prlimit', '--nofile=64']

    @fault(1, '120 clients of a daemon that may open 64 files',
           'as many as fit are served, the others closed at once; CPU < 5 %, at most 1 log line/s; '
           'recovery within 200 ms')
    def test_few_files(self):
        """With few files a daemon serves as many as it can and closes the others."""
        n_lines, start = self.count_log_lines(), time.monotonic()
        socks = self.connect_many(120)
        wait_until(lambda: self.count_decided() >= 120, 'all are accepted or refused')
        cpu = self.best(self.measure_cpu, 0.05)
        served = [sock for sock in socks if not select.select([sock], [], [], 0)[0]]
        self.assertGreater(len(served), 20)
        for sock in served:
            ping(sock)
        n_lines = self.count_log_lines() - n_lines
        self.assertLessEqual(n_lines, 1 + time.monotonic() - start)
        for sock in served[:10]:
            sock.close()
        start = time.monotonic()
        wait_until(self.try_echo, 'there is room again')
        recovery = time.monotonic() - start
        self.assertLess(recovery, RECOVERY_LIMIT)
        self.saw(f'{len(served)} served, {120 - len(served)} closed, CPU {cpu:.1%}, '
                 f'{n_lines} log lines, back in {recovery * 1000:.0f} ms')

    def count_decided(self):
        snapshot = self.server.snapshot()
        return snapshot['NConnections'] + snapshot['NRefused']

    def try_echo(self):
        try:
            return self.echo()
        except (AssertionError, ConnectionError):
            return None
