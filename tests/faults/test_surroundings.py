# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What the kernel does not tell, or not allow, is told as such, and the rest goes on.

The test and its daemons are in a network of their own, without IPv6.
"""

import pathlib

import test_network
from sonde_daemon import ROOT
from sonde_faults import INSTRUMENTED, FaultsTest, behind, fault, ping
from sonde_sondectl import SondectlTest

SYSCTLS = pathlib.Path('/proc/sys')
UNPRIVILEGED = ['setpriv', '--bounding-set=-net_bind_service', '--inh-caps=-net_bind_service',
                '--ambient-caps=-net_bind_service']
UNREADABLE = ['setpriv', '--bounding-set=-dac_override,-dac_read_search',
              '--inh-caps=-dac_override,-dac_read_search',
              '--ambient-caps=-dac_override,-dac_read_search']
UNKNOWN = 'unknown limits are absent, never 0; all else works'


def setUpModule():
    test_network.setUpModule()
    (SYSCTLS / 'net/ipv6/conf/all/disable_ipv6').write_text('1', 'ascii')


def to_words(value):
    """Write a limit as the kernel does."""
    if isinstance(value, str):
        return value.split()
    return [str(int(part)) for part in (value if isinstance(value, tuple) else [value])]


class LimitsTest(FaultsTest, SondectlTest):
    def read_limits(self):
        """Read the limits in each way in which they are shown."""
        limits = self.daemon.call(ROOT, 'KernelLimits.GetAll')
        properties = self.daemon.get_all(ROOT, 'KernelLimits')
        self.daemon.call(ROOT, 'KernelLimits.GetDeltas')
        self.sondectl('limits')
        return limits, properties

    def use(self):
        """Do what limits have to do with."""
        server = self.create('limited', Backlog=100000, ReceiveBuffer=10 ** 9, SendBuffer=1,
                             KeepAlive=True)
        with self.connect(server) as sock:
            ping(sock)
            [row] = server.connections()
            self.assertEqual(server.call('Server.GetConnection', '(t)', row[0])['KeepAlive'], True)
            self.assertIn('Backlog', server.report('listener'))
            self.assertEqual(server.snapshot()['NConnections'], 1)
        self.remove('limited')

    def check_unknown(self):
        limits, properties = self.read_limits()
        self.assertEqual([name for name in limits if name.startswith('net.')], [])
        self.assertEqual({'SoMaxConn', 'TcpRmem', 'RmemMax'} & set(properties), set())
        self.assertGreater(properties['MaxOpenFiles'], 0)
        self.assertNotIn(0, {**limits, **properties}.values())
        message = self.fails('org.freedesktop.DBus.Error.UnknownProperty', self.daemon.call, ROOT,
                             'org.freedesktop.DBus.Properties.Get', '(ss)',
                             'org.sonde.Sonde1.KernelLimits', 'SoMaxConn')
        self.assertIn('absent', message)
        self.use()
        self.saw(f'no limit of the network is told; {message}')


class TestNamespace(LimitsTest):
    @fault(31, 'a network namespace, where some sysctls do not exist', UNKNOWN)
    def test_namespace(self):
        """What this network does not have is absent, and what it has is right."""
        limits, _ = self.read_limits()
        names = [name for name in limits if name.startswith('net.')]
        for name in names:
            text = (SYSCTLS / name.replace('.', '/')).read_text('ascii').split()
            self.assertEqual(to_words(limits[name]), text, name)
        for name in 'net.core.somaxconn', 'net.core.rmem_max', 'net.ipv4.tcp_rmem':
            self.assertEqual(name in limits, (SYSCTLS / name.replace('.', '/')).exists(), name)
        self.assertFalse((SYSCTLS / 'net/ipv4/tcp_mem').exists())
        self.use()
        self.saw(f'{len(names)} sysctls, those of this network')


class TestNoSysctls(LimitsTest):
    daemon_prefix = behind('mount -t tmpfs -o ro tmpfs /proc/sys')

    @fault(31, 'nothing in /proc/sys', UNKNOWN)
    def test_no_sysctls(self):
        """Without sysctls limits are unknown."""
        self.check_unknown()


class TestUnreadable(LimitsTest):
    daemon_prefix = [*behind('mount -t tmpfs -o mode=000 tmpfs /proc/sys',
                             'mount -t tmpfs -o mode=000 tmpfs /proc/self/net'), *UNREADABLE]

    @fault(31, '/proc/sys and /proc/net may not be read', UNKNOWN)
    def test_unreadable(self):
        """What may not be read is unknown."""
        self.check_unknown()


class TestHidden(LimitsTest):
    daemon_prefix = behind('mount -t proc -o hidepid=invisible,subset=pid proc /proc')

    @fault(31, '/proc with hidepid=invisible,subset=pid', UNKNOWN)
    def test_hidden(self):
        """Where /proc shows nothing but processes limits are unknown."""
        self.check_unknown()


# Sanitizers cannot do without.
if not INSTRUMENTED:
    class TestNoProc(LimitsTest):
        daemon_prefix = behind('mount -t tmpfs -o ro tmpfs /proc')

        @fault(31, 'no /proc at all', UNKNOWN)
        def test_no_proc(self):
            """Without /proc limits are unknown, and TCP is served."""
            self.check_unknown()


class TestAddresses(FaultsTest):
    daemon_prefix = UNPRIVILEGED

    @fault(16, 'a privileged port, an address of IPv6 where there is none, live',
           'PermissionDenied, AddressNotAvailable with the address; the old listener serves on')
    def test_unavailable(self):
        """An address that cannot be had leaves the listener that there is."""
        server = self.create('moved')
        before = server.addresses()
        for address, name in (('127.0.0.1:7', 'PermissionDenied'),
                              ('[::1]:0', 'AddressNotAvailable'),
                              ('192.0.2.7:0', 'AddressNotAvailable'),
                              ('{}:{}'.format(*self.address), 'AddressInUse')):
            server.update(ListenAddresses=[address])
            message = self.fails(name, server.call, 'Server.Relisten')
            self.assertIn(address, message)
            self.assertEqual((server.addresses(), server.get('State')), (before, 'listening'))
            self.echo(address=before[0])
            message = self.fails(name, self.create, 'never', ListenAddresses=[address])
            self.assertIn(address, message)
            self.fails('NoSuchServer', self.daemon.get_server, 'never')
            self.saw(f'{address}: {name}')
        self.remove('moved')
