# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""KernelLimits tells what the kernel says, and copes with a kernel that says nothing."""

import pathlib
import subprocess
import time

from gi.repository import Gio, GLib
from sonde_daemon import (BUS_NAME, DEADLINE, ENTER, IN_NAMESPACE, PROPERTIES_INTERFACE, ROOT,
                          UNSHARE, read_interfaces)
from sonde_harness import SondeTest

# Hides everything that sysctls would tell, as some containers do.
WITHOUT_SYSCTLS = [*UNSHARE, 'sh', '-c', '''
  ip link set lo up && mount -t tmpfs none /proc/sys/net && exec "$@"''', 'sh']


class TestKernelLimits(SondeTest):
    SYSCTLS = {
        'SoMaxConn': 'core.somaxconn', 'TcpMaxSynBacklog': 'ipv4.tcp_max_syn_backlog',
        'TcpSynRetries': 'ipv4.tcp_syn_retries', 'TcpSynackRetries': 'ipv4.tcp_synack_retries',
        'TcpSynLinearTimeouts': 'ipv4.tcp_syn_linear_timeouts',
        'TcpRtoMaxUSec': 'ipv4.tcp_rto_max_ms',
        'TcpRetries1': 'ipv4.tcp_retries1', 'TcpRetries2': 'ipv4.tcp_retries2',
        'RmemDefault': 'core.rmem_default', 'RmemMax': 'core.rmem_max',
        'WmemDefault': 'core.wmem_default', 'WmemMax': 'core.wmem_max',
        'TcpRmem': 'ipv4.tcp_rmem', 'TcpWmem': 'ipv4.tcp_wmem',
        'TcpWindowScaling': 'ipv4.tcp_window_scaling', 'TcpSack': 'ipv4.tcp_sack',
        'TcpSlowStartAfterIdle': 'ipv4.tcp_slow_start_after_idle',
        'TcpKeepaliveTimeUSec': 'ipv4.tcp_keepalive_time',
        'TcpKeepaliveProbes': 'ipv4.tcp_keepalive_probes',
        'TcpKeepaliveIntervalUSec': 'ipv4.tcp_keepalive_intvl',
    }
    FACTORS = {'TcpRtoMaxUSec': 1000, 'TcpKeepaliveTimeUSec': 1000000,
               'TcpKeepaliveIntervalUSec': 1000000}

    def read(self, name):
        """Read what the kernel says, None where it does not have it."""
        path = pathlib.Path('/proc/sys/net', *self.SYSCTLS[name].split('.'))
        if not path.exists():
            return None
        factor = self.FACTORS.get(name, 1)
        numbers = tuple(int(word) * factor for word in path.read_text('ascii').split())
        return numbers if len(numbers) > 1 else numbers[0]

    def test_equal_to_proc(self):
        """Every limit is what /proc/sys says, 0 or -1 where that says nothing."""
        shown = self.daemon.get_all(ROOT, 'KernelLimits')
        everything = self.daemon.call(ROOT, 'KernelLimits.GetAll')
        for name, sysctl in self.SYSCTLS.items():
            with self.subTest(limit=name):
                expected = self.read(name)
                self.assertEqual('net.' + sysctl in everything, expected is not None)
                if expected is None:
                    expected = -1 if name == 'TcpSynLinearTimeouts' else 0
                self.assertEqual(shown[name], expected)
        limits = pathlib.Path(f'/proc/{self.daemon.pid}/limits').read_text('ascii')
        soft = limits.partition('Max open files')[2].split()[0]
        self.assertEqual(shown['MaxOpenFiles'], int(soft))
        retries = self.read('TcpSynRetries')
        self.assertEqual(shown['ConnectTimeoutClassicUSec'], (2 ** (retries + 1) - 1) * 1000000)

    def test_connect_timeout(self):
        """The model gives what was measured for 1 to 4 and 6 retries of a SYN."""
        def compute(retries, linear=4):
            what_if = {'net.ipv4.tcp_syn_retries': GLib.Variant('u', retries),
                       'net.ipv4.tcp_syn_linear_timeouts': GLib.Variant('u', linear),
                       'net.ipv4.tcp_rto_max_ms': GLib.Variant('u', 120000)}
            return self.daemon.call(ROOT, 'KernelLimits.ComputeConnectTimeout', '(a{sv})', what_if)
        seconds = {1: 3, 2: 7, 3: 19, 4: 35, 6: 131}
        self.assertEqual({n: compute(n) / 1000000 for n in seconds}, seconds)
        self.assertEqual(compute(6, 0), 127 * 1000000)
        self.fails('InvalidSetting', compute, 0)
        self.fails('InvalidSetting', self.daemon.call, ROOT, 'KernelLimits.ComputeConnectTimeout',
                   '(a{sv})', {'net.core.somaxconn': GLib.Variant('u', 1)})
        now = self.daemon.call(ROOT, 'KernelLimits.ComputeConnectTimeout', '(a{sv})', {})
        self.assertEqual(now, self.daemon.get_all(ROOT, 'KernelLimits')['ConnectTimeoutUSec'])

    def test_unchanged_by_reading(self):
        """GetDeltas counts from the start of the daemon, by the names of the kernel."""
        deltas = self.daemon.call(ROOT, 'KernelLimits.GetDeltas')
        for name in 'ListenOverflows', 'ListenDrops', 'TCPTimeouts', 'RetransSegs':
            self.assertGreaterEqual(deltas[name], 0)
        self.assertLess(deltas['RetransSegs'], 2 ** 32)


