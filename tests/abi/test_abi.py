# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What the library offers is what was planned, and all of it is documented."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest
from xml.etree import ElementTree

import abi

LIBRARY = os.environ['SONDE_LIBRARY']
GIR = os.environ['SONDE_GIR']
HEADERS = pathlib.Path(os.environ['SONDE_HEADERS'])
CHANGED = os.environ['SONDE_SOME_FUNCTION']
REMEDY = 'if that is meant, write the lists anew with ./dev abi'
C_IDENTIFIER = '{http://www.gtk.org/introspection/c/1.0}identifier'
GET_TYPE = '{http://www.gtk.org/introspection/glib/1.0}get-type'


class TestAbi(unittest.TestCase):
    def test_symbols(self):
        """The library exports what the checked-in list has, and nothing else."""
        planned = abi.get_symbols_file(LIBRARY).read_text('utf-8').split()
        self.assertEqual(abi.read_symbols(LIBRARY), planned, REMEDY)

    def test_types(self):
        """No function and no type of the public headers differs from the baseline."""
        status, report = abi.compare(LIBRARY, HEADERS, abi.get_baseline_file(LIBRARY))
        self.assertEqual(status, 0, f'{report}\n{REMEDY}')

    def test_comparison_sees_changes(self):
        """That comparison notices a parameter that has another type."""
        text = abi.get_baseline_file(LIBRARY).read_text('utf-8')
        function = text.index(f"<function-decl name='{CHANGED}'")
        end = text.index('</function-decl>', function)
        other = re.search(r"<type-decl name='char' [^>]*\bid='(\w+)'", text)[1]
        changed = re.sub(r"<parameter type-id='\w+'", f"<parameter type-id='{other}'",
                         text[function:end])
        self.assertNotEqual(changed, text[function:end])
        with tempfile.NamedTemporaryFile('w', suffix='.abi') as baseline:
            baseline.write(text[:function] + changed + text[end:])
            baseline.flush()
            status, report = abi.compare(LIBRARY, HEADERS, baseline.name)
        self.assertNotEqual(status, 0, report)
        self.assertIn(CHANGED, report)

    def test_introspection(self):
        """Every exported symbol can be had from other languages, and nothing else."""
        root = ElementTree.parse(GIR).getroot()
        names = {e.get(C_IDENTIFIER) for e in root.iter() if e.tag.endswith(
            ('}function', '}method', '}constructor'))}
        names |= {e.get(GET_TYPE) for e in root.iter()}
        self.assertEqual(sorted(names - {None}), abi.read_symbols(LIBRARY))

    def test_documentation(self):
        """Every public symbol, parameter and return value is documented."""
        command = ('gi-docgen', 'check', '--quiet', '--fatal-warnings',
                   '--add-include-path', os.environ['SONDE_GIR_DIR'],
                   '--config', os.environ['SONDE_DOCS_CONFIG'], GIR)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn('not documented', done.stdout + done.stderr)
