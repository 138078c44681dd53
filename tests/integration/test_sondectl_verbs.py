# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The verbs of sondectl that change servers and look closely at them."""

import contextlib

from sonde_daemon import PROPERTIES
from sonde_harness import read_all, read_exactly
from sonde_sondectl import SondectlTest


class TestLifecycle(SondectlTest):
    def forget(self, *names):
        for name in names:
            self.addCleanup(self.remove, name)

    def test_create(self):
        """create makes a server on a free port, tells where, and takes a preset and settings."""
        self.forget('made', 'once', 'ported', 'told')
        shown = self.sondectl('create', 'made', 'Mode=upper', 'Backlog=7')
        made = self.daemon.get_server('made')
        [(host, port)] = made.addresses()
        self.assertEqual(shown, f'made listens on {host}:{port}\n')
        self.assertEqual((host, made.get('Mode'), made.get('Backlog')), ('127.0.0.1', 'upper', 7))
        self.sondectl('create', 'once', '--preset=asyncio', 'ListenAddresses=[::1]:0')
        once = self.daemon.get_server('once')
        self.assertEqual((once.get('Mode'), once.get('Backlog')), ('echo-once', 100))
        self.assertEqual(once.addresses()[0][0], '::1')
        shown = self.sondectl('create', 'ported', '--print-port')
        self.assertEqual(int(shown), self.daemon.get_server('ported').addresses()[0][1])
        told = self.read_json_once('create', 'told')
        self.assertEqual((told['Name'], told['State']), ('told', 'listening'))
        self.assertEqual(self.ask(self.daemon.get_server('told'), b'ping'), b'ping')

    def test_create_refused(self):
        """create that is refused leaves nothing behind and says why, with a status that fits."""
        [(host, port)] = self.create('taken').addresses()
        for status, words in ((1, ['taken']), (2, ['x', 'Nonsense=1']), (2, ['x', '--preset=quux']),
                              (2, ['x', 'Backlog']), (1, ['x', f'ListenAddresses={host}:{port}']),
                              (13, ['x', 'ListenAddresses=192.0.2.1:0']),
                              (2, ['x', 'Backlog=7', 'Backlog=8']), (2, ['']), (2, ['x' * 65]),
                              (2, ['x\ny']), (2, [])):
            with self.subTest(words=words):
                self.fails_in_one_line(status, 'create', *words)
        self.assertEqual([row['Name'] for row in self.read_json('list')], ['taken'])

    def test_states(self):
        """stop, start, relisten, drain and remove do that, to several servers at once."""
        for name in 'a', 'b':
            self.create(name)
        self.assertEqual(self.sondectl('stop', 'a', 'b'), '')
        self.assertEqual([row['State'] for row in self.read_json('list')], ['stopped'] * 2)
        rows = self.read_json_once('start', 'b', 'a')
        self.assertEqual([(row['Name'], row['State']) for row in rows],
                         [('b', 'listening'), ('a', 'listening')])
        before = self.daemon.get_server('a').addresses()
        self.daemon.get_server('a').set('ListenAddresses', ['127.0.0.1:0', '[::1]:0'])
        [row] = self.read_json_once('relisten', 'a')
        self.assertEqual(len(row['BoundAddresses']), 2)
        self.assertNotEqual(row['BoundAddresses'], [list(address) for address in before])
        [row] = self.read_json_once('drain', 'a')
        self.assertEqual((row['State'], row['BoundAddresses']), ('stopped', []))
        self.assertEqual(self.read_json_once('remove', 'a', 'b'), [{'Name': 'a'}, {'Name': 'b'}])
        self.assertEqual(self.read_json('list'), [])

    def test_drain_timeout(self):
        """drain resets what has not ended within --timeout."""
        server = self.create('drained')
        sock = self.connect(server)
        server.wait_for(NConnections=1)
        self.fails_in_one_line(2, 'drain', 'drained', '--timeout=soon')
        self.sondectl('drain', 'drained', '--timeout=0')
        with self.assertRaises(ConnectionResetError):
            sock.recv(1)

    def test_some_fail(self):
        """Of several servers those that can be are stopped; the status is that of the first."""
        server = self.create('there')
        message = self.fails_in_one_line(3, 'stop', 'missing', 'there')
        self.assertTrue(message.startswith('sondectl: missing: '))
        self.assertEqual(server.get('State'), 'stopped')

    def test_set(self):
        """set --apply chooses the sockets; --json tells what was set and what waits."""
        server = self.create('tuned')
        sock = self.connect(server)
        server.wait_for(NConnections=1)
        told = self.read_json_once('set', 'tuned', 'KeepAliveTimeSec=100', 'Workers=2',
                                   '--apply=new')
        self.assertEqual(told['Settings'], {'KeepAliveTimeUSec': 100000000, 'Workers': 2})
        self.assertIn('Workers', told['PendingRelisten'])
        effective = {scope: server.report(scope)['KeepAliveTimeUSec'][1]
                     for scope in ('listener', 'connection')}
        self.assertEqual(effective['listener'], 100000000)
        self.assertNotEqual(effective['connection'], 100000000)
        self.sondectl('set', 'tuned', 'KeepAliveTimeSec=100', '--apply=existing')
        self.assertEqual(server.report('connection')['KeepAliveTimeUSec'][1], 100000000)
        self.assertIn('existing', self.fails_in_one_line(2, 'set', 'tuned', 'Backlog=7',
                                                         '--apply=some'))
        sock.close()


