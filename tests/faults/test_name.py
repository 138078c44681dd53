# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The name on the bus may be another's, and there may be no bus: TCP is served all the same."""

import os
import re
import signal
import socket
import subprocess
import tempfile

from gi.repository import GLib
from sonde_daemon import (BUS_NAME, DEADLINE, PROPERTIES_INTERFACE, ROOT, Bus, Daemon, Process,
                          wait_until)
from sonde_faults import FaultsTest, behind, fault, ping, server_group

DBUS = 'org.freedesktop.DBus'
ALLOW_REPLACEMENT, REPLACE_EXISTING, DO_NOT_QUEUE = 1, 2, 4
PRIMARY_OWNER, IN_QUEUE, EXISTS = 1, 2, 3
TAKEN = BUS_NAME + ' belongs to somebody else'


def call_bus(connection, member, signature, *values):
    """Call the bus itself."""
    [answer] = connection.call_sync(DBUS, '/org/freedesktop/DBus', DBUS, member,
                                    GLib.Variant(signature, values), None, 0, DEADLINE * 1000,
                                    None).unpack()
    return answer


def find(connection, pid):
    """Return the unique name of a process on the bus."""
    names = [name for name in call_bus(connection, 'ListNames', '()') if name.startswith(':')]
    [name] = [name for name in names
              if call_bus(connection, 'GetConnectionUnixProcessID', '(s)', name) == pid]
    return name


class TestName(FaultsTest):
    def take_name(self, bus, flags):
        owner = bus.connect()
        self.addCleanup(lambda: owner.is_closed() or owner.close_sync())
        self.assertEqual(call_bus(owner, 'RequestName', '(su)', BUS_NAME, flags), PRIMARY_OWNER)
        return owner

    def check_waiting(self, daemon, owner):
        """The daemon serves, can be called by its own name, and says once why by that only."""
        wait_until(lambda: TAKEN in daemon.log(), 'it is told')
        arguments = GLib.Variant('(ss)', (BUS_NAME + '.Server', 'BoundAddresses'))
        [[address]] = owner.call_sync(find(owner, daemon.pid), ROOT + '/server/echo',
                                      PROPERTIES_INTERFACE, 'Get', arguments, None, 0, -1,
                                      None).unpack()
        with self.connect_to(address) as sock:
            ping(sock)
        self.assertEqual(call_bus(owner, 'GetNameOwner', '(s)', BUS_NAME), owner.get_unique_name())
        return address

    def check_owner(self, daemon, owner):
        """The daemon has the name as soon as the other one leaves."""
        n_owned = daemon.log().count('Owning ' + BUS_NAME)
        owner.close_sync()
        wait_until(lambda: daemon.log().count('Owning ' + BUS_NAME) > n_owned, 'it has the name')
        self.assertEqual(daemon.log().count(TAKEN), 1)
        self.assertEqual(daemon.get_server('echo').get('State'), 'listening')

    def start_without_name(self, flags):
        bus = Bus()
        type(self).addClassCleanup(bus.stop)
        owner = self.take_name(bus, flags)
        daemon = Daemon(bus, server_group('echo'))
        self.adopt(daemon, self.check_waiting(daemon, owner))
        self.check_owner(daemon, owner)
        self.saw('served meanwhile, told once, and then had the name')

    @fault(23, 'the name is taken at the start', 'serves, says so once, queues for it')
    def test_taken(self):
        """A daemon whose name is taken at the start serves, and waits for it."""
        self.start_without_name(0)

    @fault(23, 'the same, by somebody with ALLOW_REPLACEMENT', 'does not push him off it')
    def test_taken_replaceable(self):
        """Somebody who would allow it is not pushed off the name."""
        self.start_without_name(ALLOW_REPLACEMENT)

    @fault(23, 'somebody asks for the name 100 times with REPLACE_EXISTING, in the queue and not',
           'keeps the name, and serves')
    def test_not_replaced(self):
        """Nobody pushes the daemon off its name."""
        own = find(self.daemon.connection, self.daemon.pid)
        n_told = self.daemon.log().count(TAKEN)
        for i in range(100):
            other = self.bus.connect()
            flags, expected = ((REPLACE_EXISTING, IN_QUEUE) if i % 2
                               else (REPLACE_EXISTING | DO_NOT_QUEUE, EXISTS))
            self.assertEqual(call_bus(other, 'RequestName', '(su)', BUS_NAME, flags), expected)
            self.assertEqual(call_bus(other, 'GetNameOwner', '(s)', BUS_NAME), own)
            self.assertEqual(self.server.get('State'), 'listening')
            other.close_sync()
        self.assertEqual(self.daemon.log().count(TAKEN), n_told)
        self.saw('100 times refused')

    @fault(23, 'the bus is killed, and somebody is faster to take the name on the next one',
           'serves on, says so once, queues for it, and is back when it is free')
    def test_lost(self):
        """A name that is lost for a while costs nobody his connection."""
        kept = self.connect(self.server)
        self.bus.kill()
        wait_until(lambda: 'The bus is gone' in self.daemon.log(), 'it is told')
        self.daemon.child.send_signal(signal.SIGSTOP)
        try:
            self.bus.start()
            owner = self.take_name(self.bus, 0)
        finally:
            self.daemon.child.send_signal(signal.SIGCONT)
        self.assertEqual(self.check_waiting(self.daemon, owner), self.address)
        ping(kept)
        self.daemon.attach()
        self.check_owner(self.daemon, owner)
        ping(kept)
        kept.close()
        self.server.wait_for(NConnections=0)
        self.saw('the connection lived, told once, and had the name again')


