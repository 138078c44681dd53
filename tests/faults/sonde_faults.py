# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A test case that does harm to a daemon, and then looks whether it is well.

A test is a case of the table in README.md beside this file. It says so with
@fault, and tells with self.saw() what it measured. When it is over, and all that
it opened is closed, the daemon must be as it was before: check_health() below.
"""

import contextlib
import functools
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
from sonde_daemon import DEADLINE, UNSHARE, Bus, Daemon, Process, wait_until
from sonde_faults_clock import Stopwatch, Usage, compare, measure_share, read_threads
from sonde_faults_stream import Stream
from sonde_harness import SondeTest, read_exactly

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


def median_ping(sock, count=200):
    """Tell the median round trip."""
    return statistics.median(ping(sock) for _ in range(count))


def measure_ping_cost(sock, daemon, count=200):
    """Tell the CPU time that an echo takes a daemon, to which nobody else talks."""
    usage = Usage(lambda: read_threads(daemon.pid))
    for _ in range(count):
        ping(sock)
    return usage.since()[0] / count


def percentile(values, percent):
    return sorted(values)[min(int(len(values) * percent / 100), len(values) - 1)]


def fill(sock, limit=64 * MIB, is_stalled=lambda: True):
    """Send to a peer until nothing has moved for a while; return how much went out.

    That nothing moves may also be because others have the CPUs: is_stalled() knows.
    """
    block = bytes(256 * KIB)
    sent, end = 0, time.monotonic() + 4 * DEADLINE
    sock.setblocking(False)
    while sent < limit:
        if select.select([], [sock], [], 0.3 * SLOWDOWN)[1]:
            with contextlib.suppress(BlockingIOError):
                sent += sock.send(block)
        elif is_stalled():
            break
        elif time.monotonic() > end:
            raise AssertionError(f'stuck after {sent} bytes, which are not too many')
    return sent


class Tracer(Process):
    """strace, which makes system calls of a running daemon fail."""

    def __init__(self, pid, *injections):
        options = [word for injection in injections for word in ('-e', 'inject=' + injection)]
        super().__init__(['strace', '-q', '-f', '-o', '/dev/null', *options, '-p', str(pid)])
        tasks = pathlib.Path(f'/proc/{pid}/task')

        def attached():
            try:
                states = [(task / 'status').read_text('ascii') for task in tasks.iterdir()]
            except OSError:
                # A thread ended meanwhile.
                return False
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
        cls.exercise()

    @classmethod
    def exercise(cls):
        """Have the daemon need the memory that it needs every day.

        It gives back all that is free when many connections have gone, and takes some
        of it again when it is used next.
        """
        for _ in range(50):
            cls.echo()
            cls.server.snapshot()
        cls.daemon.manager('Describe')
        cls.server.report('listener')

    @classmethod
    def stopwatch(cls, *pids):
        """Begin to time what the test, the daemon and others do in turn."""
        return Stopwatch(cls.daemon.pid, cls.bus.process.pid, *pids)

    @classmethod
    def echo(cls, size=KIB, address=None, pids=()):
        """Time an echo on a connection of its own."""
        watch = cls.stopwatch(*pids)
        with socket.create_connection(address or cls.address, DEADLINE) as sock:
            ping(sock, size)
        return watch.read()

    @classmethod
    def check_log(cls, daemon, allowed=None):
        super().check_log(daemon, allowed or cls.allowed_log)

    def setUp(self):
        self.notes = []
        self.exercise()
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

    def come_and_go(self, count=100):
        """Open and close many connections, after which the daemon tidies its memory up."""
        for sock in [socket.create_connection(self.address, DEADLINE) for _ in range(count)]:
            sock.close()

    def comes_back(self):
        """Wait until the daemon uses no more than before, but not for long."""
        start = time.monotonic()
        while not self.is_back():
            if time.monotonic() - start > RETURN_LIMIT:
                return False
            time.sleep(0.02)
        return True

    def check_usage(self):
        if not self.comes_back():
            # What is free, but in pieces, is no leak: once more that is given back.
            self.come_and_go()
            if not self.comes_back():
                self.fail(f'before the test {self.before}, after it {self.after}')
        growth = self.after['rss'] / self.before['rss'] - 1
        return 'fds {:+}, RSS {:+.1%}'.format(self.after['fds'] - self.before['fds'], growth)

    def read_cpu(self):
        """Read the CPU time of all threads, to the nanosecond."""
        return sum(ran for ran, _ in read_threads(self.daemon.pid).values())

    def measure_cpu(self, seconds=1.0):
        """Tell which share of a CPU the daemon takes over some time."""
        return measure_share(self.daemon.pid, seconds)

    def best(self, measure, limit, tries=5):
        """Measure until a figure is within its limit: others use the machine as well."""
        figures = []
        while len(figures) < tries and (not figures or min(figures) > limit):
            figures.append(measure())
        self.assertLessEqual(min(figures), limit, f'all of {figures} are beyond {limit}')
        return min(figures)

    def mostly(self, measure, limit, tries=5):
        """Measure a few times: all figures but one must be within their limit.

        Where a figure depends on luck, as when a pause happens to end, the best one of
        some is a lucky one, and says nothing.
        """
        figures = sorted(measure() for _ in range(tries))
        self.assertLessEqual(figures[-2], limit, f'of {figures} only one may be beyond {limit}')
        return figures[-2]

    def start_another(self, config=server_group('echo'), **options):
        """Start a daemon beside that of the class, as long as that, on a bus of its own."""
        bus = Bus()
        type(self).addClassCleanup(bus.stop)
        daemon = Daemon(bus, config, **options)
        type(self).addClassCleanup(daemon.kill)
        return daemon

    def pin(self, pid):
        """Keep the threads of a process, or this one, on one CPU until the test is over."""
        threads = map(int, os.listdir(f'/proc/{pid}/task')) if pid else [0]
        cpus = os.sched_getaffinity(0)
        for thread in threads:
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(thread, {min(cpus)})
            self.addCleanup(self.unpin, thread, cpus)

    @staticmethod
    def unpin(thread, cpus):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread, cpus)

    def pin_all(self, *daemons):
        """Keep daemons and the test on one CPU.

        To wake up another CPU takes several times as long as an echo, and whether it has
        to be done is chance.
        """
        for pid in *(daemon.pid for daemon in daemons), 0:
            self.pin(pid)

    def compare_pings(self, other):
        """Check that an echo takes 1.5 times as long as at another daemon, at most.

        The round trip, which is the bar; and the CPU time, which the others who use
        the machine are not in.
        """
        notes, daemons = [], (self.daemon, other)
        self.pin_all(*daemons)
        socks = [self.connect(daemon.get_server('echo')) for daemon in daemons]
        for what, measure in (('p50', lambda i: median_ping(socks[i])),
                              ('CPU', lambda i: measure_ping_cost(socks[i], daemons[i]))):
            ours, theirs = compare(lambda: measure(0), lambda: measure(1), 1.5)
            self.assertLessEqual(ours, 1.5 * theirs, what)
            notes.append(f'{what} {ours * 1e6:.1f} us instead of {theirs * 1e6:.1f}')
        return ', '.join(notes)

    def check_health(self):
        """Check that the daemon lives, answers, has given back everything and is quiet."""
        self.assertIsNone(self.daemon.child.poll(), 'the daemon is gone')
        # The first one: after that it may well have recovered.
        self.assertLessEqual(self.echo(), ECHO_LIMIT)
        note = self.check_usage()
        cpu = self.best(self.measure_cpu, IDLE_CPU_LIMIT)
        self.check_log(self.daemon)
        self.saw(f'after it {note}, CPU {cpu:.1%}')

    def freeze(self):
        """Stop the daemon with SIGSTOP, and wait until it stands still."""
        self.daemon.child.send_signal(signal.SIGSTOP)
        wait_until(self.is_frozen, 'the daemon stands still')

    def is_frozen(self):
        tasks = pathlib.Path(f'/proc/{self.daemon.pid}/task')
        try:
            states = [(task / 'status').read_text('ascii') for task in tasks.iterdir()]
        except OSError:
            # A thread ended meanwhile.
            return False
        return all('\nState:\tT' in state for state in states)

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
        self.echo = functools.partial(type(self).echo, address=address, pids=(daemon.pid,))
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