class TestClosely(SondectlTest):
    def test_show(self):
        """show tells every property as set would take it; -p and --value select."""
        server = self.create('shown', KeepAliveTimeUSec=1800000000, NoDelay=True)
        lines = dict(line.split('=', 1) for line in self.sondectl('show', 'shown').splitlines())
        self.assertEqual(sorted(lines), sorted(PROPERTIES))
        self.assertEqual((lines['NoDelay'], lines['KeepAliveTimeUSec']), ('yes', '30min'))
        [(host, port)] = server.addresses()
        self.assertEqual(lines['BoundAddresses'], f'{host}:{port}')
        for name, value in self.read_json('show', 'shown').items():
            if name != 'BoundAddresses':
                self.assertEqual(value, server.get(name), name)
        self.assertEqual(self.sondectl('show', 'shown', '-p', 'NoDelay,State', '--value'),
                         'yes\nlistening\n')
        self.assertEqual(self.read_json('show', 'shown', '--property=State'),
                         {'State': 'listening'})
        message = self.fails_in_one_line(2, 'show', 'shown', '--property=NoDelai')
        self.assertIn("did you mean 'NoDelay'?", message)

    def test_connections(self):
        """connections sorts by any column and shows as many as asked for."""
        server = self.create('many')
        for size in (30, 10, 20):
            sock = self.connect(server)
            sock.sendall(b'x' * size)
            read_exactly(sock, size)
        words = 'connections', 'many'
        rows = self.read_json(*words)
        self.assertEqual([row['BytesReceived'] for row in rows], [30, 10, 20])
        for sort, expected in (('in', [30, 20, 10]), ('out', [30, 20, 10]), ('id', [30, 10, 20]),
                               ('age', [30, 10, 20])):
            rows = self.read_json(*words, '--sort=' + sort)
            self.assertEqual([row['BytesReceived'] for row in rows], expected, sort)
        rows = self.read_json(*words, '--sort=in', '--limit=2')
        self.assertEqual([row['BytesReceived'] for row in rows], [30, 20])
        self.assertEqual(len(self.read_json(*words, '--limit=1')), 1)
        self.assertEqual(len(self.read_json(*words, '--limit=0')), 3)
        self.assertEqual(len(self.sondectl(*words, '--sort=peer', '--no-legend').splitlines()), 3)
        for bad in '--sort=size', '--limit=-1', '--limit=x':
            self.fails_in_one_line(2, *words, bad)

    def test_tcpinfo(self):
        """tcpinfo tells all that GetConnection has, times with their units."""
        server = self.create('deep', KeepAliveTimeUSec=100000000)
        sock = self.connect(server)
        sock.sendall(b'12345')
        read_exactly(sock, 5)
        [row] = server.connections()
        told = self.read_json('tcpinfo', 'deep', str(row[0]))
        expected = server.call('Server.GetConnection', '(t)', row[0])
        self.assertEqual(sorted(told), sorted(expected))
        self.assertEqual((told['PeerPort'], told['BytesSent']), (sock.getsockname()[1], 5))
        shown = self.sondectl('tcpinfo', 'deep', str(row[0]))
        self.assertRegex(shown, r'(?m)^KeepAliveTimeUSec +1min 40s$')
        self.assertRegex(shown, r'(?m)^TcpRttUSec +[\d.]+(us|ms)')
        self.assertIn('sondectl connections', self.fails_in_one_line(1, 'tcpinfo', 'deep', '999'))
        for bad in '0', '-1', 'x', '':
            self.fails_in_one_line(2, 'tcpinfo', 'deep', '--', bad)

    def test_close(self):
        """close ends a connection in order, or with a reset."""
        server = self.create('closed')
        for words, how in (([], 'fin'), (['--reset'], 'reset')):
            sock = self.connect(server)
            server.wait_for(NConnections=1)
            [row] = server.connections()
            told = self.read_json_once('close', 'closed', str(row[0]), *words)
            self.assertEqual(told, {'Name': 'closed', 'Id': row[0], 'How': how})
            with (self.assertRaises(ConnectionResetError) if words else contextlib.nullcontext()):
                self.assertEqual(read_all(sock), b'')
            sock.close()
            server.wait_for(NConnections=0)
        self.assertEqual(server.get('NReset'), 1)
        self.fails_in_one_line(1, 'close', 'closed', '999')

    def test_statistics(self):
        """statistics shows one snapshot, and starts anew with --reset."""
        server = self.create('counted')
        self.ask(server, b'12345')
        server.wait_for(NConnections=0)
        self.assertEqual(self.read_json('statistics', 'counted'), server.snapshot())
        shown = self.sondectl('statistics', 'counted', '--reset')
        self.assertRegex(shown, r'(?m)^BytesReceived +5$')
        self.assertEqual(server.get('BytesReceived'), 0)

    def test_wait(self):
        """wait returns when the conditions hold, and says so in time when they do not."""
        server = self.create('awaited')
        waiting = self.in_thread(self.sondectl, 'wait', 'awaited', 'NAccepted>=2', 'NConnections=0',
                                 '--json=short')
        for _ in range(2):
            self.ask(server, b'x')
        self.assertIn('"NAccepted":2', waiting.result())
        self.assertEqual(self.sondectl('wait', 'awaited', 'BytesReceived>=2', '--timeout=0'), '')
        self.fails_in_one_line(17, 'wait', 'awaited', 'NAccepted>=3', '--timeout=10ms')
        self.fails_in_one_line(3, 'wait', 'nobody', 'NAccepted>=3')
        for bad in ('NAccepted', 'NAccepted=2', 'NAccepted>=', 'NAccepted>=-1', 'NConnections>=1',
                    'NConnections=4294967296', 'NReset>=1', '>=1', 'NAccepted>=1x', ''):
            with self.subTest(bad=bad):
                self.assertIn('NConnections=N', self.fails_in_one_line(2, 'wait', 'awaited', bad))
