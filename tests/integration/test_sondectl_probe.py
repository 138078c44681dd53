# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""sondectl probe: what is sent, what is expected, what is told, and the progress of long ones."""

import json
import os
import re
import socket

from sonde_daemon import DEADLINE
from sonde_harness import (answer_wrongly, close_early, read_all, read_exactly, reset_early,
                           say_nothing)
from sonde_sondectl import SondectlTest
from sonde_terminal import PROMPT, Terminal


class TestProbeOptions(SondectlTest):
    def start(self, **values):
        [(_, port)] = self.create(**values).addresses()
        return 'probe', '127.0.0.1', str(port)

    def test_messages(self):
        """--payload, --size, --count and --seed decide what is sent, and all of it comes back."""
        words = self.start()
        rows = ((['--seed'], 12), (['--count=3'], 36), (['--payload=Grüße'], 7),
                (['--payload='], 0), (['--size=64K'], 65536),
                (['--size=1000', '--count=1000'], 1000000))
        for options, n_bytes in rows:
            with self.subTest(options=options):
                [row] = self.read_json(*words, *options)
                self.assertEqual((row['BytesSent'], row['BytesReceived']), (n_bytes, n_bytes))

    def test_bytes_on_the_wire(self):
        """The recipe's two messages, a text and a pattern reach the peer as they are."""
        got = []
        port = self.start_peer(lambda connection: got.append(read_all(connection)))
        for option, expected in (('--seed', b'data1\ndata2\n'), ('--payload=a\\n', b'a\\n')):
            message = self.sondectl('probe', '127.0.0.1', str(port), option, '--io-timeout=100ms',
                                    status=17)
            self.assertIn(f'0 of {len(expected)} bytes', message)
        self.sondectl('probe', '127.0.0.1', str(port), '--size=100000', '--io-timeout=100ms',
                      status=17)
        # Once another client is served, the one before is done with.
        self.sondectl('probe', '127.0.0.1', str(port), '--payload=end', '--io-timeout=100ms',
                      status=17)
        self.assertEqual(got[:2], [b'data1\ndata2\n', b'a\\n'])
        self.assertEqual(len(got[2]), 100000)
        blocks = {got[2][i:i + 16] for i in range(0, 100000 - 16)}
        self.assertEqual(len(blocks), 100000 - 16, 'the pattern repeats')

    def test_self_test(self):
        """--self-test is three clients, each with a greeting of its own, in upper case."""
        words = self.start(Mode='upper-once', Concurrency='threads')
        rows = self.read_json(*words, '--self-test')
        self.assertEqual([row['Payload'] for row in rows],
                         ['Hello World 1', 'Hello World 2', 'Hello World 3'])
        self.assertEqual([(row['Result'], row['BytesReceived']) for row in rows], [('ok', 13)] * 3)
        self.assertEqual(self.sondectl(*words, '--self-test', '--no-legend').count(' ok '), 3)

    def test_self_test_preset(self):
        """The self-test of the threading recipe passes on the preset that is made of it."""
        self.create('threading', Preset='socketserver-threading')
        rows = self.read_json('probe', 'threading', '--self-test')
        self.assertEqual([row['Result'] for row in rows], ['ok'] * 3)

    def test_self_test_at_once(self):
        """The three clients are there at the same time: none is answered before all have asked."""
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        listener.settimeout(DEADLINE)
        running = self.in_thread(self.sondectl, 'probe', '127.0.0.1',
                                 str(listener.getsockname()[1]), '--self-test', '--json=short')
        clients = [listener.accept()[0] for _ in range(3)]
        asked = [read_exactly(client, 13) for client in clients]
        for client, greeting in zip(clients, asked):
            client.sendall(greeting.upper())
            client.close()
        self.assertEqual(sorted(asked), [b'Hello World %d' % i for i in (1, 2, 3)])
        rows = json.loads(running.result(DEADLINE))
        self.assertEqual([row['Result'] for row in rows], ['ok'] * 3)

    def test_expect(self):
        """--expect turns the failure that is expected into success, and no other."""
        refused, silent = str(self.reserve_port()), str(self.start_peer(say_nothing))
        resets, closes = str(self.start_peer(reset_early)), str(self.start_peer(close_early))
        wrong, hole = str(self.start_peer(answer_wrongly)), str(self.make_black_hole())
        times = '--io-timeout=100ms', '--connect-timeout=200ms'
        for port, expected, result in ((refused, 'refused', 'refused'),
                                       (resets, 'reset', 'reset'),
                                       (silent, 'timeout', 'io-timeout'),
                                       (hole, 'timeout', 'connect-timeout'),
                                       (closes, 'closed-early', 'closed-early'),
                                       (wrong, 'mismatch', 'mismatch')):
            with self.subTest(expected=expected):
                host = 'probe', '127.0.0.1', port, *times
                [row] = self.read_json(*host, '--expect=' + expected)
                self.assertEqual((row['Result'], row['Expected']), (result, True))
                self.assertIn(result, self.sondectl(*host, '--expect=' + expected))
        self.fails_in_one_line(11, 'probe', '127.0.0.1', refused, '--expect=timeout')
        self.fails_in_one_line(17, 'probe', '127.0.0.1', silent, '--expect=reset', *times)

    def test_expect_success(self):
        """Success that nobody expected is status 1."""
        message = self.fails_in_one_line(1, *self.start(), '--expect=refused')
        self.assertIn("'refused' was expected", message)

    def test_details(self):
        """For one host, times and own limits are shown beside those of the kernel."""
        limits = self.daemon.get_all('/org/sonde/Sonde1', 'KernelLimits')
        shown = self.sondectl(*self.start(), '--receive-buffer=10000', '--connect-timeout=9s')
        for name in 'Connect', 'First byte', 'Round trip':
            self.assertRegex(shown, rf'(?m)^{name} +(\d+m?s )?\d+[mu]?s$')
        self.assertRegex(shown, r"(?m)^Kernel's RTT +\d")
        self.assertRegex(shown, r'(?m)^Bytes verified +12$')
        self.assertRegex(shown, r'(?m)^Connect timeout +9s +9s +\d')
        self.assertRegex(shown, r'(?m)^I/O timeout +5s 500ms +5s 500ms +-$')
        self.assertRegex(shown, rf'(?m)^Receive buffer +10000 +20000 +{limits["RmemMax"]}$')
        self.assertRegex(shown, rf'(?m)^Send buffer +- +\d+ +{limits["WmemMax"]}$')

    def test_kernel_timeout(self):
        """Without a timeout of its own, or with a longer one, the kernel's is the one in force."""
        words = self.start()
        for option in '0', '30min':
            shown = self.sondectl(*words, '--connect-timeout=' + option)
            row = [line for line in shown.splitlines() if line.startswith('Connect timeout ')][0]
            effective, kernel = re.split(' {2,}', row)[-2:]
            self.assertEqual(effective, kernel)

    def test_usage(self):
        """Options that make no sense are refused before anybody is asked."""
        for words in (['--count=0'], ['--count=x'], ['--size=0'], ['--size=2G'], ['--size=x'],
                      ['--seed', '--payload=x'], ['--size=1', '--self-test'], ['--expect=ok'],
                      ['--expect=nonsense']):
            with self.subTest(words=words):
                option = words[-1].partition('=')[0]
                message = self.fails_in_one_line(2, 'probe', '127.0.0.1', '1', *words)
                self.assertIn(option, message)


