# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""No byte is lost for what is changed, reloaded or ended while bytes flow."""

import contextlib
import itertools
import os
import random
import signal
import socket
import sys
import time

from gi.repository import GLib
from sonde_daemon import Daemon, Process, wait_until
from sonde_faults import (GIB, INSTRUMENTED, KIB, LONG, MIB, SLOWDOWN, FaultsTest, fault, fill,
                          ping, server_group)
from sonde_harness import read_all

# What may be changed at any time without a byte being lost, and to what.
LIVE = {
    'NoDelay': (True, False),
    'QuickAck': (True, False),
    'KeepAlive': (True, False),
    'KeepAliveTimeUSec': (10000000, 7200000000),
    'KeepAliveProbes': (3, 9),
    'SendBuffer': (32 * KIB, 256 * KIB),
    'ReceiveBuffer': (32 * KIB, 256 * KIB),
    'NotSentLowWater': (16 * KIB, 0),
    'TypeOfService': (0x10, 0),
    'Congestion': ('reno', 'cubic'),
    'UserTimeoutUSec': (0, 60000000),
    'Backlog': (7, 512),
    'ReadSize': (0, 1 * KIB, 200 * KIB),
    'IdleTimeoutUSec': (0, 3600000000),
    'StallTimeoutUSec': (0, 3600000000),
    'RuntimeMaxUSec': (0, 3600000000),
    'MaxConnections': (0, 1000),
    'UnsentMax': (64 * MIB, 128 * MIB),
    'LineMax': (100, 65536),
    'LogContent': (True, False),
}
WRONG = {'Backlog': 2 ** 31, 'KeepAliveProbes': 128, 'UnsentMax': 1, 'Mode': 'lower',
         'IdleTimeoutUSec': 1, 'ReadSize': 2 ** 31}
N_RELOADS = 300
# Sends SIGHUP to a process, so often; a thread of the test would wait for the others.
STORM = '''
import os, signal, sys, time
for _ in range(int(sys.argv[2])):
    os.kill(int(sys.argv[1]), signal.SIGHUP)
    time.sleep(0.01)
'''


