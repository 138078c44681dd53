# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""No value, whoever sends it and however wrong it is, does anything but fail."""

import os
import pathlib
import socket
import subprocess

from gi.repository import GLib
from sonde_daemon import DEADLINE, PROPERTIES_INTERFACE, SETTINGS, error_name
from sonde_faults import INSTRUMENTED, KIB, MIB, SLOWDOWN, FaultsTest, fault

REFUSED = {'org.sonde.Sonde1.Error.InvalidSetting', 'org.freedesktop.DBus.Error.InvalidArgs'}
LONGEST_MESSAGE = 2048


def nest(depth):
    value = GLib.Variant('u', 1)
    for _ in range(depth):
        value = GLib.Variant('v', value)
    return value


# Wrong for every setting: of a type that none has, or beyond all ranges.
ALWAYS_WRONG = {
    '-1': GLib.Variant('i', -1),
    '-1 of 64 bits': GLib.Variant('x', -1),
    'NaN': GLib.Variant('d', float('nan')),
    'infinity': GLib.Variant('d', float('inf')),
    '2^64-1': GLib.Variant('t', 2 ** 64 - 1),
    'a byte array': GLib.Variant('ay', bytes(100)),
    'a dictionary': GLib.Variant('a{sv}', {'x': GLib.Variant('u', 1)}),
    'a path': GLib.Variant('o', '/x'),
    '10 MB of text': GLib.Variant('s', 'x' * 10 ** 7),
    '10 MB of addresses': GLib.Variant('as', ['x' * 100] * 10 ** 5),
    'variants 50 deep': nest(50),
}
WRONG_WORDS = '-1', 'nan', '1e9', '0x10', '', ' ', '99999999999999999999', 'x' * 5000, '\x1b[31m'


class TestValues(FaultsTest):
    def refuse(self, what, function, *arguments):
        try:
            function(*arguments)
        except GLib.Error as error:
            self.assertIn(error_name(error), REFUSED, f'{what}: {error.message}')
            self.assertLess(len(error.message), LONGEST_MESSAGE, what)
            return error.message
        return self.fail(f'{what} was accepted')

    @fault(18, f'{len(ALWAYS_WRONG)} wrong values for every setting, by Set, UpdateSettings and '
           'CreateServer', 'InvalidSetting or InvalidArgs in a short message; nothing changes')
    def test_bus(self):
        """What is wrong on the bus is refused whole, and told."""
        before, count = self.server.get_settings(), 0
        # GLib keeps what the longest message took, once.
        self.refuse_all('Congestion', SETTINGS['Congestion'][0])
        self.before = self.read_usage()
        for name, (interface, _, _) in SETTINGS.items():
            count += self.refuse_all(name, interface)
        for label, value in ALWAYS_WRONG.items():
            self.refuse(label, self.daemon.manager, 'CreateServer', '(sa{sv})', 'wrong',
                        {'Backlog': value})
            count += 1
        self.assertEqual(self.server.get_settings(), before)
        self.assertEqual(self.daemon.get_all('/org/sonde/Sonde1', 'Manager')['NServers'], 1)
        self.saw(f'{count} calls refused, nothing changed')

    def refuse_all(self, name, interface):
        for label, value in ALWAYS_WRONG.items():
            what = f'{name}={label}'
            self.refuse(what, self.server.call, PROPERTIES_INTERFACE + '.Set', '(ssv)',
                        interface, name, value)
            message = self.refuse(what, self.server.call, 'Server.UpdateSettings', '(a{sv}a{sv})',
                                  {'NoDelay': GLib.Variant('b', True), name: value}, {})
            self.assertIn(name, message)
        return 2 * len(ALWAYS_WRONG)

    @fault(18, f'{len(WRONG_WORDS)} wrong words for every setting, by sondectl set',
           'a failure with a message; nothing changes')
    def test_command_line(self):
        """What is wrong on the command line is, too."""
        before, count = self.server.get_settings(), 0
        command = [os.environ['SONDECTL'], '--address=' + self.bus.address]
        # A program for each would take long: all words for one setting of each type.
        names = {row[1]: name for name, row in SETTINGS.items()}
        for name in names.values():
            for word in WRONG_WORDS:
                done = subprocess.run([*command, 'set', 'echo', f'{name}={word}'], check=False,
                                      timeout=DEADLINE, capture_output=True)
                if done.returncode != 0:
                    self.assertTrue(done.stderr)
                    self.assertEqual(self.server.get_settings(), before, f'{name}={word}')
                    count += 1
                    continue
                # An empty word is the default, and a name may have any letters.
                self.assertIn(word, ('', ' ', '-1'), name)
                before = self.server.get_settings()
        self.assertGreater(count, len(names) * 5)
        self.saw(f'{count} calls refused')


