# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Whatever is missing or taken around the daemon is told, and does not undo what works."""

import os
import pathlib
import re
import subprocess
import tempfile
import time

from sonde_daemon import DEADLINE, UNSHARE, Server, settings, wait_until
from sonde_faults import SLOWDOWN, FaultsTest, fault, ping, server_group
from sonde_faults_clock import Stopwatch


def within(*commands):
    """Make what goes before a program that shall run in a world of its own."""
    return [*UNSHARE, 'sh', '-c', ' && '.join(('ip link set lo up', *commands, 'exec "$@"')), 'sh']


NO_IPV6 = within('echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6')
NO_SYSCTLS = within('mount -t tmpfs -o ro tmpfs /proc/sys')
NO_NETWORK_FILES = within('mount -t tmpfs -o ro tmpfs /proc/sys', 'umount -l /proc/net || true',
                          'mount -t tmpfs -o ro tmpfs /proc/self/net || true')
CLOCK = next(pathlib.Path('/usr/lib').glob('*/faketime/libfaketime.so.1'))


class TestAddresses(FaultsTest):
    def fail_to_start(self, config, prefix=()):
        """Start a daemon that cannot; return its status and its one line."""
        with tempfile.TemporaryDirectory(prefix='sonded-test-') as directory:
            path = pathlib.Path(directory, 'sonded.conf')
            path.write_text(config, 'utf-8')
            # The daemon may have fewer rights than we.
            os.chmod(directory, 0o755)
            command = [*prefix, os.environ['SONDED'], '--address=' + self.bus.address,
                       f'--config={path}']
            done = subprocess.run(command, timeout=DEADLINE, check=False, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        [line] = [line for line in done.stderr.splitlines() if line.startswith('sonded: ')]
        return done.returncode, line

    @fault(16, 'port in use, privileged, no such address, no IPv6: at the start',
           'status 1 and one line with address and errno')
    def test_bad_start(self):
        """A start that fails says where and why, in one line."""
        taken = '{}:{}'.format(*self.address)
        unprivileged = [*UNSHARE, 'setpriv', '--bounding-set=-net_bind_service',
                        '--inh-caps=-net_bind_service', '--ambient-caps=-net_bind_service']
        for address, prefix, errno in ((taken, [], 'EADDRINUSE'),
                                       ('127.0.0.1:7', unprivileged, 'EACCES'),
                                       ('192.0.2.7:0', [], 'EADDRNOTAVAIL'),
                                       ('[::1]:0', NO_IPV6, 'EADDRNOTAVAIL')):
            status, line = self.fail_to_start(server_group('a', addresses=address), prefix)
            self.assertEqual(status, 1, line)
            self.assertIn(address, line)
            self.assertIn(errno, line)
            self.saw(f'{address}: {errno}')

    @fault(16, 'the same, live', 'a D-Bus error, and the old listener serves on')
    def test_bad_change(self):
        """A listener that cannot be had leaves the one that there is."""
        server = self.create('moved')
        before = server.addresses()
        for address, name in (('{}:{}'.format(*self.address), 'AddressInUse'),
                              ('192.0.2.7:0', 'AddressNotAvailable')):
            server.update(ListenAddresses=[address])
            message = self.fails(name, server.call, 'Server.Relisten')
            self.assertIn(address, message)
            self.assertEqual((server.addresses(), server.get('State')), (before, 'listening'))
            self.echo(address=before[0])
        self.saw('AddressInUse, AddressNotAvailable; the old port serves on')

    @fault(16, 'port 0', 'the real port is on D-Bus and in the log')
    def test_port_zero(self):
        """Where the kernel picks the port, it can be looked up."""
        server = self.create('any')
        [(host, port)] = server.addresses()
        self.assertGreater(port, 0)
        wait_until(lambda: f'Server any listens on {host}:{port}\n' in self.daemon.log(),
                   'the log tells the address')
        self.saw('both')


class TestSurroundings(FaultsTest):
    """Each test has a daemon of its own, beside that of the class."""

    @fault(31, 'nothing in /proc/sys and in /proc/net',
           'limits are unknown, never 0; all else works')
    def test_no_limits(self):
        """A limit that cannot be read is absent, and nothing else suffers."""
        for prefix in NO_SYSCTLS, NO_NETWORK_FILES:
            daemon = self.start_another(prefix=prefix)
            self.check_limits(daemon)
            server = daemon.get_server('echo')
            server.set('Backlog', 10000)
            server.set('ReceiveBuffer', 10 ** 9)
            self.assertIn('Backlog', server.report('listener'))
            self.assertEqual(server.snapshot()['NConnections'], 0)
            daemon.stop()
            self.check_log(daemon)
        self.saw('SoMaxConn is absent')

    def check_limits(self, daemon):
        values = daemon.call('/org/sonde/Sonde1', 'KernelLimits.GetAll')
        self.assertNotIn('net.core.somaxconn', values)
        properties = daemon.get_all('/org/sonde/Sonde1', 'KernelLimits')
        self.assertNotIn('SoMaxConn', properties)
        self.assertNotIn('TcpRmem', properties)
        daemon.call('/org/sonde/Sonde1', 'KernelLimits.GetDeltas')
        message = self.fails('org.freedesktop.DBus.Error.UnknownProperty', daemon.call,
                             '/org/sonde/Sonde1', 'org.freedesktop.DBus.Properties.Get', '(ss)',
                             'org.sonde.Sonde1.KernelLimits', 'SoMaxConn')
        self.assertIn('absent', message)

    @fault(34, 'the clock jumps by 5 h, forth and back',
           'timeouts of 1 h do not fire, those of 0.5 s do in time')
    def test_clock(self):
        """Timeouts go by the clock that nobody sets."""
        directory = tempfile.TemporaryDirectory(prefix='sonde-clock-')
        self.addCleanup(directory.cleanup)
        clock = pathlib.Path(directory.name, 'clock')
        clock.write_text('+0h', 'ascii')
        environment = {'LD_PRELOAD': str(CLOCK), 'FAKETIME_TIMESTAMP_FILE': str(clock),
                       'FAKETIME_NO_CACHE': '1', 'FAKETIME_DONT_FAKE_MONOTONIC': '1',
                       'DONT_FAKE_MONOTONIC': '1'}
        options = os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'
        daemon = self.start_another(environment={**environment, 'ASAN_OPTIONS': options})
        patient, strict = (self.create_at(daemon, name, timeout)
                           for name, timeout in (('patient', 3600000000), ('strict', 500000)))
        sock = self.connect(patient)
        self.adopt(daemon, patient.addresses()[0])
        ping(sock)
        took = []
        for hours in 5, -5, 0:
            clock.write_text(f'{hours:+}h', 'ascii')
            self.assertAlmostEqual(self.read_clock(daemon), hours, delta=1)
            watch = Stopwatch(daemon.pid)
            other = self.connect(strict)
            self.assertEqual(other.recv(1), b'')
            took.append(watch.read())
            self.assertLess(took[-1], 1 * SLOWDOWN)
            other.close()
            ping(sock)
            self.assertEqual(patient.snapshot()['NTimedOut'], 0)
            self.assertEqual(strict.wait_for(NConnections=0)['NTimedOut'], len(took))
        self.saw('ended after ' + ', '.join(f'{seconds:.2f} s' for seconds in took))

    def create_at(self, daemon, name, timeout_usec):
        """Make a server with timeouts at a daemon that is not the one of the class."""
        values = settings(ListenAddresses=['127.0.0.1:0'], IdleTimeoutUSec=timeout_usec,
                          RuntimeMaxUSec=timeout_usec)
        return Server(daemon, daemon.manager('CreateServer', '(sa{sv})', name, values))

    def read_clock(self, daemon):
        """Tell by how many hours the daemon's clock is wrong, as its log shows it."""
        daemon.manager('CreateServer', '(sa{sv})', 'new', settings(ListenAddresses=['127.0.0.1:0']))
        daemon.manager('RemoveServer', '(s)', 'new')
        shown = int(re.findall(r'Message: (\d\d):', daemon.log())[-1])
        return (shown - time.localtime().tm_hour + 12) % 24 - 12
