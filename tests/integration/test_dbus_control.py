# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Servers are steered while they serve, and tell what the kernel made of it."""

import os
import pathlib
import socket
import subprocess
import threading

from gi.repository import GLib
from sonde_daemon import BUS_NAME, DEADLINE, dispatch, wait_until
from sonde_harness import SondeTest, read_all, read_exactly, send_and_finish

MIB = 1024 * 1024
SECOND = 1000000


def sysctl(name):
    return int(pathlib.Path('/proc/sys/net', *name.split('.')).read_text('ascii'))


class TestOptions(SondeTest):
    def get_option(self, server, sock, option):
        """Read an option of a client's connection as the server's kernel side has it."""
        port = sock.getsockname()[1]
        [number] = [row[0] for row in server.connections() if row[2] == port]
        return server.call('Server.GetConnection', '(t)', number)[option]

    def test_no_delay_everywhere(self):
        """NoDelay takes effect on the listener, on new and on existing connections."""
        server = self.create(NoDelay=False)
        existing = self.connect(server)
        server.wait_for(NConnections=1)
        for value in True, False, True:
            server.set('NoDelay', value)
            fresh = self.connect(server)
            server.wait_for(NConnections=2)
            self.assertIs(server.report('listener')['NoDelay'][1], value)
            self.assertIs(self.get_option(server, existing, 'NoDelay'), value)
            self.assertIs(self.get_option(server, fresh, 'NoDelay'), value)
            fresh.close()
            server.wait_for(NConnections=1)

    def test_apply(self):
        """apply tells where: new on the listener, existing on connections, all on both."""
        expected = {'new': (False, True), 'existing': (True, False), 'all': (True, True)}
        for apply, (on_existing, on_new) in expected.items():
            with self.subTest(apply=apply):
                server = self.create(apply)
                existing = self.connect(server)
                server.wait_for(NConnections=1)
                server.update(apply=apply, NoDelay=True, KeepAliveProbes=5)
                fresh = self.connect(server)
                server.wait_for(NConnections=2)
                self.assertIs(server.get('NoDelay'), on_new)
                for option, yes in ('NoDelay', True), ('KeepAliveProbes', 5):
                    self.assertEqual(server.report('listener')[option][1] == yes, on_new, option)
                    self.assertEqual(self.get_option(server, fresh, option) == yes, on_new, option)
                    self.assertEqual(self.get_option(server, existing, option) == yes, on_existing)

    def test_backlog_in_ss(self):
        """Backlog 7 is what ss shows of the listener, at once and without a new one."""
        server = self.create()
        [(_, port)] = server.addresses()
        server.set('Backlog', 7)
        command = ['ss', '-H', '-l', '-t', '-n', 'sport', '=', f':{port}']
        shown = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                               timeout=DEADLINE)
        self.assertEqual(shown.stdout.split()[:3], ['LISTEN', '0', '7'])
        self.assertEqual(server.report('listener')['Backlog'][:2], (7, 7))
        self.assertEqual(server.snapshot()['AcceptQueueLimit'], 7)
        somaxconn = sysctl('core.somaxconn')
        server.set('Backlog', 2147483647)
        self.assertEqual(server.report('listener')['Backlog'],
                         (2147483647, somaxconn, somaxconn, 'clamped-by-net.core.somaxconn'))

    def test_buffers(self):
        """A buffer is doubled, raised to the minimum or clamped, and the report says which."""
        server = self.create()
        for option, limit, minimum in (('ReceiveBuffer', 'rmem_max', 2304),
                                       ('SendBuffer', 'wmem_max', 4608)):
            with self.subTest(option=option):
                most = sysctl('core.' + limit)
                server.set(option, 1000000000)
                self.assertEqual(server.report('listener')[option],
                                 (1000000000, 2 * most, most, 'clamped-by-net.core.' + limit))
                server.set(option, 50000)
                self.assertEqual(server.report('listener')[option],
                                 (50000, 100000, most, 'doubled'))
                server.set(option, 1)
                self.assertEqual(server.report('listener')[option],
                                 (1, minimum, most, 'raised-to-minimum'))

    def test_sysctls_that_stand_in(self):
        """Where nothing is asked the sysctl stands in, which is no limit."""
        report = self.create().report('listener')
        for option, name, unit in (('KeepAliveTimeUSec', 'keepalive_time', SECOND),
                                   ('KeepAliveIntervalUSec', 'keepalive_intvl', SECOND),
                                   ('KeepAliveProbes', 'keepalive_probes', 1)):
            with self.subTest(option=option):
                expected = sysctl('ipv4.tcp_' + name) * unit
                self.assertEqual(report[option][1:], (expected, '', 'kernel-default'))

    def test_back_to_the_kernel(self):
        """An option that is asked for no more goes back to what the kernel does by itself."""
        server = self.create()
        self.connect(server)
        server.wait_for(NConnections=1)
        asked = {'KeepAliveTimeUSec': 60 * SECOND, 'UserTimeoutUSec': 5 * SECOND,
                 'Congestion': 'reno', 'MaxPacingRate': 100000, 'NotSentLowWater': 4096,
                 'LingerUSec': SECOND,
                 'TypeOfService': 16, 'NoDelay': True}
        for scope in 'listener', 'connection':
            before = server.report(scope)
            server.update(**asked)
            changed = server.report(scope)
            for option, value in asked.items():
                self.assertEqual(changed[option][1], value, (scope, option))
            server.update(**{option: type(value)() for option, value in asked.items()})
            after = server.report(scope)
            for option in set(asked) - {'NoDelay'}:
                self.assertEqual(after[option], before[option], (scope, option))


