# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""sondectl shows and steers the daemon, and tells by its exit status what went wrong."""

import json
import os
import subprocess

from sonde_daemon import DEADLINE, PROPERTIES
from sonde_harness import (answer_wrongly, close_early, read_exactly, reset_early,
                           say_nothing)
from sonde_sondectl import SondectlTest

VERBS = ('status', 'list', 'limits', 'options', 'set', 'connections', 'probe')


class TestVerbs(SondectlTest):
    def test_status(self):
        """status, the verb by default, shows every server with state, address and counters."""
        server = self.create('shown', Mode='upper')
        [(host, port)] = server.addresses()
        self.ask(server, b'12345')
        server.wait_for(NConnections=0)
        for words in (), ('status',), ('status', 'shown'):
            shown = self.sondectl(*words)
            self.assertIn('sonded', shown.splitlines()[0])
            [row] = [line.split() for line in shown.splitlines() if line.startswith('shown ')]
            self.assertEqual(row[:6], ['shown', 'listening', 'upper', f'{host}:{port}', '0', '1'])
        shown = self.read_json('status')
        self.assertEqual(shown['NServers'], 1)
        [row] = shown['Servers']
        self.assertEqual((row['Name'], row['State'], row['NAccepted']), ('shown', 'listening', 1))
        self.assertEqual((row['BytesReceived'], row['BytesSent']), (5, 5))
        self.assertEqual(row['BoundAddresses'], [[host, port]])

    def test_list(self):
        """list has one row for each server, sorted by name, and says when there is none."""
        self.assertEqual(self.read_json('list'), [])
        for name in 'b', 'a', 'c':
            self.create(name)
        shown = self.sondectl('list', '--no-legend')
        self.assertEqual([line.split()[0] for line in shown.splitlines()], ['a', 'b', 'c'])
        self.assertEqual([row['Name'] for row in self.read_json('list')], ['a', 'b', 'c'])

    def test_limits(self):
        """limits shows what the daemon's KernelLimits has, by name of the sysctl."""
        expected = self.daemon.call('/org/sonde/Sonde1', 'KernelLimits.GetAll')
        shown = self.read_json('limits')
        for name, value in expected.items():
            self.assertEqual(shown[name], list(value) if isinstance(value, tuple) else value, name)
        self.assertIn('ConnectTimeoutUSec', shown)
        self.assertRegex(self.sondectl('limits'), r'net\.core\.somaxconn +\d+')

    def test_options(self):
        """options shows the rows of the option report."""
        server = self.create('opts', Backlog=7, ReceiveBuffer=1000000000)
        rows = self.read_json('options', 'opts')
        report = server.report('listener')
        self.assertEqual({row['Option']: row['Effective'] for row in rows},
                         {option: row[1] for option, row in report.items()})
        shown = self.sondectl('options', 'opts')
        self.assertRegex(shown, r'(?m)^Backlog +listener +7 +7 ')
        self.assertIn('clamped-by-net.core.rmem_max', shown)

    def test_connections(self):
        """connections lists who is connected."""
        server = self.create('conns')
        self.assertEqual(self.read_json('connections', 'conns'), [])
        sock = self.connect(server)
        sock.sendall(b'12345')
        read_exactly(sock, 5)
        host, port = sock.getsockname()
        [row] = self.read_json('connections', 'conns')
        self.assertEqual((row['PeerAddress'], row['PeerPort']), (host, port))
        self.assertEqual((row['BytesReceived'], row['BytesSent'], row['Stalled']), (5, 5, False))
        self.assertIn(f'{host}:{port}', self.sondectl('connections', 'conns'))

    def test_set(self):
        """set changes settings by their names, with units where people like them."""
        server = self.create('tuned')
        self.sondectl('set', 'tuned', 'Backlog=7', 'NoDelay=yes', 'KeepAliveTimeSec=30min',
                      'ReceiveBuffer=64K', 'IdleTimeoutUSec=250ms', 'Mode=upper')
        values = {name: server.get(name) for name in PROPERTIES}
        self.assertEqual((values['Backlog'], values['NoDelay'], values['Mode']), (7, True, 'upper'))
        self.assertEqual(values['KeepAliveTimeUSec'], 1800 * 1000000)
        self.assertEqual((values['ReceiveBuffer'], values['IdleTimeoutUSec']), (65536, 250000))

    def test_set_all_or_nothing(self):
        """set with one bad assignment changes nothing, and says in one line which and why."""
        server = self.create('tuned')
        before = server.get_settings()
        for bad, words in (('Nonsense=1', 'Nonsense'), ('KeepAliveProbes=128', '127'),
                           ('NoDelay=perhaps', 'perhaps'), ('NoDelay', 'KEY=VALUE'),
                           ('=1', 'KEY=VALUE'), ('Backlog=8', 'twice'), ('Workers=0', 'Workers')):
            message = self.fails_in_one_line(2, 'set', 'tuned', 'Backlog=7', bad, 'Mode=upper')
            self.assertIn(words, message)
            self.assertEqual(server.get_settings(), before)

    def test_set_tells_what_is_pending(self):
        """set says so when a setting waits for Relisten."""
        self.create('pending')
        command = [os.environ['SONDECTL'], '--address=' + self.bus.address, 'set', 'pending',
                   'ListenAddresses=[::1]:0']
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True)
        self.assertIn('ListenAddresses', done.stderr)
        pending = self.daemon.get_server('pending').get('PendingRelisten')
        self.assertEqual(pending, ['ListenAddresses'])