def write_sysctls(daemon, **values):
    """Set sysctls of the network of a daemon."""
    script = ''.join(f'echo {value} > /proc/sys/net/ipv4/{name}\n'
                     for name, value in values.items())
    subprocess.run([*ENTER, str(daemon.pid), 'sh', '-e', '-c', script], check=True,
                   timeout=DEADLINE)


class TestOwnNetwork(SondeTest):
    daemon_prefix = IN_NAMESPACE

    def test_changes_are_seen(self):
        """A sysctl that is changed while the daemon runs is seen at the next read."""
        for retries in 3, 5, 1:
            write_sysctls(self.daemon, tcp_syn_retries=retries, tcp_keepalive_time=100 * retries)
            shown = self.daemon.get_all(ROOT, 'KernelLimits')
            everything = self.daemon.call(ROOT, 'KernelLimits.GetAll')
            self.assertEqual(shown['TcpSynRetries'], retries)
            self.assertEqual(shown['TcpKeepaliveTimeUSec'], 100 * retries * 1000000)
            self.assertEqual(everything['net.ipv4.tcp_syn_retries'], retries)
            self.assertEqual(shown['ConnectTimeoutClassicUSec'], (2 ** (retries + 1) - 1) * 1000000)
            computed = self.daemon.call(ROOT, 'KernelLimits.ComputeConnectTimeout', '(a{sv})', {})
            self.assertEqual(shown['ConnectTimeoutUSec'], computed)
        server = self.create()
        self.assertEqual(server.report('listener')['KeepAliveTimeUSec'][1], 100 * 1000000)

    def test_limits_of_the_namespace(self):
        """In a network of its own the daemon shows the limits of that network."""
        mine = set(self.daemon.call(ROOT, 'KernelLimits.GetAll'))
        names = {f'net.{folder}.{path.name}' for folder in ('core', 'ipv4')
                 for path in pathlib.Path('/proc/sys/net', folder).iterdir() if path.is_file()}
        self.assertLessEqual(mine, names)
        self.assertEqual(self.create().get('State'), 'listening')


