# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The presets give what the programs they stand for asked of their sockets."""

import pathlib

from sonde_daemon import IN_NAMESPACE, SETTINGS, settings
from sonde_harness import SondeTest

MULTIPLEX = {
    'Mode': 'echo',
    'ListenAddresses': ['127.0.0.1:9999'],
    'ReuseAddress': True,
    'ReusePort': True,
    'NoDelay': True,
}
ASYNCIO = {
    'Mode': 'echo-once',
    'ListenAddresses': ['127.0.0.1:8888'],
    'ReuseAddress': True,
    'ReusePort': True,
    'Backlog': 100,
    'NoDelay': True,
    'QuickAck': True,
    'KeepAlive': True,
    'KeepAliveTimeUSec': 1800 * 1000000,
    'KeepAliveProbes': 9,
    'KeepAliveIntervalUSec': 15 * 1000000,
}
SOCKETSERVER = {
    'ListenAddresses': ['127.0.0.1:9999'],
    'ReuseAddress': True,
    'Backlog': 100,
    'NoDelay': True,
    'QuickAck': True,
}
PRESETS = {
    'io-multiplex': MULTIPLEX,
    'io-multiplex-bare': {'Mode': 'echo', 'ListenAddresses': ['127.0.0.1:9999']},
    'asyncio': ASYNCIO,
    'socketserver-base': {**SOCKETSERVER, 'Mode': 'upper-once'},
    'socketserver-stream': {**SOCKETSERVER, 'Mode': 'upper-line'},
    'socketserver-threading': {
        **SOCKETSERVER,
        'Mode': 'upper-once',
        'Concurrency': 'threads',
        'ListenAddresses': ['127.0.0.1:0'],
        'ReusePort': True,
    },
}
# What a preset leaves alone.
DEFAULTS = {
    'Mode': 'echo',
    'ListenAddresses': [],
    'Concurrency': 'loop',
    'Workers': 1,
    'MaxThreads': 64,
    'CloseTimeoutUSec': 5000000,
    'LineMax': 65536,
    'UnsentMax': 67108864,
    'Congestion': '',
    **dict.fromkeys(('MaxConnections', 'MaxConnectionsPerSource', 'IdleTimeoutUSec'), 0),
    **dict.fromkeys(('StallTimeoutUSec', 'RuntimeMaxUSec'), 0),
    **dict.fromkeys(('KeepAliveTimeUSec', 'KeepAliveIntervalUSec', 'KeepAliveProbes'), 0),
    **dict.fromkeys(('ReadSize', 'Backlog'), 0),
    **dict.fromkeys(('ReceiveBuffer', 'SendBuffer', 'UserTimeoutUSec', 'DeferAcceptUSec'), 0),
    **dict.fromkeys(('MaxPacingRate', 'NotSentLowWater', 'LingerUSec', 'TypeOfService'), 0),
    'MaxSegment': 0,
    **dict.fromkeys(('LogContent', 'ReuseAddress', 'ReusePort', 'NoDelay'), False),
    **dict.fromkeys(('QuickAck', 'KeepAlive'), False),
}


def sysctl(name):
    return int(pathlib.Path('/proc/sys', *name.split('.')).read_text('ascii'))


class TestPresets(SondeTest):
    # In a network of their own the ports of the recipes are surely free.
    daemon_prefix = IN_NAMESPACE

    def test_defaults_are_complete(self):
        """The table of this test knows every setting that a server has."""
        self.assertEqual(set(DEFAULTS), set(SETTINGS))

    def test_names(self):
        """Presets lists one preset for each recipe."""
        presets = self.daemon.get_all('/org/sonde/Sonde1', 'Manager')['Presets']
        self.assertEqual(set(presets), set(PRESETS))

    def test_exact_settings(self):
        """A preset sets exactly what its recipe asked for and nothing else."""
        for preset, expected in PRESETS.items():
            with self.subTest(preset=preset):
                only = settings(Preset=preset)
                path = self.daemon.manager('CreateServer', '(sa{sv})', preset, only)
                self.addCleanup(self.remove, preset)
                server = self.daemon.get_server(preset)
                self.assertEqual(server.path, path)
                self.assertEqual(server.get_settings(), {**DEFAULTS, **expected})
                self.assertEqual(server.get('State'), 'listening')
                port = int(expected['ListenAddresses'][0].rpartition(':')[2])
                [(host, bound)] = server.addresses()
                self.assertEqual(host, '127.0.0.1')
                self.assertEqual(bound, port or bound)
                self.assertGreater(bound, 0)
                self.remove(preset)

    def test_effective_on_the_listener(self):
        """The kernel has on the listener what each preset asks for."""
        for preset, expected in PRESETS.items():
            with self.subTest(preset=preset):
                server = self.create(preset, Preset=preset, ListenAddresses=['127.0.0.1:0'])
                report = server.report('listener')
                for option in set(expected) & set(report):
                    asked, effective, _, reason = report[option]
                    self.assertEqual((asked, effective), (expected[option],) * 2, option)
                    self.assertEqual(reason, 'as-asked', option)
                for option in set(report) - set(expected):
                    self.assertEqual(report[option][3], 'kernel-default', option)

    def test_overrides(self):
        """A key beside a preset wins over the preset, whatever their order."""
        server = self.create(Preset='asyncio', Backlog=7, NoDelay=False, Mode='upper')
        expected = {**DEFAULTS, **ASYNCIO, 'ListenAddresses': ['127.0.0.1:0'], 'Backlog': 7,
                    'NoDelay': False, 'Mode': 'upper'}
        self.assertEqual(server.get_settings(), expected)

    def test_unknown_preset(self):
        """An unknown preset is refused with the names of those that exist."""
        message = self.fails('InvalidSetting', self.create, Preset='twisted')
        for preset in PRESETS:
            self.assertIn(preset, message)
        self.fails('NoSuchServer', self.daemon.get_server, 'test_unknown_preset')


