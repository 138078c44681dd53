# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The examples run, in every language, under its own interpreter."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from program import EXAMPLES, GJS, LUA, PYTHON, TIMEOUT, compile_c, run, run_valgrind


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
        self.check(run_valgrind(self, os.environ['SONDE_EXAMPLE_C']))

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


class TestMore(unittest.TestCase):
    def test_watch(self):
        """The example with a main loop hears of everything, in order."""
        opened, closed, *states = run(self, *GJS, EXAMPLES / 'watch.js').splitlines()[1:]
        self.assertRegex(opened, r'^1 opened from (127\.0\.0\.1|::1)$')
        self.assertEqual(closed, '1 closed: 12 bytes came, 12 went')
        self.assertEqual(states, ['now draining', 'now stopped'])

    def test_c_line_client(self):
        """The same in C has a daemon of its own, and leaves nothing behind."""
        output = run_valgrind(self, os.environ['SONDE_EXAMPLE_TEST'])
        self.assertRegex(output, r'(?m)^ok 1 /line-client/answer$')

    def test_line_client(self):
        """The tests of a client library, as an example, pass."""
        done = subprocess.run([*PYTHON, EXAMPLES / 'test_line_client.py'], check=False,
                              capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('Ran 3 tests', done.stderr)