class Headless(Process):
    """A daemon that nobody calls."""

    n_problems = 0


class TestNoBus(FaultsTest):
    # As in a container: nothing says where a bus could be, and there is none.
    WORLD = [*behind('mount -t tmpfs tmpfs /run'), 'env', '-u', 'DBUS_SESSION_BUS_ADDRESS', '-u',
             'DBUS_SYSTEM_BUS_ADDRESS', '-u', 'XDG_RUNTIME_DIR', '-u', 'DISPLAY']

    def write_config(self):
        directory = tempfile.TemporaryDirectory(prefix='sonded-test-')
        type(self).addClassCleanup(directory.cleanup)
        path = directory.name + '/sonded.conf'
        with open(path, 'w', encoding='utf-8') as file:
            file.write(server_group('echo'))
        return path

    def run_there(self, *command):
        return subprocess.run([*self.WORLD, *command], stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=DEADLINE)

    @fault(24, 'no bus at all, and --no-bus', 'TCP is served, reloaded and ended in order')
    def test_headless(self):
        """Where there is no bus the daemon serves TCP, if it is told that there is none."""
        config = self.write_config()
        daemon = Headless([*self.WORLD, os.environ['SONDED'], '--no-bus', '--config=' + config])
        pattern = re.compile(r'Server echo listens on 127\.0\.0\.1:(\d+)')
        port = wait_until(lambda: pattern.search(daemon.log()), 'it listens')[1]
        self.adopt(daemon, ('127.0.0.1', int(port)))
        # When it has been asked how it is.
        type(self).addClassCleanup(self.end_in_order, daemon)
        with socket.create_connection(self.address, DEADLINE) as sock:
            for _ in range(20):
                daemon.child.send_signal(signal.SIGHUP)
                ping(sock)
        self.saw('served through 20 reloads')

    @staticmethod
    def end_in_order(daemon):
        daemon.child.send_signal(signal.SIGTERM)
        if daemon.wait() != 0:
            raise AssertionError(daemon.log())

    @fault(24, 'no bus at all, without --no-bus', 'the daemon does not start, status 3; sondectl '
           'fails, status 5; each with one line that says why')
    def test_told(self):
        """Without a bus the daemon and sondectl say that this is what is missing."""
        config = self.write_config()
        for kind in 'session', 'system':
            done = self.run_there(os.environ['SONDED'], '--' + kind, '--config=' + config)
            self.assertEqual(done.returncode, 3, done.stderr)
            [line] = [line for line in done.stderr.splitlines() if line.startswith('sonded: ')]
            self.assertIn('--no-bus', line)
            self.saw(line)
            done = self.run_there(os.environ['SONDECTL'], '--' + kind, 'list')
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (5, 1), done.stderr)
            self.assertRegex(done.stderr, f'no daemon answers on the {kind} bus \\(.+\\)')
            self.saw(done.stderr.strip())
