# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The examples run, in every language, under its own interpreter."""

import os
import pathlib
import tempfile
import unittest

from program import EXAMPLES, GJS, LUA, PYTHON, VALGRIND, compile_c, run


class TestEcho(unittest.TestCase):
    def check(self, output):
        """Check that the server echoed, and had the option that was set live."""
        first, *report = output.splitlines()
        self.assertEqual(first, '12 bytes came back')
        rows = {line.partition(' (listener)')[0]: line for line in report}
        self.assertEqual(len(rows), 19)
        self.assertRegex(rows['NoDelay'], r'(?i)asked true, got true: as-asked$')
        self.assertRegex(rows['ReceiveBuffer'], r'asked (uint64 )?0, got .*: kernel-default$')

    def test_c(self):
        """The example in C builds with pkg-config alone, and runs."""
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / 'echo'
            compile_c(EXAMPLES / 'echo.c', program)
            self.check(run(self, program))

    def test_c_leaks_nothing(self):
        """The example in C leaves nothing behind."""
        self.check(run(self, *VALGRIND, os.environ['SONDE_EXAMPLE_C'], G_SLICE='always-malloc'))

    def test_python(self):
        """The example in Python runs."""
        self.check(run(self, *PYTHON, EXAMPLES / 'echo.py'))

    def test_javascript(self):
        """The example in JavaScript runs."""
        self.check(run(self, *GJS, EXAMPLES / 'echo.js'))

    def test_lua(self):
        """The example in Lua runs."""
        self.check(run(self, *LUA, EXAMPLES / 'echo.lua'))

    def test_vala(self):
        """The example in Vala runs."""
        self.check(run(self, os.environ['SONDE_EXAMPLE_VALA']))
