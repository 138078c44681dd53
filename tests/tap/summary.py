#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Count the tests of the last "meson test" and end with "N passed, N failed".

Usage: summary.py BUILD_DIR MESON_STATUS
       summary.py --failed BUILD_DIR

Each TAP line is a test; so is a program that does not speak TAP. A program that
goes wrong without a line that says so (killed, timed out, ended early, ran no
test at all) counts as one failed test. The exit status is 0 only if something
ran, and nothing failed or was skipped.

What failed may have run again, with --logbase=again; then that counts, and is told.
--failed prints what is to run again: all that failed, but for what a sanitizer has
reported, which is there whether it shows again or not.
"""

import json
import pathlib
import re
import sys

TAP_LINE = re.compile(r'(?P<ok>ok|not ok)\b[^#]*(?:#\s*(?P<skip>(?i:skip)))?')
REPORT = re.compile(r'Sanitizer|runtime error:')
TAP_PLAN = re.compile(r'1\.\.(?P<count>\d+)(?:\s*#\s*(?P<skip>(?i:skip)))?')


class Counts:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def total(self):
        return self.passed + self.failed + self.skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        text = f'{self.passed} passed, {self.failed} failed'
        return text if self.skipped == 0 else f'{text}, {self.skipped} skipped'


def count_tap(output):
    """Count the TAP lines of a program; also tell what its plan said."""
    counts = Counts()
    planned = None
    for line in output.splitlines():
        if match := TAP_LINE.match(line):
            if match['ok'] != 'ok':
                counts.failed += 1
            elif match['skip'] is not None:
                counts.skipped += 1
            else:
                counts.passed += 1
        elif match := TAP_PLAN.match(line):
            planned = int(match['count'])
            if planned == 0 and match['skip'] is not None:
                counts.skipped += 1
    return counts, planned


def count_program(entry):
    """Count a program that says all with its exit status."""
    counts = Counts()
    if entry['result'] in ('OK', 'EXPECTEDFAIL'):
        counts.passed = 1
    elif entry['result'] == 'SKIP':
        counts.skipped = 1
    else:
        counts.failed = 1
    return counts


def count_entry(entry, protocol):
    """Count one row of Meson's log; also give a remark if it needs one."""
    if protocol != 'tap':
        counts = count_program(entry)
        return counts, None if counts.passed > 0 else entry['result']
    counts, planned = count_tap(entry['stdout'])
    ran = counts.total()
    if ran == 0:
        counts.failed = 1
        return counts, f'ran no test ({entry["result"]}, exit status {entry["returncode"]})'
    if entry['result'] in ('OK', 'SKIP'):
        return counts, str(counts) if counts.failed + counts.skipped > 0 else None
    counts.failed = max(counts.failed, 1)
    if planned is None or ran < planned:
        return counts, f'ended after {ran} of {planned or "an unknown number of"} tests'
    return counts, f'{counts} ({entry["result"]}, exit status {entry["returncode"]})'


def read_protocols(build_dir):
    tests = json.loads((build_dir / 'meson-info' / 'intro-tests.json').read_text('utf-8'))
    return {test['name']: test['protocol'] for test in tests}


def read_log(build_dir, base):
    """Read Meson's log: a JSON object on each line, also with --setup."""
    for path in sorted((build_dir / 'meson-logs').glob(base + '*.json')):
        for line in path.read_text('utf-8').splitlines():
            entry = json.loads(line)
            # Meson logs "project:suite / name".
            yield entry['name'].rsplit(' / ', 1)[-1], entry


def list_failed(build_dir):
    """Tell which programs are to run again."""
    for name, entry in read_log(build_dir, 'testlog'):
        output = entry.get('stdout', '') + entry.get('stderr', '')
        if entry['result'] not in ('OK', 'EXPECTEDFAIL', 'SKIP') and not REPORT.search(output):
            yield name


def summarise(build_dir, meson_status):
    """Print a remark for each odd program, and return the counts."""
    counts = Counts()
    protocols = read_protocols(build_dir)
    again = dict(read_log(build_dir, 'again'))
    for name, entry in read_log(build_dir, 'testlog'):
        if name in again:
            print(f'{name}: ran again, for it had failed ({entry["result"]})')
        program, remark = count_entry(again.get(name, entry), protocols[name])
        counts.add(program)
        if remark is not None:
            print(f'{name}: {remark}')
    if meson_status != 0 and counts.failed == 0:
        print(f'meson test itself failed, with status {meson_status}')
        counts.failed = 1
    return counts


def main(argv):
    if argv[1] == '--failed':
        print('\n'.join(list_failed(pathlib.Path(argv[2]))))
        return 0
    counts = summarise(pathlib.Path(argv[1]), int(argv[2]))
    print(counts)
    return 0 if counts.passed > 0 and counts.failed == counts.skipped == 0 else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv))
