# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The daemon listens on sockets that the service manager passes, and on no others."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

from gi.repository import GLib
from sonde_daemon import DEADLINE, PROBLEM, Process, wait_until
from sonde_harness import SondeTest, read_exactly

# Puts descriptors where sd_listen_fds(3) expects them, and becomes a program.
LAUNCH = """
import fcntl, os, sys
names, fds, command = sys.argv[1], sys.argv[2], sys.argv[3:]
fds = [int(fd) for fd in fds.split(',')]
copies = [fcntl.fcntl(fd, fcntl.F_DUPFD, 50) if fd >= 0 else -1 for fd in fds]
os.closerange(3, 50)
for i, copy in enumerate(copies):
    if copy >= 0:
        os.dup2(copy, 3 + i)
os.closerange(50, 256)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
os.execvp(command[0], command)
"""
GROUP = '[Server {}]\nListen={}\n'


def launch(**passed):
    """Make a prefix that passes sockets, or -1 for one that is closed, by name."""
    fds = [fd if isinstance(fd, int) else fd.fileno() for fd in passed.values()]
    names = ':'.join(name.rstrip('_') for name in passed)
    prefix = [sys.executable, '-c', LAUNCH, names, ','.join(map(str, fds))]
    return {'prefix': prefix, 'pass_fds': [fd for fd in fds if fd >= 0]}


