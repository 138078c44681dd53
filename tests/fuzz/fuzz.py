#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Let libFuzzer look for inputs that do harm, and then call the daemon at random.

Usage: fuzz.py BUILD_DIR [--long]

BUILD_DIR was set up with clang, -Dfuzz=true and sanitizers. What is found stays
in BUILD_DIR/found; what libFuzzer learned is kept in BUILD_DIR/corpus.
"""

import argparse
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent
FUNCTIONS = 'config', 'session', 'settings', 'sysctl'


def run(command, **environment):
    print('$', ' '.join(map(str, command)), flush=True)
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode == 0


def run_function(name, build, seconds):
    learned = build / 'corpus' / name
    found = build / 'found'
    learned.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    options = [f'-max_total_time={seconds}', '-timeout=10', '-rss_limit_mb=2048', '-max_len=8192',
               '-print_final_stats=1', '-verbosity=1', f'-artifact_prefix={found}/{name}-']
    return run([build / 'tests' / 'fuzz' / f'fuzz-{name}', *options, learned,
                SOURCE / 'corpus' / name])


def run_calls(build, count):
    # Meson gives the test its environment, with the sanitizers' options.
    return run(['meson', 'test', '-C', build, '--no-rebuild', '--timeout-multiplier', '0',
                '--print-errorlogs', 'fuzz-calls'], SONDE_FUZZ_COUNT=str(count))


def main():
    parser = argparse.ArgumentParser(prog='./dev fuzz')
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('--long', action='store_true', help='10 minutes each, a million calls')
    options = parser.parse_args()
    seconds, count = (600, 1000000) if options.long else (20, 100000)
    failed = [name for name in FUNCTIONS if not run_function(name, options.build, seconds)]
    if not run_calls(options.build, count):
        failed.append('calls')
    total = len(FUNCTIONS) + 1
    print(f'{total - len(failed)} passed, {len(failed)} failed', *failed)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
