# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Running a program that uses the library, as somebody else would run it."""

import os
import pathlib
import subprocess

TIMEOUT = 90
SOURCE = pathlib.Path(os.environ['SONDE_SOURCE'])
EXAMPLES = SOURCE / 'introspection' / 'examples'
PYTHON = ('/usr/bin/python3', '-B')
GJS = ('gjs', '-m')
LUA = ('lua5.3',)
# Only what is certainly lost counts: GLib and its types keep some for ever.
VALGRIND = ('valgrind', '--quiet', '--error-exitcode=99', '--leak-check=full',
            '--errors-for-leak-kinds=definite', '--show-leak-kinds=definite',
            '--suppressions=/usr/share/glib-2.0/valgrind/glib.supp')


def run_command(command, **environment):
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=TIMEOUT,
        check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, 'G_DEBUG': 'fatal-criticals', **environment})


def run(test, *command, **environment):
    """Run a program to its end, which must be a good one; return what it wrote."""
    done = run_command(command, **environment)
    test.assertEqual((done.returncode, done.stderr), (0, ''), done.stdout)
    return done.stdout


def run_valgrind(test, program):
    """Run a program under valgrind, which must find nothing."""
    def only_found(stderr):
        # What stands between -- is about valgrind itself: calls that it does not know.
        return ''.join(line for line in stderr.splitlines(True) if not line.startswith('--'))
    done = run_command((*VALGRIND, program), G_SLICE='always-malloc')
    test.assertEqual((done.returncode, only_found(done.stderr)), (0, ''), done.stdout)
    return done.stdout


def compile_c(source, program):
    """Build a C program with the flags that pkg-config tells."""
    flags = subprocess.run(('pkg-config', '--cflags', '--libs', 'sonde-1'), check=True,
                           capture_output=True, text=True).stdout.split()
    subprocess.run((*os.environ['SONDE_CC'].split(), '-Wall', '-Werror', '-o', program, source,
                    *flags), check=True)
