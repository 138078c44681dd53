# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What software centres are told is valid, and true."""

import os
import pathlib
import re
import subprocess
import unittest
import xml.etree.ElementTree

BUILD = pathlib.Path(os.environ['BUILD_ROOT'])
METAINFO = BUILD / 'data' / 'metainfo' / 'org.sonde.sonde1.metainfo.xml'


class TestMetainfo(unittest.TestCase):
    def setUp(self):
        self.component = xml.etree.ElementTree.parse(METAINFO).getroot()

    def test_valid(self):
        """appstreamcli finds nothing, however pedantic it is."""
        done = subprocess.run(['appstreamcli', 'validate', '--no-net', '--pedantic', METAINFO],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotRegex(done.stdout, r'(?m)^[EWIP]:')

    def test_true(self):
        """The version is that of the program, and what is provided is installed."""
        version = subprocess.run([os.environ['SONDECTL'], '--version'], check=True,
                                 capture_output=True, text=True, timeout=30).stdout.split()[1]
        self.assertEqual(self.component.find('releases/release').get('version'), version)
        files = pathlib.Path(__file__).with_name('installed-files.txt').read_text('utf-8')
        names = [element.text for tag in ('binary', 'library')
                 for element in self.component.findall(f'provides/{tag}')]
        names.append(self.component.findtext('launchable'))
        self.assertEqual(len(names), 3)
        for name in names:
            self.assertRegex(files, rf'(?m)/{re.escape(name)}$')
