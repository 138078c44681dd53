# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Peers that vanish without a word are found out when they should be.

The daemon runs in a network of its own, which a pair of Ethernet devices joins
to another one, of the test; when the link goes down, nobody says good-bye.
"""

import ctypes
import os
import signal
import socket
import time

from sonde_daemon import DEADLINE, wait_until
from sonde_faults import FaultsTest, fault, ping, run

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
OURS, THEIRS = '10.79.0.1', '10.79.0.2'
PREFIX = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']


def setUpModule():
    """Move the test itself into a network where it may do what it likes."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET | (CLONE_NEWUSER if user != 0 else 0)) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')
    if user != 0:
        for name, text in (('setgroups', 'deny'), ('uid_map', f'0 {user} 1'),
                           ('gid_map', f'0 {group} 1')):
            with open('/proc/self/' + name, 'w', encoding='ascii') as file:
                file.write(text)
    run('ip', 'link', 'set', 'lo', 'up')


class WireTest(FaultsTest):
    """Reaches its daemon over a link that can be taken down."""

    daemon_prefix = PREFIX
    config = '[Server echo]\nListenAddresses=0.0.0.0:0\n'

    @classmethod
    def warm_up(cls):
        """Join the networks: from here the daemon is reached over a wire."""
        pid = str(cls.daemon.pid)
        run('ip', 'link', 'add', 'ours', 'type', 'veth', 'peer', 'name', 'theirs', 'netns', pid)
        run('ip', 'address', 'add', OURS + '/24', 'dev', 'ours')
        run('ip', 'link', 'set', 'ours', 'up')
        inside = 'nsenter', '--target', pid, '--net'
        run(*inside, 'ip', 'address', 'add', THEIRS + '/24', 'dev', 'theirs')
        run(*inside, 'ip', 'link', 'set', 'theirs', 'up')
        cls.address = (THEIRS, cls.address[1])
        # The link takes a moment to come up.
        wait_until(cls.is_reached, 'the network works')
        super().warm_up()

    @classmethod
    def is_reached(cls):
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex(cls.address) == 0

    def tearDown(self):
        self.restore()
        super().tearDown()

    @classmethod
    def restore(cls):
        run('ip', 'link', 'set', 'ours', 'up')
        wait_until(cls.is_reached, 'the network works again')
        # That was a connection as well.
        cls.server.wait_for(NConnections=0)


class TestVanished(WireTest):
    def time_vanished(self, size, seconds, delta):
        """Time how long the daemon holds on to a connection, the only one, that is cut.

        Its timers are the kernel's; they are no slower for a daemon that is.
        """
        before = self.server.snapshot()['NTimedOut']
        start = time.monotonic()
        with socket.create_connection(self.address, DEADLINE) as sock:
            ping(sock)
            if size > 0:
                # It is received before the link goes down, and answered after that.
                self.daemon.child.send_signal(signal.SIGSTOP)
                sock.sendall(bytes(size))
            run('ip', 'link', 'set', 'ours', 'down')
            watch = self.stopwatch()
            self.daemon.child.send_signal(signal.SIGCONT)
            self.server.wait_for(NConnections=0)
            took = watch.read()
        self.assertGreaterEqual(time.monotonic() - start, seconds - delta)
        self.assertEqual(self.server.snapshot()['NTimedOut'], before + 1)
        self.restore()
        return took

    @fault(14, 'the client vanishes, idle; keep-alive 1 s, 1 s, 2 probes',
           'found after 3 s, +- 1 s; counted in NTimedOut')
    def test_vanished_idle(self):
        """Keep-alive finds out that nobody is there any more."""
        self.server.update(KeepAliveTimeUSec=1000000, KeepAliveIntervalUSec=1000000,
                           KeepAliveProbes=2)
        took = self.best(lambda: self.time_vanished(0, 3, 1), 4)
        self.saw(f'found after {took:.2f} s')

    @fault(15, 'the client vanishes with data under way; UserTimeoutUSec 2.5 s',
           'found after 2.5 s, +- 0.5 s; counted in NTimedOut')
    def test_vanished_sending(self):
        """What nobody acknowledges is given up when it was said."""
        self.server.update(UserTimeoutUSec=2500000, KeepAlive=False)
        took = self.best(lambda: self.time_vanished(1000, 2.5, 0.5), 3)
        self.saw(f'found after {took:.2f} s')
