# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A private message bus, and a daemon on it.

Nothing here waits for a time: it waits for a condition, and DEADLINE seconds at
most, which is generous because the machine may be busy.
"""

import copy
import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

from gi.repository import Gio, GLib

# Sanitizers take their time.
DEADLINE = 120 if 'SONDE_TEST_SLOWDOWN' in os.environ else 30
BUS_NAME = 'org.sonde.Sonde1'
PROPERTIES_INTERFACE = 'org.freedesktop.DBus.Properties'
ROOT = '/org/sonde/Sonde1'
ERROR = BUS_NAME + '.Error.'
INTROSPECTION = pathlib.Path(__file__).resolve().parents[2] / 'introspection'
PROBLEM = re.compile(r'(WARNING|CRITICAL|ERROR) \*\*|-(WARNING|CRITICAL|ERROR)\b')
# A program put behind these words runs in a network of its own, its loopback up.
UNSHARE = ['unshare', '--net', '--mount']
if os.geteuid() != 0:
    UNSHARE += ['--map-current-user', '--keep-caps']
# And one behind these, and a process id, joins that network.
ENTER = ['nsenter', '--net', '--target']
if os.geteuid() != 0:
    ENTER[1:1] = ['--user', '--preserve-credentials']
IN_NAMESPACE = [*UNSHARE, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']


def read_interfaces():
    """Parse the contract: the interface elements by name."""
    trees = [xml.etree.ElementTree.parse(path) for path in INTROSPECTION.glob('*.xml')]
    return {i.get('name'): i for tree in trees for i in tree.getroot().iter('interface')}


def read_properties():
    """Tell interface, type and access of every property of a server object."""
    names = [f'{BUS_NAME}.{short}' for short in ('Statistics', 'SocketOptions', 'Server')]
    interfaces = read_interfaces()
    return {p.get('name'): (name, p.get('type'), p.get('access'))
            for name in names for p in interfaces[name].iter('property')}


PROPERTIES = read_properties()
SETTINGS = {name: row for name, row in PROPERTIES.items()
            if row[2] == 'readwrite' and not row[0].endswith('.Statistics')}


def wait_until(check, what):
    """Return what check() returns, once that is something."""
    end = time.monotonic() + DEADLINE
    while not (result := check()):
        if time.monotonic() > end:
            raise AssertionError(f'not within {DEADLINE} s: {what}')
        time.sleep(0.005)
    return result


def dispatch():
    """Call what waits to be called back on the context of this thread."""
    while GLib.MainContext.default().iteration(False):
        pass
    return True


def error_name(error):
    """Name a D-Bus error as it was on the bus."""
    return Gio.DBusError.get_remote_error(error)


def settings(**values):
    """Pack settings in the types of their properties."""
    types = {'Preset': 's', **{name: row[1] for name, row in PROPERTIES.items()}}
    return {key: GLib.Variant(types[key], value) for key, value in values.items()}


class Process:
    """A child that writes its standard error to a file, and is never left behind."""

    def __init__(self, command, *, environment=None, **options):
        self.log_file = tempfile.NamedTemporaryFile(prefix='sonde-test-')
        options.setdefault('stdin', subprocess.DEVNULL)
        options.setdefault('stderr', self.log_file.fileno())
        self.child = subprocess.Popen(command, env={**os.environ, **(environment or {})}, **options)
        self.pid = self.child.pid

    def log(self):
        return pathlib.Path(self.log_file.name).read_text('utf-8', 'replace')

    def wait(self):
        return self.child.wait(DEADLINE)

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.log_file.close()

    def cpu_seconds(self):
        """Tell how much CPU time the process has used."""
        stat = pathlib.Path(f'/proc/{self.pid}/stat').read_text('ascii')
        user, system = stat.rpartition(')')[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')


class Bus:
    """A message bus at an address that outlives it, so that it can come back."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix='sonde-bus-')
        self.address = f'unix:path={self.directory.name}/bus'
        self.start()

    def start(self):
        self.start_bus('--session', '--syslog-only')

    def start_bus(self, *arguments):
        command = ['dbus-daemon', *arguments, '--nofork', '--nopidfile',
                   '--address=' + self.address, '--print-address']
        self.process = Process(command, stdout=subprocess.PIPE)
        if not self.process.child.stdout.readline():
            raise AssertionError('no message bus: ' + self.process.log())

    def connect(self):
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                 | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        return Gio.DBusConnection.new_for_address_sync(self.address, flags, None, None)

    def kill(self):
        self.process.kill()
        self.process.child.stdout.close()

    def stop(self):
        self.kill()
        self.directory.cleanup()


class Notifications:
    """What a daemon tells the service manager; read at once, or else the daemon waits."""

    def __init__(self, path):
        self.path = path
        self.messages = queue.SimpleQueue()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(path)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while message := self.socket.recv(4096):
            self.messages.put(message.decode().splitlines())

    def get(self, timeout=DEADLINE):
        """Return the lines of the next message, or nothing if there is none in time."""
        try:
            return self.messages.get(timeout=timeout)
        except queue.Empty:
            return []

    def drain(self):
        while self.get(timeout=0):
            pass

    def close(self):
        # A test may end the daemon itself; then it is ended once more at the end.
        if not self.thread.is_alive():
            return
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


