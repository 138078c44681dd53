# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The daemon starts, reloads and ends in order, whatever happens around it."""

import contextlib
import os
import pathlib
import select
import signal
import socket
import subprocess
import tempfile

from sonde_daemon import DEADLINE, IN_NAMESPACE, wait_until
from sonde_harness import SondeTest, read_all, read_exactly

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEFAULTS = {'echo': 9999, 'echo-once': 8888, 'upper': 9998, 'upper-once': 9997, 'upper-line': 9996}


def server_group(name, *lines, mode='echo', addresses='127.0.0.1:0'):
    head = f'[Server {name}]', f'Mode={mode}', f'ListenAddresses={addresses}'
    return '\n'.join((*head, *lines, ''))


class TestLife(SondeTest):
    config = server_group('kept') + server_group('changed') + server_group('removed')

    def names(self, daemon):
        path = '/org/sonde/Sonde1'
        objects = daemon.call(path, 'org.freedesktop.DBus.ObjectManager.GetManagedObjects')
        return {row['org.sonde.Sonde1.Server']['Name'] for row in objects.values()}

    def test_ready_when_listening(self):
        """READY=1 is told when every server listens, and not before."""
        groups = ''.join(server_group(f's{i}', addresses='127.0.0.1:0;[::1]:0') for i in range(5))
        daemon = self.start_daemon(groups)
        # The harness returns with READY=1; at this moment all ten must be there.
        shown = subprocess.run(['ss', '-H', '-l', '-t', '-n', '-p'], check=True, timeout=DEADLINE,
                               capture_output=True, text=True)
        listening = [line for line in shown.stdout.splitlines() if f'pid={daemon.pid},' in line]
        self.assertEqual(len(listening), 10)
        daemon.stop()
        self.check_log(daemon)
        daemon.wait_notified('STOPPING=1')

    def test_default_configuration(self):
        """Without a configuration there are the five servers, each on its well-known port."""
        # In a network of its own, where the ports are free.
        for folders in [], [SOURCE / 'data']:
            daemon = self.start_daemon('', folders=folders, prefix=IN_NAMESPACE)
            self.assertEqual(self.names(daemon), set(DEFAULTS))
            for name, port in DEFAULTS.items():
                server = daemon.get_server(name)
                self.assertEqual(server.addresses(), [('127.0.0.1', port)])
                self.assertEqual((server.get('Mode'), server.get('NoDelay')), (name, True))
            daemon.stop()

    def test_terminate_flushes(self):
        """SIGTERM answers what was received, to the last byte, and ends with status 0."""
        for signum in signal.SIGTERM, signal.SIGINT:
            daemon = self.start_daemon(server_group('echo'))
            server = daemon.get_server('echo')
            message = os.urandom(512 * 1024)
            sock = self.connect(server, receive_buffer=65536)
            sock.sendall(message)
            server.wait_for(BytesReceived=len(message))
            address = server.addresses()[0]
            daemon.child.send_signal(signum)

            def refused():
                with socket.socket() as other:
                    return other.connect_ex(address) != 0
            wait_until(refused, 'nobody listens any more')
            self.assertTrue(read_all(sock) == message, 'the answer differs')
            sock.close()
            self.assertEqual(daemon.wait(), 0)
            self.check_log(daemon)

    def test_terminate_twice(self):
        """A second SIGTERM does not wait for clients."""
        daemon = self.start_daemon(server_group('echo', 'CloseTimeoutSec=1h'))
        server = daemon.get_server('echo')
        self.connect(server)
        server.wait_for(NConnections=1)
        daemon.child.send_signal(signal.SIGTERM)
        daemon.wait_notified('STOPPING=1')
        daemon.child.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)

    def test_reload(self):
        """SIGHUP adds, changes and removes servers; one that is the same notices nothing."""
        kept = self.daemon.get_server('kept')
        changed = self.daemon.get_server('changed')
        self.create('mine')
        socks = [self.connect(kept), self.connect(changed)]
        kept.wait_for(NConnections=1)
        changed.wait_for(NConnections=1)
        address = changed.addresses()
        groups = server_group('kept'), server_group('added')
        groups += (server_group('changed', 'NoDelay=yes', mode='upper'),)
        self.daemon.config.write_text(''.join(groups), 'utf-8')
        self.daemon.child.send_signal(signal.SIGHUP)
        names = {'kept', 'changed', 'added', 'mine'}
        wait_until(lambda: self.names(self.daemon) == names, 'the reload')
        wait_until(lambda: changed.get('Mode') == 'upper', 'the change')
        self.assertEqual((changed.get('NoDelay'), changed.addresses()), (True, address))
        for sock, answer in zip(socks, (b'data', b'DATA')):
            sock.sendall(b'data')
            self.assertEqual(read_exactly(sock, 4), answer)
        self.bad_reload()

    def test_folders(self):
        """Without --config the folders are searched, at the start and at each reload."""
        directory = tempfile.TemporaryDirectory(prefix='sonded-test-')
        self.addCleanup(directory.cleanup)
        high, low = (pathlib.Path(directory.name, name) for name in ('high', 'low'))
        drop_ins = high / 'sonded.conf.d'
        drop_ins.mkdir(parents=True)
        low.mkdir()
        (low / 'sonded.conf').write_text(server_group('main') + server_group('other'), 'utf-8')
        (drop_ins / 'a.conf').write_text('[Server main]\nMode=upper\n', 'utf-8')
        daemon = self.start_daemon('', folders=[high, low])
        self.assertEqual(self.names(daemon), {'main', 'other'})
        self.assertEqual(daemon.get_server('main').get('Mode'), 'upper')
        (drop_ins / 'a.conf').unlink()
        (drop_ins / 'b.conf').write_text(server_group('added'), 'utf-8')
        daemon.manager('Reload')
        self.assertEqual(self.names(daemon), {'main', 'other', 'added'})
        self.assertEqual(daemon.get_server('main').get('Mode'), 'echo')
        (drop_ins / 'c.conf').write_text('[Server main]\nMode=lower\n', 'utf-8')
        message = self.fails('InvalidSetting', daemon.manager, 'Reload')
        self.assertIn(f'{drop_ins}/c.conf:2: ', message)
        daemon.stop()
        self.check_log(daemon)

    def bad_reload(self):
        """A bad configuration changes nothing, by SIGHUP or by Reload, and is told."""
        before = self.names(self.daemon)
        text = server_group('new') + server_group('kept', 'Backlog=none')
        self.daemon.config.write_text(text, 'utf-8')
        message = self.fails('InvalidSetting', self.daemon.manager, 'Reload')
        self.assertIn(f'{self.daemon.config}:7: ', message)
        self.assertRegex(message, r'Backlog.*none.*allowed')
        self.assertEqual(self.names(self.daemon), before)
        self.daemon.child.send_signal(signal.SIGHUP)
        wait_until(lambda: 'Could not reload' in self.daemon.log(), 'the warning')
        self.assertEqual(self.names(self.daemon), before)
        self.check_log(self.daemon, allowed='Could not reload: .*:7: ')

    def test_outputs_closed(self):
        """With standard output and error closed or full the daemon works all the same."""
        for prefix in (['sh', '-c', 'exec "$@" >&- 2>&-', 'sh'],
                       ['sh', '-c', 'exec "$@" >/dev/full 2>/dev/full', 'sh']):
            daemon = self.start_daemon(server_group('echo'), prefix=prefix)
            self.assertEqual(self.ask(daemon.get_server('echo'), b'quiet'), b'quiet')
            daemon.stop()


