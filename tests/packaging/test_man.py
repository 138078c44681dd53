# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The manual pages are sound, and say what the programs say."""

import functools
import os
import pathlib
import re
import subprocess
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = pathlib.Path(os.environ['MAN_PAGES'])
NAMES = ('org.sonde.Sonde1.5', 'sondectl.1', 'sonded.8', 'sonded.conf.5')
WIDE = {**os.environ, 'MANWIDTH': '500', 'MAN_KEEP_FORMATTING': '', 'LC_ALL': 'C.UTF-8'}
# Where an option is described, and where it is only spoken of.
DEFINITION = re.compile(r'^ +(?:-\w, )?(--[a-z-]+)', re.MULTILINE)
OPTION = re.compile(r'(?<![\w-])--[a-z][a-z-]*\w')


def run(*command):
    return subprocess.run(command, env=WIDE, capture_output=True, text=True, timeout=60,
                          check=True)


@functools.cache
def read_page(name):
    """Read a page as people do, on a very wide terminal that does not hyphenate."""
    text = run('man', '-E', 'UTF-8', '-l', '--nh', str(PAGES / name)).stdout
    # Dashes that may be broken, and bold letters of terminals from before.
    return re.sub(r'.\x08', '', text).replace('\u2010', '-').replace('\u2212', '-')


def get_section(text, heading):
    return re.search(rf'(?ms)^{heading}\n(.*?)(?=^[A-Z\[]|\Z)', text)[1]


@functools.cache
def read_help(program, *words):
    return run(os.environ[program], *words, '--help').stdout


def list_verbs():
    section = read_help('SONDECTL').partition('\nVerbs:\n')[2].partition('\n\n')[0]
    return [line.split()[0] for line in section.splitlines() if line.split()[0] != 'help']


class TestPages(unittest.TestCase):
    def test_lint(self):
        """man(1) formats every page without a warning, and whatis(1) can read its name."""
        for name in NAMES:
            done = run('man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z',
                       str(PAGES / name))
            self.assertEqual(done.stderr, '', name)
            whatis = run('lexgrog', str(PAGES / name)).stdout
            self.assertRegex(whatis, rf'"{re.escape(name[:-2])} - \w', name)

    def test_nothing_left(self):
        """Every place in the templates is filled."""
        for name in NAMES:
            self.assertNotRegex(read_page(name), r'@[A-Z-]+')

    def test_references(self):
        """Our pages refer to each other by names that exist."""
        for name in NAMES:
            for page, section in re.findall(r'\b((?:org\.)?sonde[\w.]*)\((\d)\)', read_page(name)):
                self.assertIn(f'{page}.{section}', NAMES)


class TestSondectl(unittest.TestCase):
    def test_verbs(self):
        """The page describes every verb of the help, and no other."""
        section = get_section(read_page('sondectl.1'), 'VERBS')
        described = re.findall(r'^       ([a-z-]+)(?:  ?[A-Z\[-]|  |$)', section, re.MULTILINE)
        self.assertEqual(sorted(described), sorted(list_verbs()))

    def test_options(self):
        """The page has every option of every verb, and none that does not exist."""
        page = read_page('sondectl.1')
        told = set(DEFINITION.findall(read_help('SONDECTL')))
        for verb in list_verbs():
            own = set(DEFINITION.findall(read_help('SONDECTL', verb))) - {'--help'}
            block = re.search(rf'(?ms)^       {verb}\b'
                              r'(.*?)(?=^       [a-z]|^   [A-Z]|^[A-Z])',
                              page)
            self.assertEqual(set(DEFINITION.findall(block[1])), own, verb)
            told |= own
        self.assertEqual(set(OPTION.findall(page)) - told, set())
        self.assertEqual(told - set(OPTION.findall(page)) - {'--help'}, set())

    def test_exit_statuses(self):
        """The page has the exit statuses of the help, word by word."""
        section = get_section(read_page('sondectl.1'), 'EXIT STATUS')
        on_page = {int(number): text for number, text
                   in re.findall(r'^ +(\d+)\s+(\S.*?)\.?$', section, re.MULTILINE)}
        in_help = {int(number): text for number, text in re.findall(
            r'^ +(\d+)  (.*)$', read_help('SONDECTL').partition('Exit status:')[2], re.MULTILINE)}
        self.assertEqual(on_page, in_help)
        self.assertIn(17, on_page)


class TestSonded(unittest.TestCase):
    def test_options(self):
        """The page has the options of the help, and no others."""
        options = set(OPTION.findall(read_help('SONDED'))) - {'--help'}
        section = get_section(read_page('sonded.8'), 'OPTIONS')
        self.assertEqual(set(OPTION.findall(section)), options)

    def test_exit_statuses(self):
        """The page has the exit statuses of the help."""
        in_help = re.findall(r'^ +(\d+)  ', read_help('SONDED').partition('Exit status:')[2],
                             re.MULTILINE)
        section = get_section(read_page('sonded.8'), 'EXIT STATUS')
        self.assertEqual(re.findall(r'^ +(\d+) ', section, re.MULTILINE), in_help)


class TestContract(unittest.TestCase):
    def setUp(self):
        paths = (ROOT / 'introspection').glob('org.sonde.*.xml')
        trees = [xml.etree.ElementTree.parse(path) for path in paths]
        self.interfaces = [i for tree in trees for i in tree.getroot().iter('interface')]
        self.assertEqual(len(self.interfaces), 5)

    def test_settings(self):
        """sonded.conf(5) has every setting by its name in a file, and every preset."""
        page = read_page('sonded.conf.5')
        names = [p.get('name') for i in self.interfaces for p in i.iter('property')
                 if p.get('access') == 'readwrite' and 'Statistics' not in i.get('name')]
        self.assertGreater(len(names), 20)
        for name in names:
            key = re.sub('USec$', 'Sec', name)
            self.assertTrue(re.search(rf'(?m)^       {key}= *', page), key)
        # They are keys of the file alone.
        for key in 'Preset', 'Listen':
            self.assertRegex(page, rf'(?m)^       {key}= *$')
        # A setting stands where it belongs.
        sections = {'Server': r'\[SERVER NAME\]', 'SocketOptions': 'SOCKET OPTIONS'}
        for interface in self.interfaces:
            heading = sections.get(interface.get('name').rpartition('.')[2])
            written = [re.sub('USec$', 'Sec', p.get('name')) for p in interface.iter('property')
                       if heading and p.get('access') == 'readwrite']
            for key in written:
                self.assertRegex(get_section(page, heading), rf'(?m)^       {key}= *')
        # Their times are in seconds, and have units.
        self.assertNotIn('microseconds', page.partition('[SERVER NAME]')[2])
        presets = get_section(page, 'PRESETS')
        for preset in 'io-multiplex', 'asyncio', 'socketserver-threading':
            self.assertRegex(presets, rf'(?m)^       {preset}\s')

    def test_members(self):
        """org.sonde.Sonde1(5) has every member of every interface."""
        page = read_page('org.sonde.Sonde1.5')
        for interface in self.interfaces:
            name = interface.get('name')
            self.assertIn(name, page)
            for member in interface:
                if member.tag in ('method', 'property', 'signal'):
                    full_name = rf'{re.escape(name)}[.:]+{member.get("name")}\b'
                    self.assertTrue(re.search(full_name, page), full_name)
