# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What is installed: every file in its place, and none left after it is uninstalled."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ['BUILD_ROOT'])
LIST = pathlib.Path(__file__).with_name('installed-files.txt')
PROGRAMS = ('bin/sondectl', 'libexec/sonded')


def read_option(name):
    options = json.loads((BUILD / 'meson-info' / 'intro-buildoptions.json').read_text('utf-8'))
    return next(option['value'] for option in options if option['name'] == name)


def read_list():
    """Read the list of files, below the prefix."""
    lines = LIST.read_text('utf-8').splitlines()
    return [line.replace('@LIBDIR@', read_option('libdir'))
            for line in lines if line and not line.startswith('#')]


class TestInstall(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='sonde-install-')
        cls.addClassCleanup(directory.cleanup)
        cls.destination = pathlib.Path(directory.name) / 'root'
        cls.root = cls.destination / read_option('prefix').lstrip('/')
        command = ['meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir',
                   cls.destination]
        subprocess.run(command, check=True, timeout=100, stdout=subprocess.DEVNULL)

    def list_installed(self):
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob('*')
                      if not path.is_dir())

    def test_1_files(self):
        """Every file is where the list has it, and no other file is there."""
        outside = [path for path in self.destination.rglob('*')
                   if not path.is_dir() and self.root not in path.parents]
        self.assertEqual(outside, [])
        self.assertEqual(self.list_installed(), sorted(read_list()))

    def test_2_modes(self):
        """Programs can be run by everybody, everything can be read, and nothing be changed."""
        for path in self.root.rglob('*'):
            if path.is_dir() or path.is_symlink():
                continue
            name = str(path.relative_to(self.root))
            is_program = name in PROGRAMS or '.so.' in path.name
            mode = path.stat().st_mode & 0o7777
            self.assertEqual(oct(mode & 0o777), oct(0o755 if is_program else 0o644), name)
            self.assertEqual(mode & 0o7000, 0, name)

    def test_3_programs(self):
        """The installed programs run, with the installed library and none else."""
        libraries = self.root / read_option('libdir')
        for program in PROGRAMS:
            environment = {'PATH': os.environ['PATH'], 'LD_LIBRARY_PATH': str(libraries)}
            done = subprocess.run([self.root / program, '--version'], env=environment, check=True,
                                  capture_output=True, text=True, timeout=30)
            self.assertRegex(done.stdout, rf'^{os.path.basename(program)} \d')
            linked = subprocess.run(['ldd', self.root / program], env=environment, check=True,
                                    capture_output=True, text=True, timeout=30).stdout
            self.assertIn(f'{libraries}/libsonde-1.so.0', linked)
            self.assertNotIn(str(BUILD), linked)

    def test_4_uninstall(self):
        """Nothing is left when it is uninstalled, not even a folder."""
        subprocess.run(['ninja', '-C', BUILD, 'uninstall'], check=True, timeout=100,
                       stdout=subprocess.DEVNULL)
        self.assertEqual([str(path) for path in self.destination.rglob('*')], [])