class TestStart(SondeTest):
    """What is wrong with the start is one line and an exit status."""

    def fails_to_start(self, status, *arguments):
        command = [os.environ['SONDED'], '--address=' + self.bus.address, *arguments]
        done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
        message = done.stderr.decode('utf-8', 'replace')
        lines = [line for line in message.splitlines() if line.startswith('sonded: ')]
        self.assertEqual((done.returncode, len(lines)), (status, 1), message)
        self.assertNotRegex(message, 'CRITICAL|WARNING')
        return lines[0]

    def write(self, content):
        directory = tempfile.TemporaryDirectory(prefix='sonded-test-')
        self.addCleanup(directory.cleanup)
        path = pathlib.Path(directory.name, 'sonded.conf')
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def test_help_and_version(self):
        """--version and --help succeed; help tells every exit status."""
        def run(option):
            return subprocess.run([os.environ['SONDED'], option], stdout=subprocess.PIPE, text=True,
                                  timeout=DEADLINE, check=True).stdout
        version = self.daemon.get_all('/org/sonde/Sonde1', 'Manager')['Version']
        self.assertEqual(run('--version'), f'sonded {version}\n')
        for status in 0, 1, 2, 3, 6:
            self.assertRegex(run('--help'), rf'(?m)^ +{status}  \w')
        for port in DEFAULTS.values():
            self.assertIn(str(port), run('--help'))

    def test_usage(self):
        """A command line that makes no sense is status 2."""
        for words in (['--nonsense'], ['more'], ['--session', '--system'], ['--config'],
                      ['--no-bus']):
            self.fails_to_start(2, *words)

    def test_bad_values(self):
        """A bad key or value is status 6, with file, line, key, value and allowed range."""
        for line, words in (('Backlog=many', ('Backlog', 'many', 'allowed')),
                            ('KeepAliveProbes=128', ('KeepAliveProbes', '128', '127')),
                            ('KeepAliveTimeSec=10h', ('KeepAliveTime', '10h', 'allowed')),
                            ('NoDelay=perhaps', ('NoDelay', 'perhaps', 'allowed')),
                            ('Mode=lower', ('Mode', 'lower', 'upper-line')),
                            ('Preset=twisted', ('Preset', 'twisted', 'asyncio')),
                            ('ListenAddresses=127.0.0.1:70000', ('ListenAddresses', '70000')),
                            ('ListenAddresses=255.255.255.255:0', ('255.255.255.255', 'broadcast')),
                            ('Nonsense=1', ('Nonsense',))):
            with self.subTest(line=line):
                path = self.write(f'# A comment\n\n[Server a]\nLineMax=80\n{line}\n')
                message = self.fails_to_start(6, f'--config={path}')
                self.assertIn(f'{path}:5: ', message)
                for word in words:
                    self.assertIn(word, message)

    def test_bad_files(self):
        """A configuration that is no configuration is refused with its line, status 6."""
        for content, line in (('[Server a]\nno assignment\n', 2), ('Mode=echo\n', 1),
                              ('[Sonde]\nMaxConnections=-1\n', 2), ('[Sonde]\nColour=red\n', 2),
                              ('[Other]\n', 1), ('[Server ]\n', 1),
                              (b'[Sonde]\n# \xff\xfe\n', 2), (bytes(range(255, 0, -1)), 1)):
            with self.subTest(content=content[:20]):
                path = self.write(content)
                message = self.fails_to_start(6, f'--config={path}')
                self.assertTrue(message.startswith(f'sonded: {path}:{line}: '), message)

    def test_unreadable_files(self):
        """What cannot be read is status 1, at once, whatever it is."""
        fifo = self.write(None)
        os.mkfifo(fifo)
        loop = self.write(None)
        loop.symlink_to(loop)
        huge = self.write(None)
        huge.touch()
        os.truncate(huge, 10 ** 10)
        for path in (fifo, fifo.parent, loop, huge, '/nonexistent', '/dev/zero',
                     '/proc/self/mem'):
            with self.subTest(path=path):
                self.assertIn(str(path), self.fails_to_start(1, f'--config={path}'))

    def test_binary_file(self):
        """A file that is no text is no configuration: status 6, with the line."""
        binary = self.write(bytes(range(256)) * 16)
        self.assertIn(f'{binary}:1: ', self.fails_to_start(6, f'--config={binary}'))

    def test_port_in_use(self):
        """A port that is taken ends the start with status 1, told with server, address, errno."""
        with socket.create_server(('127.0.0.1', 0)) as taken:
            address = '127.0.0.1:{}'.format(taken.getsockname()[1])
            path = self.write(server_group('a') + server_group('b', addresses=address))
            message = self.fails_to_start(1, f'--config={path}')
        self.assertIn(f'[Server b]: Cannot listen on {address}: ', message)
        self.assertIn('EADDRINUSE', message)