class TestSockets(SondeTest):
    def listen(self, backlog=64):
        listener = socket.create_server(('127.0.0.1', 0), backlog=backlog)
        self.addCleanup(listener.close)
        return listener

    def assert_served(self, address, answer=b'hello'):
        with self.connect_to(address) as sock:
            sock.sendall(b'hello')
            self.assertEqual(read_exactly(sock, len(answer)), answer)

    def stop(self, daemon, allowed='(?!)'):
        daemon.stop()
        self.check_log(daemon, allowed)

    def test_names(self):
        """Listen=fd takes the sockets with the name of the server, Listen=fd:NAME those of NAME."""
        echo, first, second = (self.listen() for _ in range(3))
        config = GROUP.format('echo', 'fd') + GROUP.format('loud', 'fd:other') + 'Mode=upper\n'
        daemon = self.start_daemon(config, **launch(echo=echo, other=first, other_=second))
        self.assert_served(echo.getsockname())
        for listener in first, second:
            self.assert_served(listener.getsockname(), b'HELLO')
        loud = daemon.get_server('loud')
        self.assertEqual(set(loud.addresses()), {first.getsockname(), second.getsockname()})
        self.assertEqual(loud.get('ListenAddresses'), [])
        self.stop(daemon)

    def test_options(self):
        """What is found on a socket is inherited; what the configuration asks for is set."""
        listener = self.listen(backlog=5)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 7)
        config = GROUP.format('echo', 'fd') + 'KeepAliveProbes=3\n'
        daemon = self.start_daemon(config, **launch(echo=listener))
        report = daemon.get_server('echo').report('listener')
        self.assertEqual(report['NoDelay'][1::2], (True, 'inherited'))
        self.assertEqual(report['Backlog'][1::2], (5, 'inherited'))
        self.assertEqual(report['KeepAliveProbes'][1::2], (3, 'as-asked'))
        daemon.config.write_text(GROUP.format('echo', 'fd'), 'utf-8')
        daemon.manager('Reload')
        report = daemon.get_server('echo').report('listener')
        self.assertEqual(report['KeepAliveProbes'][1::2], (7, 'inherited'))
        self.stop(daemon)

    def test_drop_in(self):
        """Listen=fd counts more than addresses, of a preset or beside it, until taken back."""
        listener = self.listen()
        config = '[Server echo]\nPreset=io-multiplex\nListenAddresses=127.0.0.1:0\nListen=fd\n'
        daemon = self.start_daemon(config, **launch(echo=listener))
        self.assertEqual(daemon.get_server('echo').addresses(), [listener.getsockname()])
        daemon.config.write_text(config + '[Server echo]\nMode=upper\n', 'utf-8')
        daemon.manager('Reload')
        self.assert_served(listener.getsockname(), b'HELLO')
        daemon.config.write_text(config.replace('=fd', '='), 'utf-8')
        daemon.manager('Reload')
        addresses = daemon.get_server('echo').addresses()
        self.assertNotEqual(addresses, [listener.getsockname()])
        self.assert_served(addresses[0])
        self.stop(daemon)

    def test_kept(self):
        """A socket outlives Stop, and a server that a reload removes and another makes again."""
        listener = self.listen()
        daemon = self.start_daemon(GROUP.format('echo', 'fd'), **launch(echo=listener))
        server = daemon.get_server('echo')
        server.call('Server.Stop')
        early = self.connect_to(listener.getsockname())
        early.sendall(b'early')
        server.call('Server.Start')
        self.assertEqual(read_exactly(early, 5), b'early')
        daemon.config.write_text('', 'utf-8')
        daemon.manager('Reload')
        again = self.connect_to(listener.getsockname())
        again.sendall(b'again')
        daemon.config.write_text(GROUP.format('echo', 'fd') + 'Workers=4\n', 'utf-8')
        daemon.manager('Reload')
        self.assertEqual(read_exactly(again, 5), b'again')
        self.stop(daemon)

    def test_bus_callers(self):
        """Nobody on the bus can ask for a passed socket, nor send its server elsewhere."""
        listener = self.listen()
        daemon = self.start_daemon(GROUP.format('echo', 'fd'), **launch(echo=listener))
        server = daemon.get_server('echo')
        listen = {'Listen': GLib.Variant('s', 'fd:echo')}
        for call in ((daemon.manager, 'CreateServer', '(sa{sv})', 'x', listen),
                     (server.call, 'Server.UpdateSettings', '(a{sv}a{sv})', listen, {})):
            self.assertIn('Listen is not a setting', self.fails('InvalidSetting', *call))
        message = self.fails('InvalidSetting', server.update, ListenAddresses=['127.0.0.1:0'])
        self.assertRegex(message, r'ListenAddresses=127\.0\.0\.1:0 .*echo.*allowed')
        server.update(Workers=3, ReusePort=True)
        server.call('Server.Relisten')
        self.assertEqual(server.addresses(), [listener.getsockname()])
        self.assertEqual(server.get('PendingRelisten'), [])
        self.assert_served(listener.getsockname())
        self.stop(daemon)

    def fails_to_start(self, config, **passed):
        directory = tempfile.TemporaryDirectory(prefix='sonded-test-')
        self.addCleanup(directory.cleanup)
        path = pathlib.Path(directory.name, 'sonded.conf')
        path.write_text(config, 'utf-8')
        launched = launch(**passed)
        command = [*launched['prefix'], os.environ['SONDED'], '--address=' + self.bus.address,
                   f'--config={path}']
        done = subprocess.run(command, pass_fds=launched['pass_fds'], capture_output=True,
                              timeout=DEADLINE, text=True, check=False)
        lines = [line for line in done.stderr.splitlines() if line.startswith('sonded: ')]
        self.assertEqual((done.returncode, len(lines)), (6, 1), done.stderr)
        self.assertNotRegex(done.stderr, 'CRITICAL|WARNING')
        return lines[0]

    def test_missing(self):
        """A name that was not passed is refused, and those that were are told."""
        message = self.fails_to_start(GROUP.format('echo', 'fd'), a=self.listen(), b=self.listen())
        self.assertRegex(message, 'Listen=fd:echo of server echo: .*passed: a, b')

    def test_bad_keys(self):
        """A Listen= that says anything else is refused with file and line."""
        for value in 'yes', 'fd:', 'fd:a:b', 'fd:ü', 'fd 3', 'FD', 'fd:' + 'x' * 256:
            with self.subTest(value=value[:10]):
                message = self.fails_to_start('[Server echo]\nListen=' + value, echo=self.listen())
                self.assertRegex(message, r'sonded\.conf:2: Listen=.*allowed: fd, or fd:NAME')

    def start_activator(self, *command):
        """Start a program by systemd-socket-activate, which takes no port 0, where it is free."""
        while True:
            with socket.create_server(('127.0.0.1', 0)) as a, socket.create_server(
                    ('127.0.0.1', 0)) as b:
                addresses = [a.getsockname(), b.getsockname()]
            listen = [f'--listen={host}:{port}' for host, port in addresses]
            # It hands over next to nothing, but sanitizers have to know what GLib does.
            keep = [f'--setenv={name}' for name in os.environ if name.endswith('SAN_OPTIONS')]
            process = Process(['systemd-socket-activate', *listen, '--fdname=echo:b', *keep,
                               *command])
            self.addCleanup(process.kill)
            wait_until(lambda: process.child.poll() is not None or is_listening(addresses),
                       'the activator listens')
            if process.child.poll() is None:
                return process, addresses

    def test_socket_activate(self):
        """systemd-socket-activate starts the daemon for its first client, who is served."""
        bus = self.start_bus()
        path = pathlib.Path(bus.directory.name, 'sonded.conf')
        path.write_text(GROUP.format('echo', 'fd') + GROUP.format('loud', 'fd:b') + 'Mode=upper\n')
        process, addresses = self.start_activator(
            os.environ['SONDED'], '--address=' + bus.address, f'--config={path}')
        self.assert_served(addresses[0])
        self.assert_served(addresses[1], b'HELLO')
        process.child.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)
        self.assertNotRegex(process.log(), PROBLEM)


def is_listening(addresses):
    """Tell whether somebody listens, without being his client."""
    shown = subprocess.run(['ss', '-H', '-l', '-t', '-n'], check=True, timeout=DEADLINE,
                           capture_output=True, text=True).stdout
    return all(f'{host}:{port} ' in shown for host, port in addresses)
