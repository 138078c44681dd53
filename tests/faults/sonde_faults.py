# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A test case that does harm to a daemon, and then looks whether it is well.

A test is a case of the table in README.md beside this file. It says so with
@fault, and tells with self.saw() what it measured. When it is over, and all that
it opened is closed, the daemon must be as it was before: check_health() below.
"""

import contextlib
import functools
import json
import os
import pathlib
import resource
import select
import signal
import socket
import statistics
import subprocess
import time

import sonde_faults_report
from sonde_daemon import DEADLINE, UNSHARE, Process, wait_until
from sonde_harness import SondeTest, read_all, read_exactly

# Sanitizers and valgrind take their time and their memory: bounds on these hold
# for a program without. All else is the same.
SLOWDOWN = float(os.environ.get('SONDE_TEST_SLOWDOWN', '1'))
INSTRUMENTED = SLOWDOWN > 1
# What takes minutes at full length is shorter unless somebody asks for it.
LONG = 'SONDE_FAULTS_LONG' in os.environ

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

ECHO_LIMIT = 0.25 * SLOWDOWN
RETURN_LIMIT = 5 * SLOWDOWN
IDLE_CPU_LIMIT = 0.05
FDS_SLACK = 2
RSS_SLACK = 0.1


def fault(number, case, expected):
    """Mark a test as a case of a row of the table."""
    def mark(test):
        @functools.wraps(test)
        def run(self):
            self.row = {'number': number, 'case': case, 'expected': expected}
            test(self)
        return run
    return mark


def server_group(name, *lines, addresses='127.0.0.1:0'):
    return '\n'.join((f'[Server {name}]', f'ListenAddresses={addresses}', *lines, ''))


def behind(*commands):
    """Make what goes before a program that shall see other files, but the same network."""
    unshare = [word for word in UNSHARE if word != '--net']
    return [*unshare, 'sh', '-c', ' && '.join((*commands, 'exec "$@"')), 'sh']


def raise_file_limit():
    """Let this process, and those it starts, open as many files as may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connect_from(source, address):
    """Connect from a source address, on a port that is shared with other targets."""
    sock = socket.socket()
    sock.settimeout(DEADLINE)
    sock.setsockopt(socket.IPPROTO_IP, getattr(socket, 'IP_BIND_ADDRESS_NO_PORT', 24), 1)
    sock.bind((source, 0))
    sock.connect(address)
    return sock


def ping(sock, size=64):
    """Time an echo on an open connection."""
    data = os.urandom(size)
    start = time.monotonic()
    sock.sendall(data)
    if read_exactly(sock, size) != data:
        raise AssertionError('the echo differs')
    return time.monotonic() - start


def median_ping(sock, count=500, rounds=5):
    """Tell the median round trip, in the best of some rounds: the machine is busy."""
    return min(statistics.median(ping(sock) for _ in range(count)) for _ in range(rounds))


def percentile(values, percent):
    return sorted(values)[min(int(len(values) * percent / 100), len(values) - 1)]


def fill(sock, limit=64 * MIB):
    """Send to a peer until nothing has moved for a while; return how much went out."""
    block = bytes(256 * KIB)
    sent = 0
    sock.setblocking(False)
    while sent < limit and select.select([], [sock], [], 0.3 * SLOWDOWN)[1]:
        with contextlib.suppress(BlockingIOError):
            sent += sock.send(block)
    return sent


