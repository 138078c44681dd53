# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The catalogues are complete and sound, and the command line speaks their languages."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unicodedata
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ['BUILD_ROOT'])
LOCALE_DIR = pathlib.Path(os.environ['LOCALE_DIR'])
LANGUAGES = (ROOT / 'po' / 'LINGUAS').read_text('ascii').split()
LOCALES = {'de': 'de_DE', 'zh_CN': 'zh_CN'}
LANG = '{http://www.w3.org/XML/1998/namespace}lang'
# What Meson's preset for GLib gives to xgettext, as far as it matters here.
XGETTEXT = ['xgettext', '--from-code=UTF-8', '--keyword=_', '--keyword=N_', '--keyword=C_:1c,2',
            '--keyword=NC_:1c,2', '--keyword=g_dngettext:2,3']
UNSHARE = ['unshare', '--mount']
if os.geteuid() != 0:
    UNSHARE += ['--map-root-user']
# The programs look where they would be installed: there the catalogues of the build are
# put, for them alone.
INSTALL = 'if ! test -d "$1"; then mount -t tmpfs tmpfs "$2" && mkdir -p "$1"; fi && ' \
          'mount --bind "$3" "$1" && shift 3 && exec "$@"'


def run(*command, status=0, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=100, check=False, **options)
    if done.returncode != status:
        raise AssertionError(f'{command} ended with {done.returncode}:\n{done.stderr}')
    return done.stdout + done.stderr


def unquote(lines):
    return ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', lines)).replace('\\"', '"')


def read_catalogue(language):
    """Read what is said for what: singular forms only."""
    text = run('msgcat', '--no-wrap', str(ROOT / 'po' / f'{language}.po'))
    pairs = re.findall(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)', text, re.MULTILINE)
    return {unquote(key): unquote(value) for key, value in pairs}


def measure(text):
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)


class TestCatalogues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='sonde-po-')
        cls.addClassCleanup(directory.cleanup)
        cls.template = directory.name + '/sonde.pot'
        run(*XGETTEXT, f'--directory={ROOT}', f'--files-from={ROOT}/po/POTFILES.in',
            '-o', cls.template)

    def test_sound(self):
        """msgfmt finds nothing wrong: formats, plurals, headers."""
        self.assertEqual(sorted(LANGUAGES), sorted(LOCALES))
        for language in LANGUAGES:
            shown = run('msgfmt', '-c', '--check-accelerators=_', '-o', '/dev/null', '--statistics',
                        str(ROOT / 'po' / f'{language}.po'))
            self.assertRegex(shown, r'^\d+ translated messages\.$')

    def test_complete(self):
        """Every message is translated, none is doubtful, and none is left that nobody says."""
        for language in LANGUAGES:
            merged = run('msgmerge', '--quiet', '--no-fuzzy-matching', '-o', '-',
                         str(ROOT / 'po' / f'{language}.po'), self.template)
            for kind in '--untranslated', '--only-fuzzy', '--only-obsolete':
                rest = run('msgattrib', kind, '--no-wrap', '-', input=merged)
                self.assertEqual(re.findall(r'^(?:#~ )?msgid "(.+)"', rest, re.MULTILINE), [],
                                 f'{language}: {kind}')

    def test_settings(self):
        """The description of every setting can be found in every catalogue."""
        shown = json.loads(run(os.environ['SONDECTL'], 'explain', '--json=short'))
        self.assertGreater(len(shown), 20)
        for language in LANGUAGES:
            catalogue = read_catalogue(language)
            said = [row['Description'] for row in shown]
            self.assertEqual([text for text in said if text not in catalogue], [], language)

    def test_templates_are_readable(self):
        """No message ends where a macro begins, which no catalogue could match."""
        text = pathlib.Path(self.template).read_text('utf-8')
        for message in re.findall(r'^msgid "(.+)"$', text, re.MULTILINE):
            self.assertNotRegex(message, r'(?<!%)%$')

    def test_merged_files(self):
        """What polkit and software centres show has a text in every language."""
        for path, tags in (('data/polkit/org.sonde.sonde1.policy', ('description', 'message')),
                           ('data/metainfo/org.sonde.sonde1.metainfo.xml', ('summary',))):
            root = xml.etree.ElementTree.parse(BUILD / path).getroot()
            for tag in tags:
                said = [element.get(LANG) for element in root.iter(tag)]
                self.assertGreater(said.count(None), 0)
                for language in LANGUAGES:
                    self.assertEqual(said.count(language), said.count(None), (path, tag))