class Daemon(Process):
    """The daemon, ready: its servers listen and it owns its name."""

    def __init__(self, bus, config='', *, prefix=(), program=None, arguments=(), folders=None,
                 environment=None, **options):
        self.directory = tempfile.TemporaryDirectory(prefix='sonded-test-')
        # The daemon may be another user than the test.
        os.chmod(self.directory.name, 0o755)
        self.bus = bus
        self.n_problems = 0
        self.config = pathlib.Path(self.directory.name) / 'sonded.conf'
        self.config.write_text(config, 'utf-8')
        self.notify = Notifications(self.directory.name + '/notify')
        os.chmod(self.notify.path, 0o666)
        arguments = ['--address=' + bus.address, *arguments]
        environment = {'NOTIFY_SOCKET': self.notify.path, **(environment or {})}
        if folders is None:
            arguments.append(f'--config={self.config}')
        else:
            environment['SONDE_CONFIG_PATH'] = ':'.join(map(str, folders))
        command = [*prefix, program or os.environ['SONDED'], *arguments]
        super().__init__(command, environment=environment, **options)
        try:
            self.wait_notified('READY=1')
            self.attach()
        except BaseException:
            print(self.log(), file=sys.stderr)
            self.kill()
            raise

    def wait_notified(self, message):
        """Wait for a message to systemd; fail if the daemon ends instead."""
        def received():
            ended = self.child.poll() is not None
            if lines := self.notify.get(timeout=0.05):
                return message in lines
            if ended:
                raise AssertionError(f'the daemon ended with status {self.child.returncode}')
            return False
        wait_until(received, message)

    def attach(self):
        """Connect to the bus and wait until the daemon is on it."""
        self.connection = self.bus.connect()
        call = ('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                'NameHasOwner', GLib.Variant('(s)', (BUS_NAME,)), None, 0, -1, None)
        wait_until(lambda: self.connection.call_sync(*call)[0], 'the daemon owns its name')

    def read_status(self, name):
        """Read a number of the status of the main thread."""
        text = pathlib.Path(f'/proc/{self.pid}/status').read_text('ascii')
        return int(re.search(rf'(?m)^{name}:\s+(\d+)', text)[1])

    def count_wakes(self, seconds):
        """Count for a while how often the main thread is woken."""
        before = self.read_status('voluntary_ctxt_switches')
        time.sleep(seconds)
        return self.read_status('voluntary_ctxt_switches') - before

    def sleeps(self):
        """Watch for a while whether the main thread is woken."""
        return self.count_wakes(0.3) < 2

    def call_raw(self, path, method, signature='()', *values):
        """Call a method, by default one of our interfaces, and return the tuple."""
        interface, _, member = method.rpartition('.')
        if '.' not in interface:
            interface = f'{BUS_NAME}.{interface}'
        arguments = GLib.Variant(signature, values)
        return self.connection.call_sync(BUS_NAME, path, interface, member, arguments, None,
                                         Gio.DBusCallFlags.NONE, DEADLINE * 1000, None)

    def call(self, path, method, signature='()', *values):
        """The same, and return the one value that comes back."""
        reply = self.call_raw(path, method, signature, *values).unpack()
        return reply[0] if reply else None

    def manager(self, member, signature='()', *values):
        return self.call(ROOT, 'Manager.' + member, signature, *values)

    def seen_by(self, connection):
        """The same daemon, as called over another connection."""
        view = copy.copy(self)
        view.connection = connection
        return view

    def get_all(self, path, interface):
        return self.call(path, PROPERTIES_INTERFACE + '.GetAll', '(s)', f'{BUS_NAME}.{interface}')

    def get_server(self, name):
        return Server(self, self.manager('GetServer', '(s)', name))

    def stop(self):
        """End the daemon as systemd does; it must go in order."""
        self.child.send_signal(signal.SIGTERM)
        status = self.wait()
        if status != 0:
            raise AssertionError(f'the daemon ended with status {status}:\n{self.log()}')

    def kill(self):
        super().kill()
        self.notify.close()
        self.directory.cleanup()


class Server:
    """A server object on the bus."""

    def __init__(self, daemon, path):
        self.daemon = daemon
        self.path = path

    def call(self, method, signature='()', *values):
        return self.daemon.call(self.path, method, signature, *values)

    def get(self, name):
        return self.call(PROPERTIES_INTERFACE + '.Get', '(ss)', PROPERTIES[name][0], name)

    def set(self, name, value):
        if not isinstance(value, GLib.Variant):
            value = GLib.Variant(PROPERTIES[name][1], value)
        self.call(PROPERTIES_INTERFACE + '.Set', '(ssv)', PROPERTIES[name][0], name, value)

    def update(self, apply=None, **values):
        options = {} if apply is None else {'apply': GLib.Variant('s', apply)}
        self.call('Server.UpdateSettings', '(a{sv}a{sv})', settings(**values), options)

    def get_settings(self):
        """Read all that can be set, and what was made of it."""
        rows = self.daemon.get_all(self.path, 'Server')
        rows.update(self.daemon.get_all(self.path, 'SocketOptions'))
        return {key: value for key, value in rows.items() if key in SETTINGS}

    def addresses(self):
        return self.get('BoundAddresses')

    def snapshot(self):
        return self.call('Statistics.GetSnapshot')

    def wait_for(self, **condition):
        packed = {k: GLib.Variant(PROPERTIES[k][1], v) for k, v in condition.items()}
        return self.call('Server.WaitFor', '(a{sv}t)', packed, (DEADLINE - 5) * 1000000)

    def connections(self):
        return self.call('Server.ListConnections', '(tu)', 0, 0)

    def report(self, scope):
        """Read the option report of a scope: asked, effective, limit, reason by option."""
        rows = self.call('SocketOptions.GetOptionReport')
        return {row[0]: tuple(row[2:]) for row in rows if row[1] == scope}