class TestLive(FaultsTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.server.update, **self.server.get_settings())

    def algorithms(self):
        with open('/proc/sys/net/ipv4/tcp_available_congestion_control', encoding='ascii') as file:
            return file.read().split()

    @fault(17, '1,000 random live changes under {} through 64 connections'.format(
        '10 GiB' if LONG else '1 GiB'),
           '0 bytes lost or twice; a wrong value among them changes nothing; new values are '
           'effective')
    def test_live_changes(self):
        """Every setting may change under load; no byte is lost."""
        rng = random.Random(17)
        choices = {**LIVE, 'Congestion': self.algorithms()}
        total = 64 * MIB if INSTRUMENTED else 10 * GIB if LONG else GIB
        counts = {'changes': 0, 'refused': 0}

        def change(_):
            if counts['changes'] >= 1000:
                time.sleep(0.05)
                return
            name = rng.choice(list(choices))
            self.server.set(name, rng.choice(choices[name]))
            counts['changes'] += 1
            if counts['changes'] % 10 == 0:
                self.refuse(rng)
                counts['refused'] += 1
        n_bytes, _ = self.run_streams(64, total, change)
        while counts['changes'] < 1000:
            change(0)
        self.server.update(NoDelay=True, KeepAlive=True, KeepAliveProbes=7)
        report = self.server.report('connection')
        with socket.create_connection(self.address, 10) as sock:
            ping(sock)
            [row] = self.server.connections()
            options = self.server.call('Server.GetConnection', '(t)', row[0])
        self.assertEqual((options['NoDelay'], options['KeepAliveProbes']), (True, 7), report)
        self.saw('{} MiB back, {} changes, {} wrong ones refused'.format(
            n_bytes // MIB, counts['changes'], counts['refused']))

    def refuse(self, rng):
        """Try a set of changes of which one is wrong."""
        before = self.server.get_settings()
        name = rng.choice(list(WRONG))
        try:
            self.server.update(**{'TypeOfService': 0x20, 'LineMax': 77, name: WRONG[name]})
        except GLib.Error as error:
            self.assertIn(name, error.message)
        else:
            self.fail(f'{name}={WRONG[name]} was accepted')
        self.assertEqual(self.server.get_settings(), before)

    @fault(26, f'SIGHUP {N_RELOADS} times, 10 ms apart, under load',
           'no byte lost, no descriptor drifts')
    def test_reload_storm(self):
        """Reading the configuration again and again disturbs nobody."""
        texts = itertools.cycle(server_group('echo') + server_group('other', *lines)
                                for lines in ((), ('NoDelay=yes',), ('Mode=upper',)))

        def edit(_):
            # As editors do it: there is always a whole file.
            new = self.daemon.config.with_suffix('.new')
            new.write_text(next(texts), 'utf-8')
            new.replace(self.daemon.config)
            time.sleep(0.01)
        self.daemon.notify.drain()
        start, n_bytes = time.monotonic(), 0
        storm = Process([sys.executable, '-c', STORM, str(self.daemon.pid), str(N_RELOADS)])
        self.addCleanup(storm.kill)
        while storm.child.poll() is None:
            n_bytes += self.run_streams(8, 64 * MIB, edit)[0]
        self.assertEqual(storm.wait(), 0, storm.log())
        rate = N_RELOADS / (time.monotonic() - start)
        self.daemon.config.write_text(self.config, 'utf-8')
        self.daemon.manager('Reload')
        self.assertEqual(self.server.addresses()[0], self.address)
        messages = iter(lambda: self.daemon.notify.get(timeout=0), [])
        n_reloads = sum('RELOADING=1' in message for message in messages)
        # One signal may stand for several that came before it was looked at.
        self.assertGreater(n_reloads, 10)
        self.saw(f'{n_bytes // MIB} MiB back, {rate:.0f} signals/s, read {n_reloads} times')

    @fault(17, 'options are set live, for open connections, new ones, and both',
           'getsockopt tells the new value where it was promised, and the old one elsewhere')
    def test_effective(self):
        """What is set is on the sockets that it was set for, at once."""
        values = {'NoDelay': (True, False), 'KeepAlive': (True, False), 'KeepAliveProbes': (3, 5),
                  'KeepAliveTimeUSec': (10000000, 20000000), 'UserTimeoutUSec': (7000000, 9000000),
                  'TypeOfService': (16, 8), 'NotSentLowWater': (16384, 32768)}
        count = 0
        for name, (first, second) in values.items():
            self.server.update(**{name: first})
            old = self.connect(self.server)
            ping(old)
            self.assertEqual(self.read_option(old, name), first, name)
            for apply, on_old, on_new in (('new', first, second), ('existing', second, first),
                                          ('all', second, second)):
                self.server.update('all', **{name: first})
                self.server.update(apply, **{name: second})
                new = self.connect(self.server)
                ping(new)
                seen = self.read_option(old, name), self.read_option(new, name)
                self.assertEqual(seen, (on_old, on_new), (name, apply))
                new.close()
                count += 2
            old.close()
        self.saw(f'{count} sockets read')

    def read_option(self, sock, name):
        """Read an option from the daemon's end of a connection."""
        port = sock.getsockname()[1]
        [row] = [row for row in self.server.connections() if row[2] == port]
        return self.server.call('Server.GetConnection', '(t)', row[0])[name]

    @fault(17, '300 random live changes under load, with TCP_INFO of the connections',
           '0 bytes lost or twice; nothing is given up, and what is sent again is told')
    def test_retransmissions(self):
        """Changing buffers under load costs no more than a segment that is sent again."""
        rng = random.Random(170)
        choices = {**LIVE, 'Congestion': self.algorithms()}
        total, n_changes, again = 0, [0], {}

        def change(_):
            name = rng.choice(list(choices))
            self.server.set(name, rng.choice(choices[name]))
            n_changes[0] += 1
            for row in self.server.connections():
                with contextlib.suppress(GLib.Error):
                    info = self.server.call('Server.GetConnection', '(t)', row[0])
                    again[row[0]] = info['TcpTotalRetransSegments']
        before = self.server.snapshot()
        while n_changes[0] < 300:
            total += self.run_streams(8, (8 if INSTRUMENTED else 128) * MIB, change)[0]
        after = self.server.wait_for(NConnections=0)
        self.assertEqual(after['BytesSent'] - before['BytesSent'], total)
        self.assertEqual(after['BytesReceived'] - before['BytesReceived'], total)
        self.assertEqual([after[name] - before[name] for name in ('NReset', 'NTimedOut', 'NShed')],
                         [0, 0, 0])
        self.saw('{} MiB back, {} changes, {} segments sent again'.format(
            total // MIB, n_changes[0], sum(again.values())))


class TestEnd(FaultsTest):
    # Nobody else takes a port of this address while there is no daemon.
    config = server_group('echo', 'ReuseAddress=yes', addresses='127.28.0.1:0')

    def restart(self, config=None):
        """Replace the daemon by another one."""
        cls = type(self)
        self.daemon.kill()
        cls.daemon = Daemon(self.bus, config or self.config)
        cls.addClassCleanup(cls.daemon.kill)
        cls.server = self.daemon.get_server('echo')
        cls.address = self.server.addresses()[0]
        self.warm_up()
        self.before = self.read_usage()

    @fault(27, 'SIGTERM with 20 echoes of 256 KiB under way, and then again',
           'nobody is accepted any more, everything sent before comes back, FIN, status 0; the '
           'second one ends it at once')
    def test_terminate(self):
        """Ending in order answers what has come; twice means now."""
        message = os.urandom(256 * KIB)
        before = self.server.get('BytesReceived')
        socks = self.connect_many(20)
        for sock in socks:
            sock.sendall(message)
        self.server.wait_for(BytesReceived=before + 20 * len(message))
        start = time.monotonic()
        self.daemon.child.send_signal(signal.SIGTERM)
        wait_until(self.is_refused, 'nobody listens any more')
        refused = time.monotonic() - start
        for sock in socks:
            self.assertTrue(read_all(sock) == message, 'the answer differs')
            sock.close()
        self.assertEqual(self.daemon.wait(), 0)
        took = time.monotonic() - start
        self.restart(self.config + 'CloseTimeoutSec=1h\n')
        idle = self.connect_many(1)
        self.server.wait_for(NConnections=1)
        self.daemon.child.send_signal(signal.SIGTERM)
        self.daemon.wait_notified('STOPPING=1')
        start = time.monotonic()
        self.daemon.child.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(), 0)
        self.saw(f'refused after {refused * 1000:.0f} ms, ended after {took * 1000:.0f} ms; the '
                 f'second time after {(time.monotonic() - start) * 1000:.0f} ms')
        idle[0].close()
        self.restart()

    def is_refused(self):
        with socket.socket() as sock:
            return sock.connect_ex(self.address) != 0

    @fault(28, 'SIGKILL and restart on the same port, 100 times, with connections open',
           'the port can be bound at once')
    def test_kill(self):
        """A port is free again as soon as the daemon is dead."""
        config = server_group('echo', 'ReuseAddress=yes', addresses='{}:{}'.format(*self.address))
        for _ in range(100):
            sock = self.connect_many(1)[0]
            ping(sock)
            self.daemon.child.kill()
            self.daemon.child.wait()
            # The constructor fails if the daemon cannot listen.
            self.restart_quickly(config)
            sock.close()
        self.restart(config)
        self.saw('100 restarts, 0 failures')

    def restart_quickly(self, config):
        cls = type(self)
        self.daemon.kill()
        cls.daemon = Daemon(self.bus, config)

    @fault(27, 'SIGTERM while a client never reads what was echoed to it',
           'he has CloseTimeoutUSec, then it ends, with status 0')
    def test_drain_timeout(self):
        """Nobody can keep the daemon from ending for longer than it was told to wait."""
        self.restart(server_group('echo', 'ReuseAddress=yes', 'CloseTimeoutSec=1'))
        polite, stuck = self.connect_many(2)
        fill(stuck)
        message = os.urandom(64 * KIB)
        before = self.server.get('BytesReceived')
        polite.sendall(message)
        self.server.wait_for(BytesReceived=before + len(message))
        start = time.monotonic()
        self.daemon.child.send_signal(signal.SIGTERM)
        self.assertTrue(read_all(polite) == message, 'the answer differs')
        answered = time.monotonic() - start
        self.assertEqual(self.daemon.wait(), 0)
        took = time.monotonic() - start
        self.assertGreater(took, 0.9)
        self.assertLess(took, 1 + 2 * SLOWDOWN)
        self.restart()
        self.saw(f'the other one had its answer after {answered * 1000:.0f} ms, all ended after '
                 f'{took:.2f} s')
