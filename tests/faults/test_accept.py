# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Nothing that goes wrong with accept(2) makes the daemon spin, chatter or give up."""

import pathlib
import resource
import select
import signal
import socket
import time

from sonde_daemon import DEADLINE, wait_until
from sonde_faults import IDLE_CPU_LIMIT, SLOWDOWN, FaultsTest, fault, ping, run
from sonde_harness import reset

RECOVERY_LIMIT = 0.2 * SLOWDOWN
# Between two tries while accept(2) fails.
REST_MIN = 0.05
SHORTAGES = 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'
# How often accept(2) is called before others have their turn.
BATCH = 64
TRANSIENT = ('ECONNABORTED', 'EPROTO', 'ENETDOWN', 'EPERM', 'ENOPROTOOPT', 'EHOSTDOWN', 'ENONET',
             'EHOSTUNREACH', 'EOPNOTSUPP', 'ENETUNREACH', 'ETIMEDOUT')


class TestAccept(FaultsTest):
    def count_errors(self, name):
        return self.server.snapshot()['AcceptErrors'].get(name, 0)

    def connect_waiting(self):
        """Connect and say something, for a daemon that cannot accept now."""
        sock = socket.create_connection(self.address, DEADLINE)
        self.addCleanup(sock.close)
        sock.sendall(b'x')
        return sock

    def endure(self, name):
        """Have accept(2) fail for a while; tell CPU, log lines, and seconds between tries.

        At most so many, for a daemon that has a CPU when it wants one; and at least.
        """
        served = self.connect(self.server)
        ping(served)
        n_lines, start = self.count_log_lines(), time.monotonic()
        before = self.count_errors(name)
        tracer = self.trace(f'accept,accept4:error={name}')
        waiting = self.connect_waiting()
        wait_until(lambda: self.count_errors(name) > before, 'accepting fails')
        before, watch, tried = self.count_errors(name), self.stopwatch(tracer.pid), time.monotonic()
        cpu = self.best(self.measure_cpu, IDLE_CPU_LIMIT)
        n_tries = max(self.count_errors(name) - before, 1)
        pauses = watch.read() / n_tries, (time.monotonic() - tried) / n_tries
        ping(served)
        wait_until(lambda: self.count_log_lines() > n_lines, 'the log tells')
        n_lines = self.count_log_lines() - n_lines
        self.assertLessEqual(n_lines, 1 + (time.monotonic() - start))
        tracer.detach()
        self.assertEqual(waiting.recv(1), b'x')
        for sock in waiting, served:
            sock.close()
        return cpu, n_lines, pauses

    def recover(self, name):
        """Time how long a client waits once accept(2) does not fail any more."""
        before = self.count_errors(name)
        tracer = self.trace(f'accept,accept4:error={name}')
        waiting = self.connect_waiting()
        wait_until(lambda: self.count_errors(name) > before, 'accepting fails')
        tracer.detach()
        watch = self.stopwatch()
        if not self.is_served(waiting):
            # It is closed if the reserve is what could be had first.
            self.assertIn(name, ('EMFILE', 'ENFILE'))
            self.echo()
        took = watch.read()
        waiting.close()
        return took

    def is_served(self, sock):
        try:
            return sock.recv(1) == b'x'
        except ConnectionResetError:
            return False

    @fault(2, 'EMFILE, ENFILE, ENOBUFS, ENOMEM on accept, for as long as it lasts',
           'CPU < 5 %, at most 1 log line/s, the others served, recovery within 200 ms')
    def test_shortage(self):
        """While accept(2) fails the daemon rests, and goes on 200 ms after it works again."""
        for name in SHORTAGES:
            cpu, n_lines, (most, least) = self.endure(name)
            # Whenever it ends, the next try is not further away than that.
            self.assertLess(most, RECOVERY_LIMIT)
            # Beside strace, which has to be asked each time, a daemon that does not rest may
            # have little CPU.
            self.assertGreater(least, REST_MIN)
            recovery = self.mostly(lambda name=name: self.recover(name), RECOVERY_LIMIT)
            self.saw(f'{name}: CPU {cpu:.1%}, {n_lines} lines, a try every {least * 1000:.0f} ms, '
                     f'back in {recovery * 1000:.0f} ms')
        self.saw('{} pauses'.format(self.server.snapshot()['NAcceptPauses']))
        self.assertGreaterEqual(self.server.snapshot()['NAcceptPauses'], len(SHORTAGES))

    @fault(1, 'EMFILE: the limit on open files is lowered to what is open',
           'new clients closed at once with the reserve descriptor, one log line, counted')
    def test_no_descriptor_left(self):
        """Out of descriptors a client is closed at once, not left to wait."""
        served = self.connect_many(100)
        ping(served[-1])
        n_lines, start = self.count_log_lines(), time.monotonic()
        before = self.server.snapshot()
        cpus = []

        def run_out():
            cpu, took = self.run_out(served[0])
            cpus.append(cpu)
            return took
        recovery = self.mostly(run_out, RECOVERY_LIMIT)
        n_lines = self.count_log_lines() - n_lines
        self.assertLessEqual(n_lines, 1 + (time.monotonic() - start))
        after = self.server.snapshot()
        self.assertEqual(after['NRefused'] - before['NRefused'], 50 * len(cpus))
        self.assertGreater(after['AcceptErrors']['EMFILE'], before['AcceptErrors'].get('EMFILE', 0))
        self.saw(f'{50 * len(cpus)} closed, {n_lines} log lines, CPU {max(cpus):.1%}, '
                 f'back in {recovery * 1000:.0f} ms')

    def run_out(self, served):
        """Leave no descriptor for 50 clients; tell CPU, and time the first one after that."""
        old = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, (self.count_fds(), old[1]))
        try:
            for sock in self.connect_many(50):
                self.assert_closed(sock)
            cpu = self.best(self.measure_cpu, IDLE_CPU_LIMIT)
            ping(served)
        finally:
            resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, old)
        return cpu, self.echo()

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
        took = [self.best(lambda name=name: self.echo_behind(
            name, f'accept,accept4:error={name}:when=1..3'), RECOVERY_LIMIT) for name in TRANSIENT]
        self.assertEqual(self.count_log_lines(), n_lines, self.daemon.log()[-2000:])
        self.saw(f'{len(TRANSIENT)} errors, no log line, an echo in at most '
                 f'{max(took) * 1000:.0f} ms')

    def echo_behind(self, name, *injections):
        """Time an echo on a connection before which others break."""
        before = self.count_errors(name)
        tracer = self.trace(*injections)
        watch = self.stopwatch(tracer.pid)
        self.echo()
        took = watch.read()
        tracer.detach()
        self.assertGreater(self.count_errors(name), before)
        return took

    @fault(3, 'as many transient errors as are looked at in a turn, and more',
           'the client behind them is served')
    def test_burst(self):
        """Who comes behind a burst of broken connections is not broken off."""
        # GSocketService calls accept(), and the daemon accept4(); strace counts each.
        injections = ('accept:error=ECONNABORTED:when=1',
                      f'accept4:error=ECONNABORTED:when=1..{BATCH}')
        took = self.best(lambda: self.echo_behind('ECONNABORTED', *injections), RECOVERY_LIMIT)
        self.saw(f'an echo in {took * 1000:.0f} ms')

    @fault(3, 'errors of accept that do not go away: EBADF, EINVAL, ECONNABORTED',
           'no spinning: CPU < 5 %, at most 1 log line/s')
    def test_fatal(self):
        """An error that does not go away does not cost more than a look now and then."""
        for name in 'EBADF', 'EINVAL', 'ECONNABORTED':
            cpu, n_lines, (_, least) = self.endure(name)
            self.assertGreater(least * (BATCH if name in TRANSIENT else 1), REST_MIN)
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
        self.freeze()
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
        self.freeze()
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
            self.freeze()
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
        served = self.connect_served(120)
        n_served = len(served)
        self.assertGreater(n_served, 20)
        cpu = self.best(self.measure_cpu, IDLE_CPU_LIMIT)
        for sock in served:
            ping(sock)
        recovery = self.mostly(lambda: self.make_room(served), RECOVERY_LIMIT)
        n_lines = self.count_log_lines() - n_lines
        self.assertLessEqual(n_lines, 1 + (time.monotonic() - start))
        self.saw(f'{n_served} of 120 served, the others closed, CPU {cpu:.1%}, '
                 f'{n_lines} log lines, back in {recovery * 1000:.0f} ms')

    def connect_served(self, count):
        """Open connections, too many perhaps; return those that are taken in."""
        before = self.server.snapshot()
        socks = self.connect_many(count)
        wait_until(lambda: sum(self.count_since(before)) == count, 'all are accepted or refused')
        # A client is counted first and closed then.
        n_accepted, _ = self.count_since(before)
        wait_until(lambda: len(self.find_open(socks)) == n_accepted, 'the others are closed')
        return self.find_open(socks)

    def count_since(self, before):
        now = self.server.snapshot()
        return [now[name] - before[name] for name in ('NAccepted', 'NRefused')]

    def find_open(self, socks):
        return [sock for sock in socks if not select.select([sock], [], [], 0)[0]]

    def make_room(self, served):
        """Time how long it takes until somebody is served after ten have left."""
        for sock in served[:10]:
            sock.close()
        watch = self.stopwatch()
        wait_until(self.try_echo, 'there is room again')
        took = watch.read()
        served[:10] = self.connect_served(40)
        return took

    def try_echo(self):
        try:
            return self.echo()
        except (AssertionError, ConnectionError):
            return None
