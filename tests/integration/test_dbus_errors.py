# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Every error of the contract is reached, carries its name, and leaves nothing behind."""

from gi.repository import GLib
from sonde_daemon import BUS_NAME, ERROR, IN_NAMESPACE, ROOT, UNSHARE
from sonde_harness import (SondeTest, answer_wrongly, close_early, reset_early, say_nothing)

# Root without the capabilities that binding port 1 or choosing any algorithm takes,
# and no network at all: not even the loopback is up.
WITHOUT_CAPABILITIES = [*UNSHARE, *(['setpriv', '--bounding-set=-net_bind_service,-net_admin',
                                     '--inh-caps=-net_bind_service,-net_admin',
                                     '--ambient-caps=-net_bind_service,-net_admin'])]


class TestServerErrors(SondeTest):
    def test_no_such_server(self):
        """GetServer and RemoveServer of an unknown name fail with NoSuchServer."""
        for method in 'GetServer', 'RemoveServer':
            message = self.fails('NoSuchServer', self.daemon.manager, method, '(s)', 'nobody')
            self.assertIn('nobody', message)

    def test_name_in_use(self):
        """A name is given once; the second CreateServer fails and disturbs nobody."""
        server = self.create('twin')
        before = server.get_settings()
        self.fails('NameInUse', self.create, 'twin', Mode='upper')
        self.assertEqual(server.get_settings(), before)
        self.assertEqual(self.ask(server, b'same'), b'same')

    def test_address_in_use(self):
        """A port that is taken is AddressInUse, names address and errno, and leaves no server."""
        [(host, port)] = self.create('first').addresses()
        taken = [f'{host}:{port}']
        message = self.fails('AddressInUse', self.create, 'second', ListenAddresses=taken)
        self.assertIn(f'{host}:{port}', message)
        self.assertIn('EADDRINUSE', message)
        self.fails('NoSuchServer', self.daemon.get_server, 'second')

    def test_all_or_none(self):
        """A server of which one address is taken listens on none."""
        server = self.create('half')
        [(host, port)] = self.create('taken').addresses()
        server.call('Server.Stop')
        server.update(ListenAddresses=['127.0.0.1:0', f'{host}:{port}'])
        self.fails('AddressInUse', server.call, 'Server.Start')
        self.assertEqual((server.get('State'), server.addresses()), ('failed', []))
        server.update(ListenAddresses=['127.0.0.1:0'])
        server.call('Server.Start')
        self.assertEqual((server.get('State'), len(server.addresses())), ('listening', 1))

    def test_address_not_available(self):
        """An address that is not ours is AddressNotAvailable, named with its errno."""
        message = self.fails('AddressNotAvailable', self.create, ListenAddresses=['192.0.2.1:0'])
        self.assertIn('192.0.2.1:0', message)
        self.assertIn('EADDRNOTAVAIL', message)

    def test_no_address(self):
        """A server without an address to listen on is refused."""
        self.fails('InvalidSetting', self.create, ListenAddresses=[])