class TestPrograms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='sonde-locale-')
        cls.addClassCleanup(directory.cleanup)
        cls.locale_path = directory.name
        for name in LOCALES.values():
            run('localedef', '-i', name, '-f', 'UTF-8', f'{directory.name}/{name}.UTF-8')

    def sondectl(self, language, *words, status=0):
        parent = next(path for path in LOCALE_DIR.parents if path.is_dir())
        environment = {'PATH': os.environ['PATH'], 'LOCPATH': self.locale_path,
                       'LD_LIBRARY_PATH': os.environ['LD_LIBRARY_PATH'],
                       'LC_ALL': LOCALES[language] + '.UTF-8'}
        return run(*UNSHARE, 'sh', '-c', INSTALL, 'sh', str(LOCALE_DIR), str(parent),
                   str(BUILD / 'po'), os.environ['SONDECTL'], *words, status=status,
                   env=environment)

    def test_help(self):
        """The help has the translation of every verb, option and exit status, and no English."""
        english = run(os.environ['SONDECTL'], 'help', env={**os.environ, 'LC_ALL': 'C'})
        for language in LANGUAGES:
            catalogue = read_catalogue(language)
            spoken = self.sondectl(language, 'help')
            said = [text for text in catalogue
                    if text[:1].isupper() and re.search(rf'(?m) {re.escape(text)}$', english)]
            self.assertGreater(len(said), 30)
            for text in said:
                self.assertIn(catalogue[text], spoken, language)
                self.assertNotIn(text + '\n', spoken, language)

    def test_columns(self):
        """Descriptions begin in one column, however wide the characters before them are."""
        for language in LANGUAGES:
            catalogue = read_catalogue(language)
            lines = self.sondectl(language, 'help').splitlines()
            ends = [' ' + catalogue[text] for text in (
                'List the servers and where they listen', 'Let servers listen',
                'Change settings, all or none of them', 'Close a connection')]
            columns = {measure(line[:line.index(end)]) for line in lines for end in ends
                       if line.endswith(end)}
            self.assertEqual(len(columns), 1, language)

    def test_facts(self):
        """What explain tells of a setting begins in one column as well."""
        for language in LANGUAGES:
            catalogue = read_catalogue(language)
            lines = self.sondectl(language, 'explain', 'ReceiveBuffer').splitlines()
            labels = [catalogue[text] for text in ('Allowed', 'Default', 'Takes effect',
                                                   'Limited by')]
            facts = [line for line in lines if line.startswith(tuple(labels))]
            self.assertEqual(len(facts), len(labels))
            columns = {measure(re.match(r'\S+(?: \S+)* {2,}', line)[0]) for line in facts}
            self.assertEqual(len(columns), 1, facts)

    def test_tables(self):
        """Tables line up as well: a column begins below its heading."""
        for language in LANGUAGES:
            catalogue = read_catalogue(language)
            shown = self.sondectl(language, 'probe', '127.0.0.1', '1', '--self-test', status=11)
            heading, row = shown.splitlines()[:2]
            for name, cell in ('ADDRESS', '127.0.0.1:1'), ('RESULT', 'refused'):
                self.assertEqual(measure(heading[:heading.index(catalogue[name])]),
                                 measure(row[:row.index(cell)]), language)

    def test_errors(self):
        """Errors are in the language of the user, options and numbers in them as they were."""
        expected = {'de': '--size erwartet 1 Byte bis 1G', 'zh_CN': '--size 取 1 字节到 1G'}
        for language in LANGUAGES:
            shown = self.sondectl(language, 'probe', 'localhost', '1', '--size=0', status=2)
            self.assertIn(expected[language], shown)