class TestReports(SondeTest):
    def test_bare_backlog(self):
        """Without a backlog of its own a server has the longest that the kernel allows."""
        for preset in 'io-multiplex', 'io-multiplex-bare':
            server = self.create(preset, Preset=preset, ListenAddresses=['127.0.0.1:0'])
            asked, effective, limit, reason = server.report('listener')['Backlog']
            self.assertEqual((asked, reason), (0, 'kernel-default'))
            self.assertEqual(effective, sysctl('net.core.somaxconn'))
            self.assertEqual(limit, sysctl('net.core.somaxconn'))
            self.assertEqual(server.snapshot()['AcceptQueueLimit'], effective)

    def test_buffers_left_alone(self):
        """A server that asks for no buffers reports those that the kernel chose."""
        server = self.create(Preset='io-multiplex', ListenAddresses=['127.0.0.1:0'])
        self.connect(server)
        server.wait_for(NConnections=1)
        for scope in 'listener', 'connection':
            report = server.report(scope)
            for option in 'ReceiveBuffer', 'SendBuffer':
                asked, effective, _, reason = report[option]
                self.assertEqual((asked, reason), (0, 'kernel-default'), (scope, option))
                self.assertGreater(effective, 0)

    def test_keep_alive_dead_time(self):
        """The asyncio preset finds a dead peer after 1935 s, by what the kernel really has."""
        server = self.create(Preset='asyncio', ListenAddresses=['127.0.0.1:0'])
        self.connect(server)
        server.wait_for(NConnections=1)
        for scope in 'listener', 'connection':
            effective = {option: row[1] for option, row in server.report(scope).items()}
            self.assertIs(effective['KeepAlive'], True)
            dead_after = (effective['KeepAliveTimeUSec']
                          + effective['KeepAliveProbes'] * effective['KeepAliveIntervalUSec'])
            self.assertEqual(dead_after, 1935 * 1000000)

    def test_keep_alive_implied(self):
        """Any of time, interval and probes turns keep-alive on; none of them leaves it alone."""
        for key, value in (('KeepAliveTimeUSec', 60000000), ('KeepAliveIntervalUSec', 5000000),
                           ('KeepAliveProbes', 3)):
            server = self.create(key, **{key: value})
            self.assertIs(server.report('listener')['KeepAlive'][1], True, key)
        report = self.create('none').report('listener')
        self.assertEqual(report['KeepAlive'][1::2], (False, 'kernel-default'))
        # Reported all the same: what the kernel would do if it were turned on.
        self.assertEqual(report['KeepAliveTimeUSec'][1],
                         sysctl('net.ipv4.tcp_keepalive_time') * 1000000)

    def test_quick_ack_is_armed_again(self):
        """QuickAck is armed again after each read, which the kernel would forget."""
        server = self.create(Preset='asyncio', ListenAddresses=['127.0.0.1:0'], Mode='echo')
        sock = self.connect(server)
        for _ in range(3):
            sock.sendall(b'x')
            self.assertEqual(sock.recv(1), b'x')
        self.assertGreaterEqual(server.snapshot()['QuickAckRearms'], 3)
        self.assertEqual(self.create('off').snapshot()['QuickAckRearms'], 0)

    def test_kernel_timeouts(self):
        """What recipe 000 logs about the kernel is there: queues and the SYN-ACK timeout."""
        limits = self.daemon.get_all('/org/sonde/Sonde1', 'KernelLimits')
        self.assertEqual(limits['SoMaxConn'], sysctl('net.core.somaxconn'))
        self.assertEqual(limits['TcpMaxSynBacklog'], sysctl('net.ipv4.tcp_max_syn_backlog'))
        retries = sysctl('net.ipv4.tcp_synack_retries')
        self.assertEqual(limits['AcceptTimeoutUSec'], (2 ** (retries + 1) - 1) * 1000000)
