# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Nobody waits for a log: not for a pipe, not for a disk, not for a terminal, nor the journal."""

import os
import pty
import socket
import tempfile
import termios
import time

from sonde_faults import INSTRUMENTED, MIB, SLOWDOWN, FaultsTest, behind, fault, median_ping, ping
from test_log import put

EXPECTED = 'no echo waits, nobody dies; at most 1 MiB of memory'
# More lines than any pipe, terminal or socket has room for: each is one and a half.
N_ECHOES = 5000


class OutputTest(FaultsTest):
    def check_chatter(self, where):
        """Have every byte logged, and see that this holds nothing up."""
        put(self.daemon, 'LogLevel', 'debug')
        sock = self.connect(self.server)
        before = self.read_status('VmRSS')
        slowest = 0
        start = time.monotonic()
        for _ in range(N_ECHOES):
            slowest = max(slowest, ping(sock))
        took = time.monotonic() - start
        grown = self.read_status('VmRSS') - before
        # Who waited for a reader would wait forever; the machine may be busy.
        typical = median_ping(sock, count=100)
        self.assertLess(typical, 0.01 * SLOWDOWN)
        self.assertEqual(self.server.get('State'), 'listening')
        if not INSTRUMENTED:
            self.assertLess(grown, MIB)
        sock.close()
        self.server.wait_for(NConnections=0)
        put(self.daemon, 'LogLevel', 'notice')
        self.saw(f'{where}: {N_ECHOES} echoes in {took:.2f} s, the slowest {slowest * 1000:.1f} ms')


class TestClosed(OutputTest):
    daemon_prefix = ['sh', '-c', 'exec "$@" <&- >&- 2>&-', 'sh']

    @fault(35, 'started with descriptors 0 to 2 closed', EXPECTED + '; no log line ever goes into '
           'a connection')
    def test_closed(self):
        """A daemon without standard streams keeps their numbers out of use."""
        links = [os.readlink(f'/proc/{self.daemon.pid}/fd/{fd}') for fd in range(3)]
        self.assertEqual(links, ['/dev/null'] * 3)
        self.check_chatter('closed')


class TestFullDevice(OutputTest):
    daemon_prefix = ['sh', '-c', 'exec "$@" >/dev/full 2>&1', 'sh']

    @fault(35, 'both outputs on a device that is full', EXPECTED)
    def test_full_device(self):
        """A disk without room for the log is no reason to stop."""
        self.check_chatter('ENOSPC')


class TestFullPipe(OutputTest):
    @classmethod
    def setUpClass(cls):
        reader, writer = os.pipe()
        cls.addClassCleanup(os.close, reader)
        cls.addClassCleanup(os.close, writer)
        cls.daemon_options = {'stdout': writer, 'stderr': writer}
        cls.writer = writer
        super().setUpClass()

    @fault(35, 'both outputs in a pipe that nobody reads', EXPECTED)
    def test_full_pipe(self):
        """A pipe that nobody reads holds nobody up."""
        self.check_chatter('full')
        os.set_blocking(self.writer, False)
        with self.assertRaises(BlockingIOError):
            os.write(self.writer, bytes(65536))
        os.set_blocking(self.writer, True)


class TestNoReader(OutputTest):
    @classmethod
    def setUpClass(cls):
        reader, writer = os.pipe()
        cls.addClassCleanup(os.close, writer)
        cls.daemon_options = {'stdout': writer, 'stderr': writer}
        try:
            super().setUpClass()
        finally:
            os.close(reader)

    @fault(35, 'both outputs in a pipe whose reader has left', EXPECTED)
    def test_no_reader(self):
        """SIGPIPE ends nobody."""
        self.check_chatter('EPIPE')


class TestStoppedTerminal(OutputTest):
    @classmethod
    def setUpClass(cls):
        master, slave = pty.openpty()
        cls.addClassCleanup(os.close, master)
        cls.addClassCleanup(os.close, slave)
        # As Ctrl-S does.
        termios.tcflow(slave, termios.TCOOFF)
        cls.daemon_options = {'stdout': slave, 'stderr': slave}
        super().setUpClass()

    @fault(35, 'both outputs on a terminal that is stopped', EXPECTED)
    def test_stopped_terminal(self):
        """A terminal that shows nothing more holds nobody up."""
        self.check_chatter('stopped')


class TestStuckJournal(OutputTest):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='sonde-journal-')
        cls.addClassCleanup(directory.cleanup)
        cls.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        cls.addClassCleanup(cls.journal.close)
        cls.journal.bind(directory.name + '/socket')
        where = '/run/systemd/journal'
        cls.daemon_prefix = behind('mount -t tmpfs tmpfs /run', f'mkdir -p {where}',
                                   f'mount --bind {directory.name} {where}')
        super().setUpClass()

    @fault(35, 'the journal takes nothing any more', EXPECTED)
    def test_stuck_journal(self):
        """A journal that takes nothing holds nobody up."""
        put(self.daemon, 'LogTarget', 'journal')
        self.check_chatter('stuck')
        self.journal.setblocking(False)
        n_taken = 0
        with self.assertRaises(BlockingIOError):
            while self.journal.recv(65536):
                n_taken += 1
        self.assertGreater(n_taken, 1)
        self.saw(f'{n_taken} messages were in its socket')
        put(self.daemon, 'LogTarget', 'auto')