class TestBlackHole(SondeTest):
    # A neighbour that has an address, and nobody to take what is sent to it.
    SCRIPT = """
      ip link add sonde0 type veth peer name sonde1
      ip link set sonde0 up && ip link set sonde1 up
      ip address add 192.0.2.1/24 dev sonde0
      ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev sonde0 nud permanent
      exec "$@" """
    LINEAR = 'tcp_syn_linear_timeouts'

    def start(self, sysctls):
        daemon = self.start_daemon(prefix=[*IN_NAMESPACE, 'sh', '-e', '-c', self.SCRIPT, 'sh'])
        write_sysctls(daemon, **sysctls)
        return daemon

    def give_up(self, daemon):
        """Return how long the kernel tries to connect, and how long it should by the model."""
        model = daemon.get_all(ROOT, 'KernelLimits')['ConnectTimeoutUSec'] / 1000000
        start = time.monotonic()
        options = {'ConnectTimeoutUSec': GLib.Variant('t', 0)}
        message = self.fails('ConnectTimedOut', daemon.manager, 'RunProbe', '(sqa{sv})',
                             '192.0.2.2', 9, options)
        self.assertIn('ETIMEDOUT', message)
        return time.monotonic() - start, model

    def test_model(self):
        """The kernel gives up connecting to a black hole when the model says."""
        linear = [0, 4] if pathlib.Path('/proc/sys/net/ipv4', self.LINEAR).exists() else [None]
        cases = [(n, timeouts) for n in (1, 2, 3) for timeouts in linear]
        daemons = {}
        for n, timeouts in cases:
            sysctls = {'tcp_syn_retries': n}
            if timeouts is not None:
                sysctls[self.LINEAR] = timeouts
            daemons[n, timeouts] = self.start(sysctls)
        waiting = {case: self.in_thread(self.give_up, daemon) for case, daemon in daemons.items()}
        for case, future in waiting.items():
            with self.subTest(retries=case[0], linear_timeouts=case[1]):
                elapsed, model = future.result(2 * DEADLINE)
                print(f'# {case}: {elapsed:.2f} s, by the model {model:.0f} s', flush=True)
                # Never early, and late by the slack of timers and what a busy machine adds;
                # 3, 7, 15 and 19 s are further apart than that.
                self.assertGreater(elapsed, model - 0.1)
                self.assertLess(elapsed, 1.05 * model + 3)


class TestWithoutSysctls(SondeTest):
    daemon_prefix = WITHOUT_SYSCTLS

    def test_absent_is_a_value(self):
        """Absent sysctls are left out, Get of one fails, and nothing crashes."""
        shown = self.daemon.get_all(ROOT, 'KernelLimits')
        self.assertEqual(set(shown), {'MaxOpenFiles', 'TcpSynLinearTimeouts'})
        self.assertEqual(shown['TcpSynLinearTimeouts'], -1)
        names = {p.get('name') for p in
                 read_interfaces()[BUS_NAME + '.KernelLimits'].iter('property')}
        for name in names - set(shown):
            with self.subTest(limit=name), self.assertRaises(GLib.Error) as caught:
                self.daemon.call(ROOT, PROPERTIES_INTERFACE + '.Get', '(ss)',
                                 BUS_NAME + '.KernelLimits', name)
            self.assertEqual(Gio.DBusError.get_remote_error(caught.exception),
                             'org.freedesktop.DBus.Error.UnknownProperty')
        everything = self.daemon.call(ROOT, 'KernelLimits.GetAll')
        self.assertEqual([name for name in everything if name.startswith('net.')], [])

    def test_servers_work(self):
        """Without sysctls a server listens, reports its options and steers as always."""
        server = self.create(Preset='asyncio', ListenAddresses=['127.0.0.1:0'])
        server.update(ReceiveBuffer=1000000000, Backlog=7)
        report = server.report('listener')
        self.assertEqual(report['Backlog'][:2], (7, 7))
        self.assertEqual(report['Backlog'][2], '')
        self.assertEqual(report['ReceiveBuffer'][0], 1000000000)
        self.assertIn('MaxOpenFiles', self.daemon.get_all(ROOT, 'KernelLimits'))
        self.daemon.manager('Describe')
