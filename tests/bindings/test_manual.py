# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What stands in the manual works, just as it stands there."""

import pathlib
import re
import subprocess
import tempfile
import unittest

import gi
from program import GJS, PYTHON, SOURCE, TIMEOUT, run

gi.require_version('SondeTest', '1')
from gi.repository import SondeTest

PAGES = SOURCE / 'introspection' / 'reference'
BLOCK = re.compile(r'^```(\w+)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LINK = re.compile(r'\]\(([a-z-]+)\.html\)')


def read_page(name):
    for path in PAGES / f'{name}.md', PAGES / f'{name}.md.in':
        if path.exists():
            return path.read_text('utf-8')
    return None


def read_blocks(page, language):
    return [text for kind, text in BLOCK.findall(read_page(page)) if kind == language]


class TestManual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = SondeTest.Server.new(None)
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_text(self, interpreter, text):
        """Run a program, with a daemon on the session bus."""
        path = self.folder / 'program.js'
        path.write_text(text, 'utf-8')
        return run(self, *interpreter, path,
                   DBUS_SESSION_BUS_ADDRESS=self.server.get_bus_address())

    def run_python(self, page, index=0):
        return self.run_text(PYTHON, read_blocks(page, 'python')[index])

    def run_c(self, page, name):
        """Build and run a program in C with the commands that stand below it."""
        (self.folder / name).write_text(read_blocks(page, 'c')[0], 'utf-8')
        for command in read_blocks(page, 'sh'):
            done = subprocess.run(('sh', '-ec', command), cwd=self.folder, check=False,
                                  capture_output=True, text=True, timeout=TIMEOUT)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
        return done.stdout

    def test_first_page_in_python(self):
        """Who read only the first page has a program in Python that works."""
        lines = self.run_python('overview').splitlines()
        self.assertRegex(lines[0], r'^it listens on 127\.0\.0\.1, port \d+$')
        self.assertRegex(lines[1], r'^12 bytes came back in \d+ us$')
        shown = re.findall(r'^    (\w+: asked .*)$', read_page('overview'), re.MULTILINE)
        self.assertEqual(len(shown), 4)
        self.assertEqual(lines[2:5], shown[:3])
        self.assertRegex(lines[5], '^ReceiveBuffer: asked 1073741824, got ')

    def test_first_page_in_c(self):
        """Who read only the first page has a program in C that works."""
        self.assertRegex(self.run_c('overview', 'first.c'), "'BytesReceived': <(uint64 )?12>")

    def test_limits(self):
        """The page about limits has a program that meets some."""
        output = self.run_python('limits')
        for text in (r'^Backlog: asked 1000000, .*: clamped-by-net\.core\.somaxconn$',
                     r'^ReceiveBuffer: asked 1, .*: raised-to-minimum$', '^SendBuffer: '):
            self.assertRegex(output, re.compile(text, re.MULTILINE))

    def test_connect_timeout(self):
        """The page about connecting computes what its table has."""
        rows = [line.split() for line in self.run_python('connect-timeout').splitlines()]
        self.assertEqual([int(seconds) for _, seconds in rows], [3, 7, 19, 35, 67, 131, 251])

    def test_testing_in_python(self):
        """The page about tests has one in Python that passes."""
        path = self.folder / 'test.py'
        path.write_text(read_blocks('testing', 'python')[0], 'utf-8')
        done = subprocess.run((*PYTHON, path), check=False, capture_output=True, text=True,
                              timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('Ran 1 test', done.stderr)
        self.assertRegex(self.run_python('testing', 1), r'^\d+$')

    def test_testing_in_c(self):
        """The page about tests has a program in C that builds; and it runs."""
        self.run_c('testing', 'test.c')
        self.assertRegex(run(self, self.folder / 'test'), r'^port \d+\nunix:path=')

    def test_dbus_in_python(self):
        """The recipe for D-Bus works in Python."""
        listens, row, error, message = self.run_python('dbus').splitlines()
        self.assertRegex(listens, r'^it listens on 127\.0\.0\.1 \d+$')
        self.assertRegex(row, r"^\('Backlog', 'listener', 7, 7, \d+, 'as-asked'\)$")
        self.assertEqual(error, 'org.sonde.Sonde1.Error.InvalidSetting')
        self.assertIn('Backlog=2147483648 is not valid; allowed: 1 to 2147483647', message)

    def test_dbus_in_javascript(self):
        """The recipe for D-Bus works in JavaScript."""
        output = self.run_text(GJS, read_blocks('dbus', 'javascript')[0])
        self.assertRegex(output, r'^it listens on 127\.0\.0\.1, port \d+\n1 accepted\n$')

    def test_migration(self):
        """The page about the recipes shows what a preset sets."""
        self.assertEqual(self.run_python('migration'), '9 True\n')

    def test_nothing_is_left_out(self):
        """There is no program in the manual that no test above runs."""
        counts = {path.name: len(BLOCK.findall(path.read_text('utf-8')))
                  for path in PAGES.glob('*.md*')}
        self.assertEqual(counts, {
            'overview.md': 3, 'limits.md': 1, 'connect-timeout.md.in': 1, 'testing.md': 4,
            'dbus.md': 2, 'migration.md': 1})

    def test_links(self):
        """Every page that a page refers to is one of the manual's."""
        pages = re.findall(r'^  "(.*)\.md",$', (PAGES / 'sonde.toml').read_text('utf-8'),
                           re.MULTILINE)
        self.assertEqual(len(pages), 8)
        for path in PAGES.glob('*.md*'):
            for target in LINK.findall(path.read_text('utf-8')):
                self.assertIn(target, pages, path.name)
