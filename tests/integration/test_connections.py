# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Ten thousand connections can be listed, and each can be seen through."""

import contextlib
import resource
import socket
import struct
import subprocess
import sys
import time

from sonde_daemon import DEADLINE, ROOT, Process, wait_until
from sonde_harness import SondeTest, read_exactly

N = 10000
PAGE_MAX = 5000
TCP_INFO = 11
# What a field ends with, in struct tcp_info, for those that not every kernel has.
FIELD_ENDS = {
    'TcpPacingRateBytesPerSec': 112, 'TcpMaxPacingRateBytesPerSec': 120, 'TcpAckedBytes': 128,
    'TcpReceivedBytes': 136, 'TcpSegmentsOut': 140, 'TcpSegmentsIn': 144, 'TcpNotSentBytes': 148,
    'TcpMinRttUSec': 152, 'TcpDataSegmentsIn': 156, 'TcpDataSegmentsOut': 160,
    'TcpDeliveryRateBytesPerSec': 168, 'TcpBusyUSec': 176, 'TcpReceiveWindowLimitedUSec': 184,
    'TcpSendBufferLimitedUSec': 192, 'TcpDeliveredSegments': 196, 'TcpDeliveredCeSegments': 200,
    'TcpSentBytes': 208, 'TcpRetransBytes': 216, 'TcpDsackDuplicates': 220,
    'TcpReorderingSeen': 224, 'TcpOutOfOrderSegments': 228, 'TcpSendWindowBytes': 232,
    'TcpReceiveWindowBytes': 236, 'TcpRehashes': 240, 'TcpTotalRtos': 242,
    'TcpTotalRtoRecoveries': 244, 'TcpTotalRtoUSec': 248, 'TcpReceivedCeSegments': 252,
    'TcpDeliveredEct1Bytes': 256, 'TcpDeliveredEct0Bytes': 260, 'TcpDeliveredCeBytes': 264,
    'TcpReceivedEct1Bytes': 268, 'TcpReceivedEct0Bytes': 272, 'TcpReceivedCeBytes': 276,
}
# Those that every kernel has had for long.
ALWAYS = {
    'TcpState', 'TcpCongestionState', 'TcpRetransmits', 'TcpProbes', 'TcpBackoff', 'TcpOptions',
    'TcpSendWindowScaleBits', 'TcpReceiveWindowScaleBits', 'TcpDeliveryRateAppLimited',
    'TcpFastOpenClientFailure', 'TcpRtoUSec', 'TcpAckTimeoutUSec', 'TcpSendMssBytes',
    'TcpReceiveMssBytes', 'TcpUnackedSegments', 'TcpSackedSegments', 'TcpLostSegments',
    'TcpRetransSegments', 'TcpLastDataSentUSec', 'TcpLastDataReceivedUSec',
    'TcpLastAckReceivedUSec', 'TcpPathMtuBytes', 'TcpReceiveSlowStartThresholdBytes', 'TcpRttUSec',
    'TcpRttVarianceUSec', 'TcpSendSlowStartThresholdSegments', 'TcpCongestionWindowSegments',
    'TcpAdvertisedMssBytes', 'TcpReorderingSegments', 'TcpReceiveRttUSec', 'TcpReceiveSpaceBytes',
    'TcpTotalRetransSegments',
}
# Keeps a server busy until its standard input ends.
TRAFFIC = '''
import select, socket, sys
socks = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(4)]
block = bytes(16384)
while not select.select([sys.stdin], [], [], 0)[0]:
    for sock in socks:
        sock.sendall(block)
    for sock in socks:
        sock.recv(len(block), socket.MSG_WAITALL)
'''


