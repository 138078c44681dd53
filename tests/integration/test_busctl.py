# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""busctl alone creates, tunes, observes, drains and removes a server."""

import json
import subprocess

from sonde_daemon import BUS_NAME, DEADLINE, PROPERTIES, ROOT, wait_until
from sonde_harness import SondeTest, read_all, read_exactly

PATH = ROOT + '/server/mine'


class TestBusctl(SondeTest):
    def busctl(self, *words):
        """Run busctl and return its answer, unpacked."""
        command = ['busctl', '--address=' + self.bus.address, '--json=short',
                   f'--timeout={DEADLINE}', *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * DEADLINE,
                              check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ''), command)
        return json.loads(done.stdout)['data'] if done.stdout else None

    def call(self, path, interface, method, *words):
        answer = self.busctl('call', BUS_NAME, path, f'{BUS_NAME}.{interface}', method, *words)
        return answer[0] if answer else None

    def get(self, name):
        return self.busctl('get-property', BUS_NAME, PATH, PROPERTIES[name][0], name)

    def set(self, name, *words):
        interface, signature, _ = PROPERTIES[name]
        self.busctl('set-property', BUS_NAME, PATH, interface, name, signature, *words)

    def snapshot(self):
        values = self.call(PATH, 'Statistics', 'GetSnapshot')
        return {name: value['data'] for name, value in values.items()}

    def servers(self):
        method = 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects'
        return set(self.busctl('call', BUS_NAME, ROOT, *method)[0])

    def test_life(self):
        """The life of a server, from its creation to its removal."""
        path = self.call(ROOT, 'Manager', 'CreateServer', 'sa{sv}', 'mine', 2, 'Preset', 's',
                         'io-multiplex', 'ListenAddresses', 'as', 1, '127.0.0.1:0')
        self.assertEqual((path, self.servers()), (PATH, {PATH}))
        self.assertEqual(self.get('State'), 'listening')
        [address] = self.get('BoundAddresses')
        sock = self.connect_to(tuple(address))
        self.check_tuning(sock)
        self.check_observing(sock)
        self.check_draining(sock, address)
        self.call(ROOT, 'Manager', 'RemoveServer', 's', 'mine')
        self.assertEqual(self.servers(), set())

    def check_tuning(self, sock):
        """Settings can be changed one by one and all at once, under a connection."""
        self.set('NoDelay', 'false')
        self.set('Backlog', 7)
        self.call(PATH, 'Server', 'UpdateSettings', 'a{sv}a{sv}', 2, 'Mode', 's', 'upper',
                  'KeepAliveTimeUSec', 't', 60000000, 1, 'apply', 's', 'all')
        self.assertEqual((self.get('NoDelay'), self.get('Backlog'), self.get('Mode')),
                         (False, 7, 'upper'))
        self.set('Workers', 2)
        self.assertEqual(self.get('PendingRelisten'), ['Workers'])
        self.call(PATH, 'Server', 'Relisten')
        self.assertEqual(self.get('PendingRelisten'), [])
        sock.sendall(b'tuned')
        self.assertEqual(read_exactly(sock, 5), b'TUNED')

    def check_observing(self, sock):
        """Who is connected, and what the kernel made of it, can be seen."""
        host, port = sock.getsockname()
        snapshot = self.call(PATH, 'Server', 'WaitFor', 'a{sv}t', 2, 'BytesReceived', 't', 5,
                             'NConnections', 'u', 1, 10000000)
        self.assertEqual(snapshot['BytesSent']['data'], 5)
        self.assertEqual(self.snapshot()['NAccepted'], 1)
        [row] = self.call(PATH, 'Server', 'ListConnections', 'tu', 0, 0)
        self.assertEqual(row[1:3] + row[4:], [host, port, 5, 5, False])
        connection = self.call(PATH, 'Server', 'GetConnection', 't', row[0])
        self.assertEqual(connection['KeepAliveTimeUSec'], {'type': 't', 'data': 60000000})
        self.assertEqual(connection['TcpState']['data'], 1)
        report = self.call(PATH, 'SocketOptions', 'GetOptionReport')
        backlog = [line[2]['data'] for line in report if line[:2] == ['Backlog', 'listener']]
        self.assertEqual(backlog, [7])
        limits = self.call(ROOT, 'KernelLimits', 'GetAll')
        self.assertIn('net.core.somaxconn', limits)
        self.assertIn('mine', self.call(ROOT, 'Manager', 'Describe'))

    def check_draining(self, sock, address):
        """Drain waits for the last connection, which loses nothing."""
        sock.sendall(b'last')
        draining = self.in_thread(self.call, PATH, 'Server', 'Drain', 't', DEADLINE * 1000000)
        wait_until(lambda: self.get('State') != 'listening', 'it drains')
        with self.assertRaises(ConnectionRefusedError):
            self.connect_to(tuple(address))
        self.assertEqual(read_all(sock), b'LAST')
        sock.close()
        draining.result(DEADLINE)
        self.assertEqual((self.get('State'), self.snapshot()['NReset']), ('stopped', 0))

    def test_probe(self):
        """A probe tells what it measured."""
        [address] = self.create().addresses()
        shown = self.call(ROOT, 'Manager', 'RunProbe', 'sqa{sv}', *address, 1, 'Messages', 'aay',
                          1, 3, 1, 2, 3)
        self.assertEqual(shown['BytesReceived'], {'type': 't', 'data': 3})

    def test_error(self):
        """What is refused is told with its name, and the status is not 0."""
        command = ['busctl', '--address=' + self.bus.address, 'call', BUS_NAME, ROOT,
                   BUS_NAME + '.Manager', 'CreateServer', 'sa{sv}', 'bad', '1', 'Backlog', 's', 'x']
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE,
                              check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, 'Backlog.*allowed')