class TestProgress(SondectlTest):
    def setUp(self):
        self.terminal = Terminal()
        self.addCleanup(self.terminal.stop)
        self.server = self.create(f'long-{self.id().rpartition(".")[2]}')
        [(self.host, self.port)] = self.server.addresses()

    def command(self, *words):
        return os.environ['SONDECTL'], 'probe', self.host, str(self.port), *words

    def test_progress(self):
        """A long probe shows bytes, percent, rate and time left, in one line that goes again."""
        self.terminal.type(*self.command('--size=1M', '--count=1000000'))
        pattern = r'^([\d.]+[MG]) of 976\.6G  \d+%  [\d.]+[KMG]?/s  .+ left$'
        first = self.terminal.wait_for(pattern)[1]
        self.terminal.wait_for(rf'^(?!{first} )[\d.]+[MG] of .* left$')
        self.assertEqual(self.terminal.screen().count(' left'), 1)
        [row] = self.server.connections()
        self.server.call('Server.CloseConnection', '(ts)', row[0], 'reset')
        self.terminal.wait_for(r'^sondectl: probe: .*ECONNRESET', '-J')
        self.terminal.wait_for(r'^Result +reset$')
        self.assertNotIn(' left', self.terminal.screen())

    def test_not_a_terminal(self):
        """Nothing of it is written to a file, nor to a terminal that is dumb."""
        self.terminal.type(*self.command('--count=1000000'))
        self.terminal.wait_for(r'^Result +ok')
        self.terminal.type('clear; export TERM=dumb')
        self.terminal.type(*self.command('--size=1M', '--count=1000000'))
        self.server.wait_for(BytesReceived=500 * 1024 * 1024)
        self.assertNotIn(' left', self.terminal.screen())
        self.terminal.keys('C-c')
        self.terminal.wait_for(PROMPT)