class Stream:
    """Sends what nobody can guess through an echo, and compares what comes back."""

    # Not a power of two: a byte that is lost or comes twice moves all the others.
    PATTERN = os.urandom(MIB + 7) * 2
    PERIOD = MIB + 7
    WINDOW = 256 * KIB

    def __init__(self, address):
        self.sock = socket.create_connection(address, DEADLINE)
        self.sock.setblocking(False)
        self.sent = 0
        self.received = 0
        self.buffer = bytearray(self.WINDOW)
        self.view = memoryview(self.buffer)
        self.pattern = memoryview(self.PATTERN)

    def expected(self, offset, size):
        start = offset % self.PERIOD
        return self.pattern[start:start + size]

    def send(self, limit):
        size = min(limit - self.sent, self.WINDOW - (self.sent - self.received))
        if size > 0:
            with contextlib.suppress(BlockingIOError):
                self.sent += self.sock.send(self.expected(self.sent, size))

    def receive(self):
        with contextlib.suppress(BlockingIOError):
            size = self.sock.recv_into(self.buffer)
            if size == 0:
                raise AssertionError(f'closed after {self.received} of {self.sent} bytes')
            if self.view[:size] != self.expected(self.received, size):
                raise AssertionError(f'wrong bytes behind {self.received}')
            self.received += size

    def run(self, limit):
        """Send up to so many bytes in all, and see them come back."""
        while self.received < limit:
            has_more = self.sent < limit and self.sent - self.received < self.WINDOW
            wants = [self.sock] if has_more else []
            readable, writable, _ = select.select([self.sock], wants, [], DEADLINE)
            if not readable and not writable:
                raise AssertionError(f'stuck with {self.received} of {self.sent} bytes')
            if writable:
                self.send(limit)
            if readable:
                self.receive()

    def close(self):
        """Finish, and see that the peer had nothing more to say."""
        self.sock.settimeout(DEADLINE)
        self.sock.shutdown(socket.SHUT_WR)
        rest = read_all(self.sock)
        self.sock.close()
        if rest:
            raise AssertionError(f'{len(rest)} bytes too many')


