# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""sondectl bench: every byte counts, no slow answer hides others, and it can be drawn."""

import itertools
import json
import os
import pathlib
import tempfile
import threading
import xml.etree.ElementTree

from sonde_harness import read_exactly
from sonde_sondectl import SondectlTest
from sonde_terminal import Terminal

SIZE = 64
SVG = '{http://www.w3.org/2000/svg}'


def stall_once(connection):
    """Echo, but take half a second for the tenth answer."""
    for number in itertools.count(1):
        if not (data := read_exactly(connection, SIZE)):
            return
        if number == 10:
            threading.Event().wait(0.5)
        connection.sendall(data)


class TestBench(SondectlTest):
    def start(self, **values):
        server = self.create(**values)
        [(_, port)] = server.addresses()
        return server, ('bench', '127.0.0.1', str(port))

    def start_turncoat(self, behave):
        """Start a peer that echoes to its first client, the probe, and then does otherwise."""
        served = threading.Event()

        def serve(connection):
            if served.is_set():
                behave(connection)
            while not served.is_set() and (data := connection.recv(65536)):
                connection.sendall(data)
            served.set()
        return 'bench', '127.0.0.1', str(self.start_peer(serve)), '--connections=1'

    def run_json(self, *words):
        """Run it once: twice would mix up the counters."""
        return json.loads(self.sondectl('--json=short', *words))

    def times(self, report, key):
        return {row['Percentile']: row[key] for row in report['Percentiles']}

    def test_closed_loop(self):
        """In a closed loop the server counts the same connections and bytes as the client."""
        server, words = self.start()
        report = self.run_json(*words, '--connections=7', '--duration=100ms', '--size=1000')
        counted = server.wait_for(NConnections=0)
        # The first connection probes, with 12 bytes.
        self.assertEqual(counted['NAccepted'], 8)
        self.assertEqual(counted['NReset'], 0)
        self.assertEqual(counted['BytesReceived'], report['BytesVerified'] + 12)
        self.assertEqual(report['BytesVerified'], report['Requests'] * 1000)
        self.assertGreater(report['Requests'], 0)
        self.assertEqual((report['Connections'], report['Size'], report['Rate']), (7, 1000, 0))
        self.assertGreaterEqual(report['DurationUSec'], 100000)
        times = list(self.times(report, 'MeasuredUSec').values())
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)

    def test_rate(self):
        """With a rate so many requests are due as it says, no matter how fast the answers are."""
        _, words = self.start(Mode='upper')
        report = self.run_json(*words, '--upper', '--rate=500', '--duration=400ms')
        self.assertEqual(report['Requests'] + report['Unanswered'], 201)

    def test_large(self):
        """Requests greater than all buffers come back as well."""
        _, words = self.start()
        report = self.run_json(*words, '--size=8M', '--connections=2', '--duration=10ms')
        self.assertGreaterEqual(report['Requests'], 2)

    def test_server(self):
        """The name of a server stands for its address and its mode."""
        self.start(Mode='upper', name='by-name')
        shown = self.sondectl('bench', 'by-name', '--duration=20ms', '--connections=100')
        self.assertRegex(shown, r'(?m)^127\.0\.0\.1:\d+: 100 connections, 64 bytes, closed loop$')
        self.assertRegex(shown, r'(?m)^\d+ requests in .*, all verified$')
        self.assertRegex(shown, r'(?m)^ +99\.9 +(\d+\w+ ?)+ +(\d+\w+ ?)+$')

    def test_coordinated_omission(self):
        """One answer that takes half a second delays all that were due meanwhile: they count."""
        report = self.run_json(*self.start_turncoat(stall_once), '--rate=100', '--duration=1s')
        measured = self.times(report, 'MeasuredUSec')
        corrected = self.times(report, 'CorrectedUSec')
        self.assertGreater(corrected[75.0], 100000)
        self.assertGreater(measured[100.0], 500000)
        for percentile, time in measured.items():
            self.assertLessEqual(time, corrected[percentile] * 1.01)

    def test_closed_loop_correction(self):
        """In a closed loop, too, a stall counts for all that it kept from being asked."""
        report = self.run_json(*self.start_turncoat(stall_once), '--duration=600ms')
        self.assertGreater(self.times(report, 'CorrectedUSec')[75.0], 100000)

    def test_too_fast(self):
        """A rate that the server cannot keep is told, and what was not sent counts as slow."""
        def answer_slowly(connection):
            while data := read_exactly(connection, SIZE):
                threading.Event().wait(0.05)
                connection.sendall(data)
        words = *self.start_turncoat(answer_slowly), '--rate=1000', '--duration=500ms'
        report = self.run_json(*words)
        self.assertGreater(report['Unanswered'], 400)
        self.assertGreater(self.times(report, 'CorrectedUSec')[50.0], 100000)

    def test_mismatch(self):
        """A wrong byte in the middle of the load is status 16, and says where."""
        def answer_wrongly(connection):
            connection.sendall(read_exactly(connection, SIZE))
            data = bytearray(read_exactly(connection, SIZE))
            data[7] ^= 1
            connection.sendall(data)
        message = self.fails_in_one_line(16, *self.start_turncoat(answer_wrongly))
        self.assertIn('connection 1: the answer to request 2 differs at offset 7', message)

    def test_surplus(self):
        """A byte that nobody asked for is wrong as well."""
        def answer_more(connection):
            connection.sendall(read_exactly(connection, SIZE) + b'!')
            read_exactly(connection, 1)
        self.fails_in_one_line(16, *self.start_turncoat(answer_more))

    def test_failures(self):
        """Every way to fail has the status that it has for probe."""
        self.fails_in_one_line(11, 'bench', '127.0.0.1', str(self.reserve_port()))
        self.fails_in_one_line(10, 'bench', '127.0.0.1', str(self.make_black_hole()),
                               '--connect-timeout=200ms')
        closes = self.start_turncoat(lambda connection: read_exactly(connection, SIZE))
        self.assertIn('closed', self.fails_in_one_line(14, *closes))
        silent = self.start_turncoat(lambda connection: read_exactly(connection, SIZE + 1))
        self.fails_in_one_line(17, *silent, '--io-timeout=300ms')
        self.fails_in_one_line(3, 'bench', 'nobody')
        self.create('stopped').call('Server.Stop')
        self.fails_in_one_line(11, 'bench', 'stopped')

    def test_usage(self):
        """What makes no sense is refused before anybody is asked."""
        self.create('once', Mode='echo-once')
        _, host = self.start(name='any')
        for word in ('--connections=0', '--connections=999999', '--size=0', '--size=1G',
                     '--duration=0', '--duration=2d', '--rate=-1', '--rate=x'):
            message = self.fails_in_one_line(2, *host, word)
            self.assertIn(word.partition('=')[0].strip('-'), message)
        self.assertIn('Mode=echo', self.fails_in_one_line(2, 'bench', 'once'))

    def test_plot(self):
        """--plot draws both lines, from left to right and never downwards, with axes and names."""
        _, words = self.start()
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / 'plot.svg'
            self.sondectl(*words, '--duration=200ms', f'--plot={path}')
            drawing = xml.etree.ElementTree.parse(path).getroot()
            self.fails_in_one_line(1, *words, '--duration=1ms', f'--plot={directory}/no/plot.svg')
        texts = [text.text for text in drawing.iter(SVG + 'text')]
        for text in 'measured', 'corrected for coordinated omission', 'Percentile', '99 %':
            self.assertIn(text, texts)
        lines = list(drawing.iter(SVG + 'polyline'))
        self.assertEqual(len(lines), 2)
        width, height = (int(number) for number in drawing.get('viewBox').split()[2:])
        for line in lines:
            points = [tuple(map(int, point.split(','))) for point in line.get('points').split()]
            self.assertGreater(len(points), 40)
            self.assertEqual(points, sorted(points, key=lambda point: (point[0], -point[1])))
            self.assertTrue(all(0 < x < width and 0 < y < height for x, y in points), points)

    def test_terminal(self):
        """On a terminal it tells how far it is, and Ctrl-C ends it with a report."""
        terminal = Terminal()
        self.addCleanup(terminal.stop)
        _, words = self.start()
        terminal.type(os.environ['SONDECTL'], *words, '--duration=1h')
        terminal.wait_for(r'^\d+ requests  \d+/s  0%$')
        terminal.keys('C-c')
        terminal.wait_for(r'^\d+ requests in .*, all verified$', '-J')
        terminal.wait_for(r'^ +100 ')
        self.assertNotIn('  0%', terminal.screen())
