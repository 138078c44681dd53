# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""In the shell that "meson devenv" opens, everything that was built is found."""

import os
import unittest

from program import EXAMPLES, run

# What a shell has that knows nothing of us.
CLEAN = ('env', '-i', 'PATH=/usr/local/bin:/usr/bin:/bin', 'LC_ALL=C.UTF-8',
         'HOME=' + os.environ.get('HOME', '/'))
BUILD = os.environ['SONDE_BUILD']


class TestDevenv(unittest.TestCase):
    def run_inside(self, *command):
        return run(self, *CLEAN, 'meson', 'devenv', '-C', BUILD, *command)

    def test_programs(self):
        """The daemon and the command line are those of the build."""
        for program in 'sonded', 'sondectl':
            path = self.run_inside('sh', '-c', f'command -v {program}').strip()
            self.assertTrue(os.path.samefile(path, f'{BUILD}/src/{program}/{program}'), path)
            self.assertIn(program, self.run_inside(program, '--help'))

    def test_libraries(self):
        """Programs are compiled against the library, and find it when they run."""
        for name in 'sonde-1', 'sonde-test-1':
            flags = self.run_inside('pkg-config', '--cflags', '--libs', name)
            self.assertIn(f'-l{name}', flags)

    def test_languages(self):
        """Interpreters find the typelibs, and Python its override."""
        self.assertIn('12 bytes came back',
                      self.run_inside('/usr/bin/python3', '-B', EXAMPLES / 'echo.py'))
        self.assertIn('12 bytes came back', self.run_inside('gjs', '-m', EXAMPLES / 'echo.js'))
        program = ('import gi; gi.require_versions({"Sonde": "1", "SondeTest": "1"}); '
                   'from gi.repository import Sonde, SondeTest; '
                   'print(Sonde.Server("x", backlog="7").props.backlog); '
                   'print(SondeTest.Server.new(None).get_port("echo") > 0)')
        output = self.run_inside('/usr/bin/python3', '-B', '-c', program)
        self.assertEqual(output.split(), ['7', 'True'])