class TestProbeErrors(SondeTest):
    def probe(self, port, host='127.0.0.1', **options):
        types = {'Mode': 's', 'Messages': 'aay', 'ReadSize': 'u', 'Count': 'u'}
        packed = {k: GLib.Variant(types.get(k, 't'), v) for k, v in options.items()}
        return self.daemon.manager('RunProbe', '(sqa{sv})', host, port, packed)

    def test_success(self):
        """A probe of a server that does as expected tells what it measured."""
        server = self.create(Mode='upper')
        [(host, port)] = server.addresses()
        shown = self.probe(port, Mode='upper', ReceiveBuffer=8192)
        self.assertEqual((shown['PeerAddress'], shown['PeerPort']), (host, port))
        self.assertEqual((shown['BytesSent'], shown['BytesReceived']), (12, 12))
        self.assertEqual(shown['ReceiveBuffer'], 16384)
        self.assertEqual(shown['ConnectTimeoutUSec'], 3500000)
        self.assertLessEqual(shown['FirstByteUSec'], shown['RoundTripUSec'])
        for mode in 'echo', 'echo-once', 'upper-once', 'upper-line':
            server.set('Mode', mode)
            self.probe(port, Mode=mode, Messages=[b'one\n'])
            self.assertEqual(server.wait_for(NConnections=0)['NReset'], 0)

    def test_count(self):
        """The messages are sent as often as Count says, and verified to the last byte."""
        [(_, port)] = self.create().addresses()
        shown = self.probe(port, Messages=[b'one\n', b'two'], Count=1000)
        self.assertEqual((shown['BytesSent'], shown['BytesReceived']), (7000, 7000))
        message = self.fails('InvalidSetting', self.probe, port, Count=0)
        self.assertRegex(message, 'Count=.*1 to 4294967295')

    def test_caller_leaves(self):
        """A probe whose caller leaves the bus is given up, however long it would take."""
        server = self.create()
        [(host, port)] = server.addresses()
        caller = self.bus.connect()
        options = {'Count': GLib.Variant('u', 0xffffffff)}
        caller.call(BUS_NAME, ROOT, BUS_NAME + '.Manager', 'RunProbe',
                    GLib.Variant('(sqa{sv})', (host, port, options)), None, 0, -1, None, None)
        server.wait_for(NConnections=1, BytesReceived=1000000)
        caller.close_sync(None)
        server.wait_for(NConnections=0)

    def test_connect_refused(self):
        """Nobody listening is ConnectRefused."""
        self.fails('ConnectRefused', self.probe, self.reserve_port())

    def test_connect_timed_out(self):
        """No answer to the SYN within the connect timeout is ConnectTimedOut."""
        port = self.make_black_hole()
        self.fails('ConnectTimedOut', self.probe, port, ConnectTimeoutUSec=200000)

    def test_peer_closed(self):
        """A peer that closes before the whole answer is PeerClosed."""
        self.fails('PeerClosed', self.probe, self.start_peer(close_early))

    def test_peer_reset(self):
        """A peer that resets is PeerReset."""
        self.fails('PeerReset', self.probe, self.start_peer(reset_early))

    def test_echo_mismatch(self):
        """An answer that differs is EchoMismatch, with the offset of the first such byte."""
        message = self.fails('EchoMismatch', self.probe, self.start_peer(answer_wrongly))
        self.assertRegex(message, r'\b10\b')

    def test_timed_out(self):
        """A peer that does not answer within the I/O timeout is TimedOut."""
        self.fails('TimedOut', self.probe, self.start_peer(say_nothing), IoTimeoutUSec=200000)

    def test_invalid_options(self):
        """Options of a probe that make no sense are refused before anything is sent."""
        for options in {'Mode': 'lower'}, {'ReadSize': 0}, {'Nonsense': 1}:
            message = self.fails('InvalidSetting', self.probe, 1, **options)
            self.assertIn(next(iter(options)), message)

    def test_probes_do_not_block(self):
        """While a probe waits, the daemon answers others."""
        port = self.start_peer(say_nothing)
        waiting = self.in_thread(self.probe, port)
        server = self.create()
        self.assertEqual(self.ask(server, b'meanwhile'), b'meanwhile')
        self.assertFalse(waiting.done())
        with self.assertRaises(GLib.Error) as caught:
            waiting.result()
        self.assertIn(ERROR + 'TimedOut', caught.exception.message)


class TestUnprivileged(SondeTest):
    daemon_prefix = WITHOUT_CAPABILITIES

    def test_privileged_port(self):
        """Binding port 1 without the capability is PermissionDenied."""
        message = self.fails('PermissionDenied', self.create, ListenAddresses=['0.0.0.0:1'])
        self.assertIn('EACCES', message)

    def test_congestion_not_allowed(self):
        """An algorithm for administrators only is PermissionDenied; nothing changes."""
        def algorithms(kind):
            path = f'/proc/sys/net/ipv4/tcp_{kind}_congestion_control'
            with open(path, encoding='ascii') as file:
                return set(file.read().split())
        forbidden = algorithms('available') - algorithms('allowed')
        self.assertTrue(forbidden, 'this kernel allows every algorithm that it has')
        server = self.create(ListenAddresses=['0.0.0.0:0'])
        before = server.get_settings()
        self.fails('PermissionDenied', server.set, 'Congestion', forbidden.pop())
        self.fails('InvalidSetting', server.set, 'Congestion', 'no-such-one')
        self.assertEqual(server.get_settings(), before)

    def test_unreachable(self):
        """Where no route leads a probe is Unreachable."""
        self.fails('Unreachable', self.daemon.manager, 'RunProbe', '(sqa{sv})', '192.0.2.1', 9, {})


class TestNames(SondeTest):
    daemon_prefix = IN_NAMESPACE

    def test_unknown_host(self):
        """A host name that has no address is AddressNotAvailable, for a server and for a probe."""
        self.fails('AddressNotAvailable', self.create, ListenAddresses=['nowhere.invalid:0'])
        self.fails('AddressNotAvailable', self.daemon.manager, 'RunProbe', '(sqa{sv})',
                   'nowhere.invalid', 9, {})