class TestLimits(SondeTest):
    daemon_prefix = ['prlimit', '--nofile=256']

    def limit_daemon(self, number):
        self.daemon.config.write_text(f'[Sonde]\nMaxConnections={number}\n', 'utf-8')
        self.daemon.manager('Reload')

    def assert_refused(self, sock):
        """Check that a connection is closed at once, without an answer."""
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(sock.recv(1), b'')
        sock.close()

    def assert_served(self, sock):
        sock.sendall(b'in')
        self.assertEqual(read_exactly(sock, 2), b'in')

    def check_limit(self, server, limit):
        """Fill a server to its limit, go beyond it, and come back."""
        socks = [self.connect(server) for _ in range(limit)]
        server.wait_for(NConnections=limit)
        before = server.snapshot()['NRefused']
        for _ in range(3):
            self.assert_refused(self.connect(server))
        wait_until(lambda: server.snapshot()['NRefused'] == before + 3, 'three are refused')
        self.assertEqual(server.snapshot()['NConnections'], limit)
        for sock in socks:
            self.assert_served(sock)
        socks.pop().close()
        server.wait_for(NConnections=limit - 1)
        self.assert_served(self.connect(server))

    def test_max_connections(self):
        """Beyond MaxConnections a client is closed at once and counted, until one leaves."""
        self.check_limit(self.create(MaxConnections=5), 5)

    def test_max_per_source(self):
        """MaxConnectionsPerSource counts each peer address for itself."""
        server = self.create(MaxConnectionsPerSource=2, ListenAddresses=['127.0.0.1:0', '[::1]:0'])
        self.check_limit(server, 2)
        self.assert_served(self.connect(server, index=1))

    def test_max_of_the_daemon(self):
        """MaxConnections of the configuration counts all servers together."""
        self.limit_daemon(20)
        self.addCleanup(self.limit_daemon, 0)
        other = self.create('other')
        socks = [self.connect(other) for _ in range(10)]
        other.wait_for(NConnections=10)
        self.check_limit(self.create('limited'), 10)
        for sock in socks:
            self.assert_served(sock)

    def test_file_limit(self):
        """Out of files the daemon refuses, answers the others, does not spin, and recovers."""
        for concurrency in 'loop', 'threads':
            server = self.create(concurrency, Concurrency=concurrency, MaxThreads=4096)
            socks = [self.connect(server) for _ in range(300)]
            counted = 'NAccepted', 'NRefused'
            wait_until(lambda: sum(server.snapshot()[name] for name in counted) == 300,
                       'all are accepted or refused')
            self.assertGreater(server.snapshot()['NRefused'], 0)
            served = {row[2] for row in server.connections()}
            self.assertGreater(len(served), 50)
            self.assertEqual(self.create(f'one-more-{concurrency}').get('State'), 'listening')
            before = self.daemon.cpu_seconds()
            last = next(sock for sock in socks if sock.getsockname()[1] in served)
            self.assertEqual(select.select([last], [], [], 0.5)[0], [])
            self.assertLess(self.daemon.cpu_seconds() - before, 0.1)
            self.assert_served(last)
            for sock in socks:
                sock.close()
            server.wait_for(NConnections=0)
            self.assert_served(self.connect(server))

    def test_idle_timeout(self):
        """IdleTimeoutUSec ends a silent connection, one that was there before as well."""
        server = self.create()
        sock = self.connect(server)
        server.wait_for(NConnections=1)
        server.update(IdleTimeoutUSec=100000)
        self.assert_refused(sock)
        snapshot = server.wait_for(NConnections=0)
        self.assertEqual(snapshot['NTimedOut'], 1)
        server.update(IdleTimeoutUSec=0)
        self.assert_served(self.connect(server))
