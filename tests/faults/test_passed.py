# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Sockets that are passed outlive the daemon, and nothing but sockets is taken for one."""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile

from sonde_daemon import DEADLINE, Bus, Daemon
from sonde_faults import KIB, FaultsTest, fault, ping
from test_sockets import GROUP, launch

CLOSED = -1


class PassedTest(FaultsTest):
    config = GROUP.format('echo', 'fd')

    @classmethod
    def setUpClass(cls):
        cls.listener = socket.create_server(('127.0.0.1', 0), backlog=4096)
        cls.addClassCleanup(cls.listener.close)
        cls.launch = launch(echo=cls.listener)
        cls.daemon_prefix = cls.launch['prefix']
        cls.daemon_options = {'pass_fds': cls.launch['pass_fds']}
        super().setUpClass()


class TestGarbage(PassedTest):
    def open_garbage(self):
        """Open what is no listening TCP socket, and tell why it is none."""
        reader, writer = os.pipe()
        for end in reader, writer:
            self.addCleanup(os.close, end)
        event = os.eventfd(0)
        self.addCleanup(os.close, event)
        null = os.open('/dev/null', os.O_RDWR)
        self.addCleanup(os.close, null)
        udp, udp6 = (socket.socket(family, socket.SOCK_DGRAM)
                     for family in (socket.AF_INET, socket.AF_INET6))
        local, tcp, netlink = socket.socket(socket.AF_UNIX), socket.socket(), socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW)
        local.bind(b'')
        local.listen()
        connected = socket.create_connection(self.address, DEADLINE)
        for sock in udp, udp6, local, tcp, netlink, connected:
            self.addCleanup(sock.close)
        return (('a pipe', reader, 'not a socket'), ('the end of a pipe', writer, 'not a socket'),
                ('an eventfd', event, 'not a socket'), ('/dev/null', null, 'not a socket'),
                ('UDP', udp, 'not speak TCP'), ('UDP over IPv6', udp6, 'not speak TCP'),
                ('netlink', netlink, 'neither IPv4 nor IPv6|not speak TCP'),
                ('a Unix socket', local, 'neither IPv4 nor IPv6'),
                ('TCP that does not listen', tcp, 'not listen'),
                ('TCP that is connected', connected, 'not listen'), ('closed', CLOSED, 'not open'))

    def start_with(self, config, passed, pid=None):
        """Start one more daemon; return its status, and the line that it ends with."""
        directory = tempfile.TemporaryDirectory(prefix='sonded-test-')
        self.addCleanup(directory.cleanup)
        path = pathlib.Path(directory.name, 'sonded.conf')
        path.write_text(config, 'utf-8')
        launched = launch(**passed)
        # Those are somebody else's then.
        prefix = launched['prefix'] + (['env', f'LISTEN_PID={pid}'] if pid else [])
        done = subprocess.run([*prefix, os.environ['SONDED'], '--address=' + self.bus.address,
                               f'--config={path}'], pass_fds=launched['pass_fds'], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=DEADLINE)
        self.assertNotRegex(done.stderr, 'CRITICAL|WARNING')
        [line] = [line for line in done.stderr.splitlines() if line.startswith('sonded: ')]
        return done.returncode, line

    @fault(29, 'a pipe, an eventfd, UDP, netlink, a Unix socket, TCP that does not listen, or '
           'nothing at all is passed beside a good socket',
           'status 6, one line with number, name and reason; who uses the good one serves on')
    def test_garbage(self):
        """What is no listening TCP socket is refused by number and name."""
        config = GROUP.format('good', 'fd') + GROUP.format('bad', 'fd:wrong')
        cases = self.open_garbage()
        for label, wrong, why in cases:
            with self.subTest(label):
                status, line = self.start_with(config, {'good': self.listener, 'wrong': wrong})
                self.assertEqual(status, 6, line)
                self.assertRegex(line, rf'escriptor 4\b.*({why})')
                self.assertIn('wrong', line)
                self.echo()
        self.saw(f'{len(cases)} kinds refused')

    @fault(29, 'the sockets are passed to another process (LISTEN_PID)', 'not touched, and not '
           'there for Listen=fd')
    def test_foreign(self):
        """What was passed to somebody else is none of our business."""
        status, line = self.start_with(self.config, {'echo': self.listener}, pid=1)
        self.assertEqual(status, 6, line)
        self.assertRegex(line, 'of server echo: .*passed: none')
        self.echo()
        self.saw(line)

    @fault(29, 'one socket too many is passed', 'closed, told once, and the others served')
    def test_stray(self):
        """A socket that nobody asked for is closed, and that is told once."""
        listener, stray = (socket.create_server(('127.0.0.1', 0)) for _ in range(2))
        for sock in listener, stray:
            self.addCleanup(sock.close)
        address = stray.getsockname()
        bus = Bus()
        type(self).addClassCleanup(bus.stop)
        daemon = Daemon(bus, self.config, **launch(echo=listener, stray=stray))
        self.adopt(daemon, listener.getsockname())
        stray.close()
        with socket.socket() as sock:
            self.assertNotEqual(sock.connect_ex(address), 0)
        daemon.manager('Reload')
        self.assertEqual(daemon.log().count('passed as stray, is closed'), 1)
        self.check_log(daemon, 'passed as stray, is closed')
        self.saw('closed, and told once')


class TestKilled(PassedTest):
    @fault(28, 'kill -9, 100 times, of a daemon with a passed socket, while somebody connects',
           '0 connections refused, everybody is served in the end')
    def test_killed(self):
        """With passed sockets nobody is refused, however often the daemon is killed."""
        done = []
        counts = {'connected': 0, 'refused': 0, 'cut off': 0, 'served': 0}

        def connect():
            while not done:
                with socket.socket() as sock:
                    sock.settimeout(DEADLINE)
                    try:
                        sock.connect(self.address)
                    except ConnectionRefusedError:
                        counts['refused'] += 1
                        continue
                    counts['connected'] += 1
                    # Whom the daemon had accepted when it was killed is cut off.
                    try:
                        ping(sock, KIB)
                        counts['served'] += 1
                    except (AssertionError, ConnectionError):
                        counts['cut off'] += 1
        connecting = self.in_thread(connect)
        try:
            for _ in range(100):
                self.restart()
                self.server.wait_for(NAccepted=3)
        finally:
            done.append(True)
        connecting.result(DEADLINE)
        self.warm_up()
        self.before = self.read_usage()
        self.assertEqual(counts['refused'], 0)
        self.assertGreaterEqual(counts['served'], 100)
        self.assertLessEqual(counts['cut off'], 100)
        self.saw(', '.join(f'{number} {what}' for what, number in counts.items()))

    def restart(self):
        cls = type(self)
        os.kill(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()
        self.daemon.kill()
        cls.daemon = Daemon(self.bus, self.config, **self.launch)
        cls.addClassCleanup(cls.daemon.kill)
        cls.server = self.daemon.get_server('echo')

    @fault(28, 'kill -9 with clients in the queue', 'those whom nobody had accepted are served by '
           'the next one')
    def test_queue(self):
        """Who waits in the queue when the daemon dies waits for the next one."""
        self.freeze()
        socks = self.connect_many(100)
        for sock in socks:
            sock.sendall(b'hello')
        self.restart()
        for sock in socks:
            self.assertEqual(sock.recv(5), b'hello')
            sock.close()
        self.warm_up()
        self.before = self.read_usage()
        self.saw('100 of 100 served')