class TestConfigurations(FaultsTest):
    GARBAGE = {
        'cut off in a value': b'[Server echo]\nListenAddresses=127.0.0.1:0\nBacklog=1',
        'cut off in a key': b'[Server echo]\nListenAddresses=127.0.0.1:0\nBackl',
        'cut off in a group': b'[Server ec',
        'binary': bytes(range(256)) * 64,
        'a zero byte': b'[Server echo]\nListenAddresses=127.0.0.1:0\n\0',
        'not UTF-8': b'[Server echo]\nListenAddresses=\xff\xfe\n',
        'UTF-16': '[Server echo]\nBacklog=1\n'.encode('utf-16'),
        'an unknown key': b'[Server echo]\nListenAddresses=127.0.0.1:0\nColour=red\n',
        'an unknown group': b'[Client echo]\nListenAddresses=127.0.0.1:0\n',
        'a key twice': b'[Server echo]\nListenAddresses=127.0.0.1:0\nBacklog=1\nBacklog=2\n',
        'a line of 900 kB': b'[Server echo]\nListenAddresses=' + b'x' * 900000,
        '30,000 groups': b''.join(b'[Server s%d]\n' % i for i in range(30000)),
    }

    def replace_config(self, make):
        path = pathlib.Path(self.daemon.config)
        path.unlink()
        make(path)

    def spoil(self):
        """Give each thing that is no configuration its place in turn."""
        for label, content in self.GARBAGE.items():
            yield label, lambda path, content=content: path.write_bytes(content)
        yield 'a FIFO', os.mkfifo
        yield 'a loop of links', lambda path: path.symlink_to(path)
        yield 'a link to /dev/zero', lambda path: path.symlink_to('/dev/zero')
        yield '1 GB', lambda path: (path.touch(), os.truncate(path, 10 ** 9))
        yield 'nothing', lambda path: None
        yield 'a link to memory', lambda path: path.symlink_to('/proc/self/mem')

    @fault(25, 'a configuration of garbage is reloaded', 'refused with file (and line), at once; '
           'the old one stays')
    def test_reload(self):
        """A configuration that is none changes nothing, and does not hold anything up."""
        # The allocator of GLib before 2.76 keeps what the longest one took, once.
        # How often is chance; what leaks grows each time.
        self.reload_all()
        for _ in range(5):
            self.before = self.read_usage()
            count = self.reload_all()
            if self.is_back():
                break
        self.saw(f'{count} refused')

    def reload_all(self):
        before, count = self.server.get_settings(), 0
        self.addCleanup(self.daemon.config.write_text, self.config, 'utf-8')
        for label, make in self.spoil():
            self.replace_config(make)
            if label == 'cut off in a value':
                # That is a valid one; it is there to show that the others are refused.
                self.daemon.manager('Reload')
                self.assertEqual(self.server.get('Backlog'), 1)
                self.server.set('Backlog', before['Backlog'])
            else:
                with self.assertRaises(GLib.Error, msg=label) as caught:
                    self.daemon.manager('Reload')
                place = '[Server s' if label == '30,000 groups' else str(self.daemon.config)
                self.assertIn(place, caught.exception.message, label)
                self.assertLess(len(caught.exception.message), LONGEST_MESSAGE, label)
                count += 1
            self.assertEqual(self.server.get_settings(), before, label)
            if label == 'nothing':
                self.daemon.config.touch()
        self.replace_config(lambda path: path.mkdir())
        with self.assertRaises(GLib.Error):
            self.daemon.manager('Reload')
        self.daemon.config.rmdir()
        self.daemon.config.touch()
        return count + 1

    @fault(25, 'the same at the start', 'status 1 or 6, one line')
    def test_start(self):
        """A daemon does not start with it either."""
        path = pathlib.Path(self.daemon.directory.name, 'other.conf')
        for label, make in self.spoil():
            if label in ('cut off in a value', 'nothing'):
                continue
            make(path)
            done = subprocess.run([os.environ['SONDED'], '--address=' + self.bus.address,
                                   f'--config={path}'], capture_output=True, check=False,
                                  timeout=DEADLINE)
            path.unlink()
            self.assertIn(done.returncode, (1, 6), label)
            lines = done.stderr.decode('utf-8', 'replace').splitlines()
            self.assertEqual(len([line for line in lines if line.startswith('sonded: ')]), 1, label)
        self.saw('each of them refused')

    LINES = {'cut off in a key': 3, 'cut off in a group': 1, 'binary': 1, 'not UTF-8': 2,
             'UTF-16': 1, 'an unknown key': 3, 'an unknown group': 1, 'a key twice': 4,
             'a line of 900 kB': 2}

    @fault(25, 'garbage: where it is', 'the message names file and line')
    def test_lines(self):
        """Who has to mend a configuration is told the line."""
        self.addCleanup(self.daemon.config.write_text, self.config, 'utf-8')
        for label, line in self.LINES.items():
            self.replace_config(lambda path, label=label: path.write_bytes(self.GARBAGE[label]))
            with self.subTest(label):
                with self.assertRaises(GLib.Error) as caught:
                    self.daemon.manager('Reload')
                self.assertIn(f'{self.daemon.config}:{line}: ', caught.exception.message)
        self.saw(f'{len(self.LINES)} lines named')

    @fault(25, 'what is endless, blocks or is no file, at a reload and at the start: 1 GB, '
           '/dev/zero, a FIFO, a directory, a socket, a loop of links',
           'refused with its name, in 1 s of CPU; at most 4 MiB of memory')
    def test_bounded(self):
        """Nothing is read to its end that has none, and nobody waits for it."""
        def listen(path):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(path))
        kinds = {'1 GB': lambda path: (path.touch(), os.truncate(path, 10 ** 9)),
                 '/dev/zero': lambda path: path.symlink_to('/dev/zero'), 'a FIFO': os.mkfifo,
                 'a directory': lambda path: path.mkdir(), 'a socket': listen,
                 'a loop': lambda path: path.symlink_to(path)}
        config = self.daemon.config
        self.addCleanup(config.write_text, self.config, 'utf-8')
        config.unlink()
        before, cpu = self.reset_peak(), self.read_cpu()
        for label, make in kinds.items():
            make(config)
            try:
                with self.subTest(label):
                    with self.assertRaises(GLib.Error) as caught:
                        self.daemon.manager('Reload')
                    self.assertIn(str(config), caught.exception.message)
                    status, line = self.start_with(config)
                    self.assertIn(status, (1, 6), line)
                    self.assertIn(str(config), line)
                    self.echo()
            finally:
                config.rmdir() if label == 'a directory' else config.unlink()
        cpu = self.read_cpu() - cpu
        grown = self.read_status('VmHWM') - before
        self.assertLess(cpu, 1 * SLOWDOWN)
        if not INSTRUMENTED:
            self.assertLess(grown, 4 * MIB)
        self.saw(f'{len(kinds)} refused, CPU {cpu * 1000:.0f} ms, VmHWM +{grown // KIB} KiB')

    def start_with(self, path):
        """Start a daemon that cannot; return its status and its one line."""
        done = subprocess.run([os.environ['SONDED'], '--address=' + self.bus.address,
                               f'--config={path}'], capture_output=True, check=False, text=True,
                              errors='replace', timeout=DEADLINE)
        [line] = [line for line in done.stderr.splitlines() if line.startswith('sonded: ')]
        return done.returncode, line
