#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What a shared library offers to programs, and how it is compared.

Usage: abi.py LIBRARY HEADERS

Writes the lists in this folder anew, as ./dev abi does: the symbols that the
library exports, and the types that these use as its public headers show them.
"""

import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
BASELINE_OPTIONS = (
    '--drop-private-types', '--drop-undefined-syms', '--no-comp-dir-path', '--no-corpus-path',
    '--no-parameter-names', '--no-show-locs', '--type-id-style', 'hash',
)


def get_symbols_file(library):
    return FOLDER / (pathlib.Path(library).name.partition('.so')[0] + '.symbols')


def get_baseline_file(library):
    return FOLDER / (pathlib.Path(library).name.partition('.so')[0] + '.abi')


def read_symbols(library):
    """List what the library exports, in order."""
    command = ('nm', '--dynamic', '--defined-only', '--extern-only', '--format=posix', library)
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sorted(line.split()[0] for line in output.splitlines())


def list_headers(headers, option):
    """Name the public headers; what is in a private one may change freely."""
    names = sorted(pathlib.Path(headers).glob('*.h'))
    return [word for name in names if not name.stem.endswith('-private') for word in (option, name)]


def compare(library, headers, baseline):
    """Compare with a baseline; return abidiff's status and what it says."""
    command = ('abidiff', '--no-architecture', *list_headers(headers, '--header-file2'),
               baseline, library)
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def update(library, headers):
    text = '\n'.join(read_symbols(library)) + '\n'
    get_symbols_file(library).write_text(text, 'utf-8')
    subprocess.run(('abidw', *list_headers(headers, '--header-file'), *BASELINE_OPTIONS,
                    '--out-file', get_baseline_file(library), library), check=True)


if __name__ == '__main__':
    update(*sys.argv[1:])