class Tracer(Process):
    """strace, which makes system calls of a running daemon fail."""

    def __init__(self, pid, *injections):
        options = [word for injection in injections for word in ('-e', 'inject=' + injection)]
        super().__init__(['strace', '-q', '-f', '-o', '/dev/null', *options, '-p', str(pid)])
        tasks = pathlib.Path(f'/proc/{pid}/task')

        def attached():
            states = [(task / 'status').read_text('ascii') for task in tasks.iterdir()]
            return all(f'TracerPid:\t{self.pid}\n' in state for state in states)
        try:
            wait_until(attached, 'strace is attached')
        except BaseException:
            print(self.log())
            self.detach()
            raise

    def detach(self):
        """Let the daemon go; it runs on as if nothing had been."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
            self.wait()
        self.kill()


class FaultsTest(SondeTest):
    """Has a daemon with a server, echo, that is asked after each test how it is."""

    config = server_group('echo')
    # What the log may say about the harm that was done.
    allowed_log = '(?!)'
    # Where a test makes no harm to the daemon of the class but to one of its own.
    row = None

    @classmethod
    def setUpClass(cls):
        raise_file_limit()
        super().setUpClass()
        cls.server = cls.daemon.get_server('echo')
        cls.address = cls.server.addresses()[0]
        cls.warm_up()

    @classmethod
    def warm_up(cls):
        """Have what is made at first use made before anything is measured."""
        for _ in range(50):
            cls.echo()
        cls.daemon.manager('Describe')
        cls.server.report('listener')
        cls.server.snapshot()

    @classmethod
    def echo(cls, size=KIB, address=None):
        """Time an echo on a connection of its own."""
        start = time.monotonic()
        with socket.create_connection(address or cls.address, DEADLINE) as sock:
            ping(sock, size)
        return time.monotonic() - start

    @classmethod
    def check_log(cls, daemon, allowed=None):
        super().check_log(daemon, allowed or cls.allowed_log)

    def setUp(self):
        self.notes = []
        wait_until(lambda: self.server.get('NConnections') == 0, 'the server is idle')
        self.before = self.read_usage()
        # The first clean-up is the last one: all that the test opened is closed by then.
        self.addCleanup(self.check_health)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        self.report(len(result.failures) + len(result.errors) == before)

    def saw(self, note):
        self.notes.append(note)

    def report(self, passed):
        if self.row is not None:
            row = {**self.row, 'test': self.id(), 'seen': '; '.join(self.notes), 'passed': passed}
            sonde_faults_report.add(row)

    def read_status(self, field, pid=None):
        """Read a number of /proc/PID/status; memory is in bytes then."""
        text = pathlib.Path(f'/proc/{pid or self.daemon.pid}/status').read_text('ascii')
        words = next(line for line in text.splitlines() if line.startswith(field + ':')).split()
        return int(words[1]) * (KIB if words[2:] == ['kB'] else 1)

    def count_fds(self):
        return len(os.listdir(f'/proc/{self.daemon.pid}/fd'))

    def read_usage(self):
        return {'fds': self.count_fds(), 'rss': self.read_status('VmRSS')}

    def is_back(self):
        """Check whether the daemon uses no more than it did before the test."""
        self.after = self.read_usage()
        rss_limit = self.before['rss'] * (1 + RSS_SLACK)
        return (abs(self.after['fds'] - self.before['fds']) <= FDS_SLACK
                and (INSTRUMENTED or self.after['rss'] <= rss_limit))

    def check_usage(self):
        start = time.monotonic()
        while not self.is_back():
            if time.monotonic() - start > RETURN_LIMIT:
                self.fail(f'before the test {self.before}, after it {self.after}')
            time.sleep(0.02)
        growth = self.after['rss'] / self.before['rss'] - 1
        return 'fds {:+}, RSS {:+.1%}'.format(self.after['fds'] - self.before['fds'], growth)

    def read_cpu(self):
        """Read the CPU time of all threads, to the nanosecond."""
        total = 0
        for task in pathlib.Path(f'/proc/{self.daemon.pid}/task').iterdir():
            with contextlib.suppress(OSError):
                total += int((task / 'schedstat').read_text('ascii').split()[0])
        return total / 1e9

    def measure_cpu(self, seconds=1.0):
        """Tell which share of a CPU the daemon takes over some time."""
        start, before = time.monotonic(), self.read_cpu()
        time.sleep(seconds)
        return (self.read_cpu() - before) / (time.monotonic() - start)

    def best(self, measure, limit, tries=5):
        """Measure until a figure is within its limit: others use the machine as well."""
        figures = []
        while len(figures) < tries and (not figures or min(figures) > limit):
            figures.append(measure())
        self.assertLessEqual(min(figures), limit, f'all of {figures} are beyond {limit}')
        return min(figures)

    def check_health(self):
        """Check that the daemon lives, answers, has given back everything and is quiet."""
        self.assertIsNone(self.daemon.child.poll(), 'the daemon is gone')
        self.best(self.echo, ECHO_LIMIT, tries=20)
        note = self.check_usage()
        cpu = self.best(self.measure_cpu, IDLE_CPU_LIMIT)
        self.check_log(self.daemon)
        self.saw(f'after it {note}, CPU {cpu:.1%}')

    def count_log_lines(self):
        return len(self.daemon.log().splitlines())

    def trace(self, *injections):
        tracer = Tracer(self.daemon.pid, *injections)
        self.addCleanup(tracer.detach)
        return tracer

    def connect_many(self, count, address=None):
        """Open connections and leave them alone."""
        socks = [socket.create_connection(address or self.address, DEADLINE) for _ in range(count)]
        for sock in socks:
            self.addCleanup(sock.close)
        return socks

    def run_streams(self, n_streams, n_bytes, meanwhile):
        """Echo bytes on several connections; do something over and over meanwhile.

        Returns what the streams got back in all, and how often it was done.
        """
        streams = [Stream(self.address) for _ in range(n_streams)]
        running = [self.in_thread(stream.run, n_bytes // n_streams) for stream in streams]
        n_done = 0
        while not all(future.done() for future in running):
            meanwhile(n_done)
            n_done += 1
        for future in running:
            future.result(DEADLINE)
        for stream in streams:
            stream.close()
        return sum(stream.received for stream in streams), n_done

    def adopt(self, daemon, address):
        """Ask another daemon how it is after the test; it lives as long as the class does."""
        type(self).addClassCleanup(daemon.kill)
        self.daemon, self.address = daemon, address
        self.echo = functools.partial(type(self).echo, address=address)
        for _ in range(50):
            self.echo()
        self.before = self.read_usage()

    def reset_peak(self, pid=None):
        """Let VmHWM begin anew, at what the memory is now; return that."""
        # proc(5): /proc/PID/clear_refs.
        pathlib.Path(f'/proc/{pid or self.daemon.pid}/clear_refs').write_text('5', 'ascii')
        return self.read_status('VmHWM', pid)


def run(*command):
    """Run a program that must succeed, and return what it says."""
    done = subprocess.run(command, check=False, timeout=DEADLINE, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise AssertionError(f'{command}: status {done.returncode}\n{done.stdout}')
    return done.stdout