class TestManyConnections(SondeTest):
    daemon_prefix = ['prlimit', '--nofile=12000']

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(12000, hard)), hard))
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        super().setUpClass()

    def connect_all(self, server):
        """Connect N clients, and return their ports."""
        [address] = server.addresses()
        ports = set()
        for _ in range(N):
            sock = socket.create_connection(address, DEADLINE)
            self.addCleanup(sock.close)
            ports.add(sock.getsockname()[1])
        server.wait_for(NConnections=N)
        return ports

    @contextlib.contextmanager
    def traffic(self, server):
        """Let bytes flow through a server."""
        [(host, port)] = server.addresses()
        before = server.snapshot()['BytesSent']
        process = Process([sys.executable, '-c', TRAFFIC, host, str(port)], stdin=subprocess.PIPE)
        self.addCleanup(process.kill)
        wait_until(lambda: server.snapshot()['BytesSent'] > before + 10 ** 6, 'bytes flow')
        yield
        process.child.stdin.close()
        self.assertEqual(process.wait(), 0, process.log())

    def read_pages(self, server, limit):
        """Return all pages, packed as they came: to unpack them is slow."""
        pages, last = [], 0
        while True:
            reply = self.daemon.call_raw(server.path, 'Server.ListConnections', '(tu)', last, limit)
            page = reply.get_child_value(0)
            if page.n_children() == 0:
                return pages
            pages.append(page)
            last = page.get_child_value(page.n_children() - 1).unpack()[0]

    def test_list(self):
        """All are listed, in pages of 5000 rows at most, while traffic flows."""
        server = self.create(Backlog=4096)
        busy = self.create('busy')
        ports = self.connect_all(server)
        with self.traffic(busy), self.traffic(server):
            for limit, length in (0, PAGE_MAX), (2 ** 32 - 1, PAGE_MAX), (1000, 1000):
                start = time.monotonic()
                pages = self.read_pages(server, limit)
                elapsed = time.monotonic() - start
                print(f'# {N} connections in {len(pages)} pages: {1000 * elapsed:.0f} ms',
                      flush=True)
                self.assertLess(elapsed, 10)
                self.assertEqual({page.n_children() for page in pages[:-1]}, {length})
                rows = [row for page in pages for row in page.unpack()]
                numbers = [row[0] for row in rows]
                self.assertEqual(numbers, sorted(set(numbers)))
                self.assertLessEqual(ports, {row[2] for row in rows})
                self.assertEqual(len(rows), N + 4)

    def test_managed_objects(self):
        """GetManagedObjects stays under 100 KiB, however many are connected."""
        server = self.create(Backlog=4096)
        method = 'org.freedesktop.DBus.ObjectManager.GetManagedObjects'
        before = self.daemon.call_raw(ROOT, method).get_size()
        self.connect_all(server)
        reply = self.daemon.call_raw(ROOT, method)
        self.assertIn(server.path, reply.unpack()[0])
        print(f'# GetManagedObjects: {reply.get_size()} bytes', flush=True)
        self.assertLess(reply.get_size(), 100 * 1024)
        self.assertLess(abs(reply.get_size() - before), 1024)


class TestTcpInfo(SondeTest):
    def look(self):
        """Return what is told about a connection, and TCP_INFO of its other end."""
        server = self.create()
        sock = self.connect(server)
        sock.sendall(b'x' * 1000)
        read_exactly(sock, 1000)
        [(number, *_)] = server.connections()
        shown = server.call('Server.GetConnection', '(t)', number)
        raw = sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 1024)
        return {name: value for name, value in shown.items() if name.startswith('Tcp')}, raw

    def test_complete(self):
        """Every field that this kernel delivers is told, and no other."""
        shown, raw = self.look()
        expected = {name for name, end in FIELD_ENDS.items() if end <= len(raw)}
        self.assertEqual(set(shown), ALWAYS | expected)

    def test_values(self):
        """Both ends of a connection agree."""
        shown, raw = self.look()
        scales = raw[6]
        self.assertEqual((shown['TcpState'], raw[0]), (1, 1))
        self.assertEqual(shown['TcpSendWindowScaleBits'], scales >> 4)
        self.assertEqual(shown['TcpReceiveWindowScaleBits'], scales & 15)
        self.assertEqual(shown['TcpSendMssBytes'], struct.unpack_from('I', raw, 16)[0])
        self.assertEqual((shown['TcpReceivedBytes'], shown['TcpSentBytes']), (1000, 1000))
        self.assertGreater(shown['TcpRttUSec'], 0)
        if len(raw) >= 236:
            self.assertGreater(shown['TcpReceiveWindowBytes'], 0)
            self.assertLess(shown['TcpReceiveWindowBytes'], 2 ** 30)