class TestFailures(SondectlTest):
    def test_help_and_version(self):
        """help lists every verb and exit status; --version tells the version of the daemon."""
        for words in ('help',), ('--help',):
            shown = self.sondectl(*words)
            for verb in VERBS:
                self.assertRegex(shown, rf'(?m)^  {verb} ')
            for status in 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17:
                self.assertRegex(shown, rf'(?m)^ +{status}  \w')
        version = self.daemon.get_all('/org/sonde/Sonde1', 'Manager')['Version']
        self.assertEqual(self.sondectl('--version'), f'sondectl {version}\n')
        for verb in VERBS:
            self.assertIn('Usage:', self.sondectl(verb, '--help'))

    def test_usage(self):
        """A command line that makes no sense is refused with status 2, and says where to look."""
        for words in (('nonsense',), ('--nonsense',), ('options',), ('options', 'a', 'b'),
                      ('set', 'a'), ('status', '--nonsense'), ('list', '--json=xml'),
                      ('limits', 'x'),
                      ('probe', 'localhost', '0'), ('probe', 'localhost', '65536'),
                      ('probe', '--io-timeout=soon', 'localhost', '1')):
            with self.subTest(words=words):
                message = self.sondectl(*words, status=2)
                self.assertTrue(message.startswith('sondectl: '), message)
                self.assertLessEqual(len(message.splitlines()), 2)

    def test_no_such_server(self):
        """An unknown server is status 3, for every verb that takes one."""
        for words in (('status', 'nobody'), ('options', 'nobody'), ('connections', 'nobody'),
                      ('set', 'nobody', 'Backlog=7'), ('probe', 'nobody')):
            self.assertIn('nobody', self.fails_in_one_line(3, *words))

    def test_no_daemon(self):
        """Without a daemon, or without a bus, every verb that needs one is status 5."""
        for words in (('status',), ('list',), ('options', 'x'), ('set', 'x', 'Backlog=7'),
                      ('probe', 'x')):
            self.fails_in_one_line(5, *words, address='unix:path=/nonexistent/bus')
        # What the kernel allows can be told without anybody's help.
        command = [os.environ['SONDECTL'], '--address=unix:path=/nonexistent/bus', 'limits']
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True)
        self.assertIn('net.core.somaxconn', done.stdout)
        self.assertIn('no daemon', done.stderr)


class TestProbe(SondectlTest):
    def probe(self, port, status, *words):
        """Probe as people do and as programs do; both must tell the same."""
        host = 'probe', '127.0.0.1', str(port), *words
        message = self.fails_in_one_line(status, *host)
        done = subprocess.run([os.environ['SONDECTL'], '--json=short', *host], timeout=DEADLINE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, status)
        [row] = json.loads(done.stdout)
        self.assertEqual((row['Host'], row['Port']), ('127.0.0.1', port))
        self.assertIn(row['Message'], message)
        return row['Result']

    def test_servers(self):
        """probe without a name asks every server, each by its own mode."""
        for mode in 'echo', 'echo-once', 'upper', 'upper-once', 'upper-line':
            self.create(mode, Mode=mode)
        self.create('any', ListenAddresses=['0.0.0.0:0', '[::1]:0'])
        rows = self.read_json('probe')
        self.assertEqual([row['Result'] for row in rows], ['ok'] * 7)
        self.assertEqual(sorted({row['Server'] for row in rows}),
                         ['any', 'echo', 'echo-once', 'upper', 'upper-line', 'upper-once'])
        for row in rows:
            self.assertGreater(row['RoundTripUSec'], 0)
        self.assertEqual(self.sondectl('probe', 'upper', '--no-legend').split()[2], 'ok')

    def test_stopped_server(self):
        """A server that does not listen is refused, and the others are probed all the same."""
        self.create('a-stopped').call('Server.Stop')
        self.create('b-listens')
        self.fails_in_one_line(11, 'probe')
        shown = subprocess.run([os.environ['SONDECTL'], '--address=' + self.bus.address, 'probe',
                                '--json=short'], capture_output=True, timeout=DEADLINE, check=False)
        self.assertEqual([row['Result'] for row in json.loads(shown.stdout)], ['refused', 'ok'])

    def test_host(self):
        """probe HOST PORT asks any server, also one that answers in upper case."""
        [(_, port)] = self.create(Mode='upper').addresses()
        self.sondectl('probe', 'localhost', str(port), '--upper', address='unix:path=/nonexistent')
        self.assertEqual(self.probe(port, 16), 'mismatch')

    def test_refused(self):
        """Nobody listening is status 11."""
        self.assertEqual(self.probe(self.reserve_port(), 11), 'refused')

    def test_connect_timeout(self):
        """No answer to the SYN is status 10."""
        result = self.probe(self.make_black_hole(), 10, '--connect-timeout=200ms')
        self.assertEqual(result, 'connect-timeout')

    def test_closed_early(self):
        """A peer that closes before the whole answer is status 14."""
        self.assertEqual(self.probe(self.start_peer(close_early), 14), 'closed-early')

    def test_reset(self):
        """A peer that resets is status 15."""
        self.assertEqual(self.probe(self.start_peer(reset_early), 15), 'reset')

    def test_mismatch(self):
        """An answer that differs is status 16."""
        self.assertEqual(self.probe(self.start_peer(answer_wrongly), 16), 'mismatch')

    def test_io_timeout(self):
        """No answer within the I/O timeout is status 17."""
        result = self.probe(self.start_peer(say_nothing), 17, '--io-timeout=200ms')
        self.assertEqual(result, 'io-timeout')