class TestLife(SondeTest):
    def test_relisten_keeps_streams(self):
        """Relisten puts settings into effect, keeps the port, and loses no byte of a stream."""
        server = self.create()
        before = server.addresses()
        message = os.urandom(16 * MIB)
        sock = self.connect(server)
        sending = self.in_thread(send_and_finish, sock, message)
        received = self.in_thread(read_all, sock)
        for workers in 2, 1, 3:
            server.set('Workers', workers)
            self.assertIn('Workers', server.get('PendingRelisten'))
            server.call('Server.Relisten')
            self.assertEqual(server.get('PendingRelisten'), [])
            self.assertEqual(server.addresses(), before)
        sending.result(DEADLINE)
        self.assertTrue(received.result(DEADLINE) == message, 'the stream differs')
        self.assertEqual(self.ask(server, b'new'), b'new')

    def test_relisten_loses_no_client(self):
        """Clients that connect while a server listens anew are all served."""
        server = self.create(ReuseAddress=True)
        done = threading.Event()

        def keep_asking():
            count = 0
            while not done.is_set():
                with socket.create_connection(server_address, DEADLINE) as sock:
                    send_and_finish(sock, b'hello')
                    if read_all(sock) != b'hello':
                        raise AssertionError('a client was not served')
                count += 1
            return count
        server_address = server.addresses()[0]
        askers = [self.in_thread(keep_asking) for _ in range(3)]
        self.addCleanup(done.set)
        for i in range(60):
            server.set('Workers', 1 + i % 2)
            server.call('Server.Relisten')
            server.wait_for(NAccepted=server.snapshot()['NAccepted'] + 3)
        done.set()
        self.assertGreater(sum(asker.result(DEADLINE) for asker in askers), 60)

    def test_relisten_failure(self):
        """A Relisten that fails says why, and the server listens as before."""
        server = self.create()
        before = server.addresses()
        server.update(ListenAddresses=['192.0.2.1:0'])
        self.assertEqual(server.get('PendingRelisten'), ['ListenAddresses'])
        self.fails('AddressNotAvailable', server.call, 'Server.Relisten')
        self.assertEqual((server.get('State'), server.addresses()), ('listening', before))
        self.assertEqual(self.ask(server, b'as before'), b'as before')

    def test_stop_and_start(self):
        """Stop answers what was received, closes in order and listens no more; Start does again."""
        server = self.create()
        sock = self.connect(server)
        sock.sendall(b'answer me')
        server.wait_for(BytesReceived=9)
        # Our FIN comes when the server's was read: so the server need not wait for it.
        received = self.in_thread(lambda: (read_all(sock), sock.close())[0])
        server.call('Server.Stop')
        self.assertEqual(received.result(DEADLINE), b'answer me')
        self.assertEqual((server.get('State'), server.addresses()), ('stopped', []))
        self.assertEqual(server.snapshot()['NConnections'], 0)
        server.call('Server.Stop')
        server.call('Server.Start')
        self.assertEqual(server.get('State'), 'listening')
        self.assertEqual(self.ask(server, b'again'), b'again')
        self.assertEqual(server.wait_for(NConnections=0)['NAccepted'], 2)

    def test_drain(self):
        """Drain sends everything to a client that reads late; with no time left it resets."""
        server = self.create()
        message = os.urandom(256 * 1024)
        late = self.connect(server, receive_buffer=65536)
        late.sendall(message)
        server.wait_for(BytesReceived=len(message))
        drained = self.in_thread(server.call, 'Server.Drain', '(t)', DEADLINE * SECOND)
        wait_until(lambda: server.get('State') == 'draining', 'draining')
        self.assertEqual(server.addresses(), [])
        with self.assertRaises(ConnectionRefusedError):
            self.connect_to(late.getpeername())
        self.assertFalse(drained.done())
        self.assertTrue(read_all(late) == message, 'the answer differs')
        late.close()
        drained.result(DEADLINE)
        self.assertEqual(server.get('State'), 'stopped')
        server.call('Server.Start')
        idle = self.connect(server)
        server.wait_for(NConnections=1)
        server.call('Server.Drain', '(t)', 0)
        with self.assertRaises(ConnectionResetError):
            idle.recv(1)
        self.assertEqual(server.get('State'), 'stopped')


