# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A resolver that never answers holds up nobody but those who wait for its answer."""

import pathlib
import signal
import tempfile

from gi.repository import GLib
from sonde_daemon import ERROR, IN_NAMESPACE, ROOT, Process, error_name, wait_until
from sonde_harness import SondeTest

# What is sent there comes to the loopback, which drops it without a word.
BLACK_HOLE = '192.0.2.1'
SLOW = ['slow.test:0']


def dead_resolver(directory):
    """Return words that run a program where every name is asked of nobody."""
    path = pathlib.Path(directory, 'resolv.conf')
    path.write_text(f'nameserver {BLACK_HOLE}\noptions timeout:30 attempts:5\n', 'ascii')
    script = (f'ip route add {BLACK_HOLE} dev lo && '
              f'mount --bind {path} /etc/resolv.conf && exec "$@"')
    return [*IN_NAMESPACE, 'sh', '-c', script, 'sh']


class TestDeadResolver(SondeTest):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='sonde-resolver-')
        cls.addClassCleanup(directory.cleanup)
        cls.daemon_prefix = dead_resolver(directory.name)
        super().setUpClass()

    def echoes(self, server):
        """Check that a server answers a client in its own network: the daemon itself."""
        host, port = server.addresses()[0]
        shown = self.daemon.manager('RunProbe', '(sqa{sv})', host, port, {})
        self.assertGreater(shown['BytesReceived'], 0)

    def answers(self):
        """Check that the daemon answers while the resolver does not."""
        for _ in range(20):
            self.daemon.get_all(ROOT, 'Manager')

    def is_taken(self, name):
        """Tell whether a name is taken, by a call that could not make a server of it."""
        with self.assertRaises(GLib.Error) as caught:
            self.create(name, Congestion='no-such-one')
        return error_name(caught.exception) == ERROR + 'NameInUse'

    def test_create(self):
        """CreateServer by name holds up no other call; its name is taken, until it is removed."""
        waiting = self.in_thread(lambda: self.create('slow', ListenAddresses=SLOW))
        wait_until(lambda: self.is_taken('slow'), 'the name is taken')
        self.answers()
        self.fails('NoSuchServer', self.daemon.get_server, 'slow')
        self.echoes(self.create('quick'))
        self.assertFalse(waiting.done())
        self.daemon.manager('RemoveServer', '(s)', 'slow')
        self.fails('Failed', waiting.result)
        self.echoes(self.create('slow'))

    def test_start(self):
        """Stop gives up a Start that waits for a name; the next one is not concerned."""
        server = self.create()
        server.call('Server.Stop')
        server.update(ListenAddresses=SLOW)
        waiting = [self.in_thread(server.call, 'Server.Start') for _ in range(3)]
        self.answers()
        self.assertEqual(server.get('State'), 'stopped')
        self.assertFalse(any(future.done() for future in waiting))
        while not all(future.done() for future in waiting):
            server.call('Server.Stop')
        for future in waiting:
            self.fails('Failed', future.result)
        server.update(ListenAddresses=['127.0.0.1:0'])
        server.call('Server.Start')
        self.echoes(server)

    def test_relisten(self):
        """While Relisten waits for a name the server serves as before."""
        server = self.create()
        server.update(ListenAddresses=SLOW)
        waiting = self.in_thread(server.call, 'Server.Relisten')
        self.answers()
        self.assertEqual((server.get('State'), server.get('PendingRelisten')),
                         ('listening', ['ListenAddresses']))
        self.echoes(server)
        self.assertFalse(waiting.done())
        while not waiting.done():
            server.call('Server.Stop')
        self.fails('Failed', waiting.result)

    def test_reload(self):
        """A Reload that waits for a name holds up no other call; another one waits its turn."""
        self.daemon.config.write_text('[Server slow]\nListenAddresses=slow.test:0\n', 'utf-8')
        first = self.in_thread(self.daemon.manager, 'Reload')
        wait_until(lambda: self.is_taken('slow'), 'the first one has begun')
        self.daemon.config.write_text('[Server quick]\nListenAddresses=127.0.0.1:0\n', 'utf-8')
        others = [self.in_thread(self.daemon.manager, 'Reload') for _ in range(3)]
        self.daemon.child.send_signal(signal.SIGHUP)
        self.answers()
        self.assertFalse(first.done() or any(future.done() for future in others))
        self.daemon.manager('RemoveServer', '(s)', 'slow')
        self.fails('Failed', first.result)
        for future in others:
            future.result()
        self.echoes(self.daemon.get_server('quick'))
        self.assertEqual(self.daemon.get_all(ROOT, 'Manager')['NServers'], 1)

    def test_terminate(self):
        """SIGTERM ends a daemon that waits for names, at its start and later, with status 0."""
        bus = self.start_bus()
        config = pathlib.Path(bus.directory.name, 'sonded.conf')
        config.write_text('[Server slow]\nListenAddresses=slow.test:0\n'
                          '[Server quick]\nListenAddresses=127.0.0.1:0\n', 'utf-8')
        own = {'--address=' + self.bus.address: '--address=' + bus.address,
               f'--config={self.daemon.config}': f'--config={config}'}
        starting = Process([own.get(word, word) for word in self.daemon.child.args])
        self.addCleanup(starting.kill)
        wait_until(lambda: 'Server quick listens' in starting.log(), 'one server listens')
        self.assertNotIn('Owning', starting.log())
        starting.child.send_signal(signal.SIGTERM)
        self.assertEqual(starting.wait(), 0)
