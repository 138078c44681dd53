#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Let libFuzzer look for inputs that do harm, and then call the daemon at random.

Usage: fuzz.py BUILD_DIR [--long] [--seed N]

BUILD_DIR was set up with clang, -Dfuzz=true and sanitizers. What is found stays
in BUILD_DIR/found. Without --long the same numbers of the same inputs and calls
are tried each time, so that a change does not fail by chance. With it the seed is
another one each time, and what libFuzzer learned, in BUILD_DIR/corpus, is kept.
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent
# How many inputs are tried of each function, in about half a minute.
FUNCTIONS = {'config': 100000, 'session': 300000, 'settings': 100000, 'sysctl': 50000}
CALLS = 100000
LONG_SECONDS = 600
LONG_CALLS = 1000000
SEED = 1


def run(command, **environment):
    print('$', ' '.join(map(str, command)), flush=True)
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode == 0


def make_corpus(path, keep):
    """Make the folder where libFuzzer puts what led it further."""
    if not keep:
        shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, exist_ok=True)
    return path


def run_function(name, options):
    learned = make_corpus(options.build / ('corpus' if options.long else 'again') / name,
                          options.long)
    found = options.build / 'found'
    found.mkdir(exist_ok=True)
    bound = f'-max_total_time={LONG_SECONDS}' if options.long else f'-runs={FUNCTIONS[name]}'
    # Nothing else may depend on the clock: no looking whether the folders have
    # changed, and time enough for any input on a busy machine.
    # The allocator of GLib would hide leaks.
    return run([options.build / 'tests' / 'fuzz' / f'fuzz-{name}', f'-seed={options.seed}', bound,
                '-reload=0', '-timeout=100', '-rss_limit_mb=2048', '-max_len=8192',
                '-print_final_stats=1', '-verbosity=1', f'-artifact_prefix={found}/{name}-',
                learned, SOURCE / 'corpus' / name], G_SLICE='always-malloc')


def run_calls(options):
    # Meson gives the test its environment, with the sanitizers' options.
    return run(['meson', 'test', '-C', options.build, '--no-rebuild', '--timeout-multiplier', '0',
                '--print-errorlogs', 'fuzz-calls'],
               SONDE_FUZZ_COUNT=str(LONG_CALLS if options.long else CALLS),
               SONDE_FUZZ_SEED=str(options.seed))


def main():
    parser = argparse.ArgumentParser(prog='./dev fuzz')
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('--long', action='store_true', help='10 minutes each, a million calls')
    parser.add_argument('--seed', type=int, help='where chance begins')
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.randrange(1, 2 ** 32) if options.long else SEED
    print(f'seed {options.seed}')
    failed = [name for name in FUNCTIONS if not run_function(name, options)]
    if not run_calls(options):
        failed.append('calls')
    total = len(FUNCTIONS) + 1
    print(f'{total - len(failed)} passed, {len(failed)} failed', *failed)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