class TestConnections(SondeTest):
    def test_pages(self):
        """Pages list every connection once, in ascending order of ids, and end."""
        server = self.create()
        socks = [self.connect(server) for _ in range(7)]
        server.wait_for(NConnections=7)
        rows, pages, last = [], [], 0
        while page := server.call('Server.ListConnections', '(tu)', last, 3):
            pages.append(len(page))
            rows += page
            last = page[-1][0]
        self.assertEqual(pages, [3, 3, 1])
        self.assertEqual([row[0] for row in rows], sorted({row[0] for row in rows}))
        self.assertEqual({row[1:3] for row in rows}, {sock.getsockname() for sock in socks})
        self.assertEqual(server.connections()[0][0], rows[0][0])

    def test_get_connection(self):
        """GetConnection tells peer, bytes, options and what TCP_INFO has."""
        server = self.create(KeepAliveTimeUSec=60 * SECOND)
        sock = self.connect(server)
        sock.sendall(b'12345')
        read_exactly(sock, 5)
        [(number, host, port, *_)] = server.connections()
        shown = server.call('Server.GetConnection', '(t)', number)
        expected = {'Id': number, 'PeerAddress': host, 'PeerPort': port, 'BytesReceived': 5,
                    'BytesSent': 5, 'Stalled': False}
        self.assertEqual({name: shown[name] for name in expected}, expected)
        self.assertEqual(shown['KeepAliveTimeUSec'], 60 * SECOND)
        self.assertEqual(shown['TcpState'], 1)
        for name in 'TcpRttUSec', 'TcpCongestionWindowSegments', 'TcpTotalRetransSegments':
            self.assertIn(name, shown)
        self.fails('NoSuchConnection', server.call, 'Server.GetConnection', '(t)', number + 1)

    def test_close_connection(self):
        """CloseConnection ends one connection, in order or by a reset, and no other."""
        server = self.create()
        first, second, third = (self.connect(server) for _ in range(3))
        server.wait_for(NConnections=3)
        numbers = {row[2]: row[0] for row in server.connections()}
        server.call('Server.CloseConnection', '(ts)', numbers[first.getsockname()[1]], 'fin')
        self.assertEqual(read_all(first), b'')
        first.close()
        server.call('Server.CloseConnection', '(ts)', numbers[second.getsockname()[1]], 'reset')
        with self.assertRaises(ConnectionResetError):
            second.recv(1)
        snapshot = server.wait_for(NConnections=1)
        self.assertEqual((snapshot['NClosed'], snapshot['NReset']), (2, 1))
        number = numbers[third.getsockname()[1]]
        close = server.call, 'Server.CloseConnection', '(ts)'
        self.fails('InvalidSetting', *close, number, 'gently')
        self.fails('NoSuchConnection', *close, 0, 'fin')
        third.sendall(b'x')
        self.assertEqual(read_exactly(third, 1), b'x')

    def test_wait_for(self):
        """WaitFor answers when all its values are reached, and not before."""
        server = self.create()
        sock = self.connect(server)
        condition = {'NAccepted': GLib.Variant('t', 1), 'BytesReceived': GLib.Variant('t', 5)}
        timeout = DEADLINE * SECOND // 2
        waiting = self.in_thread(server.call, 'Server.WaitFor', '(a{sv}t)', condition, timeout)
        server.wait_for(NAccepted=1)
        self.assertFalse(waiting.done())
        sock.sendall(b'12345')
        snapshot = waiting.result(DEADLINE)
        self.assertEqual((snapshot['NAccepted'], snapshot['BytesReceived']), (1, 5))
        sock.close()
        self.assertEqual(server.wait_for(NConnections=0)['NConnections'], 0)

    def test_wait_for_what_others_have_seen(self):
        """WaitFor answers when a value is back where it was when somebody else began to wait."""
        server = self.create()
        wait = server.call, 'Server.WaitFor', '(a{sv}t)'
        timeout = DEADLINE * SECOND // 2
        n_times = 20
        for_all = {'NAccepted': GLib.Variant('t', n_times)}
        first = self.in_thread(*wait, for_all, timeout)
        for i in range(n_times):
            sock = self.connect(server)
            wait_until(lambda: server.get('NConnections') == 1, 'the connection is there')
            second = self.in_thread(*wait, {'NConnections': GLib.Variant('u', 0)}, timeout)
            # Usually it waits by now, and nobody has looked for it yet.
            server.get('Mode')
            sock.close()
            self.assertEqual(second.result(DEADLINE)['NConnections'], 0, i)
        self.assertEqual(first.result(DEADLINE)['NAccepted'], n_times)

    def test_wait_for_fails(self):
        """WaitFor that comes to nothing is TimedOut, one that makes no sense is refused."""
        server = self.create()
        wait = server.call, 'Server.WaitFor', '(a{sv}t)'
        for timeout in 0, 10000:
            message = self.fails('TimedOut', *wait, {'NAccepted': GLib.Variant('t', 1)}, timeout)
            self.assertIn(' NAccepted>=1 ', message)
        for bad in {}, {'Nonsense': GLib.Variant('t', 1)}, {'NAccepted': GLib.Variant('s', '1')}, \
                {'NAccepted': GLib.Variant('t', 0), 'Nonsense': GLib.Variant('t', 1)}:
            self.fails('InvalidSetting', *wait, bad, 0)

    def test_wait_for_what_is_removed(self):
        """Who waits for a removed server is answered when its last connection is gone."""
        server = self.create('removed')
        self.connect(server)
        server.wait_for(NConnections=1)
        replies = {}
        for name, kind, value in ('NConnections', 'u', 0), ('NAccepted', 't', 2):
            condition = {name: GLib.Variant(kind, value)}
            arguments = GLib.Variant('(a{sv}t)', (condition, 2**64 - 1))
            self.daemon.connection.call(
                BUS_NAME, server.path, BUS_NAME + '.Server', 'WaitFor', arguments, None, 0,
                GLib.MAXINT32, None, lambda _, result, key=name: replies.update({key: result}))
        self.daemon.manager('RemoveServer', '(s)', 'removed')
        wait_until(lambda: dispatch() and len(replies) == 2, 'both are answered')
        finish = self.daemon.connection.call_finish
        self.assertEqual(finish(replies['NConnections']).unpack()[0]['NConnections'], 0)
        self.fails('NoSuchServer', finish, replies['NAccepted'])

    def test_snapshots_agree(self):
        """In every snapshot under load accepted is open plus closed, reset and timed out."""
        server = self.create(Workers=2)
        asking = [self.in_thread(lambda: [self.ask(server, b'x' * 100) for _ in range(200)])
                  for _ in range(2)]
        while not all(future.done() for future in asking):
            shown = server.snapshot()
            ended = shown['NClosed'] + shown['NReset'] + shown['NTimedOut']
            self.assertEqual(shown['NAccepted'], shown['NConnections'] + ended)
        answers = [answer for future in asking for answer in future.result()]
        self.assertEqual(answers, [b'x' * 100] * 400)
        shown = server.wait_for(NConnections=0)
        self.assertEqual((shown['NAccepted'], shown['BytesReceived'], shown['BytesSent']),
                         (400, 40000, 40000))
        properties = self.daemon.get_all(server.path, 'Statistics')
        self.assertEqual({**shown, 'RefreshRateMs': 0}, properties)

    def test_reset_statistics(self):
        """Reset sets the counters back to 0 and leaves the gauges."""
        server = self.create()
        self.ask(server, b'count')
        self.connect(server)
        server.wait_for(NAccepted=2, NConnections=1)
        server.call('Statistics.Reset')
        shown = server.snapshot()
        self.assertEqual(shown['NConnections'], 1)
        self.assertEqual(shown['AcceptQueueLimit'], sysctl('core.somaxconn'))
        for name in 'NAccepted', 'NClosed', 'NReset', 'BytesReceived', 'BytesSent', 'Stalls':
            self.assertEqual(shown[name], 0, name)
