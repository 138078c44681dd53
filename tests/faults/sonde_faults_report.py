# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The table of what was done to the daemon and what came of it.

Each case leaves a JSON file in $SONDE_FAULTS_REPORT; from all that are there the
table is written anew, to the file of that name with .md behind it.
"""

import fcntl
import json
import os
import pathlib

HEAD = '''# Faults and abuse: what was expected, what was seen

Written by `meson test --suite faults`; the rows are those of tests/faults/README.md.

| row | case | expected | seen | |
|---|---|---|---|---|
'''


def format_row(row):
    verdict = 'ok' if row['passed'] else '**FAILED**'
    cells = str(row['number']), row['case'], row['expected'], row['seen'], verdict
    return '| ' + ' | '.join(cell.replace('|', '/').replace('\n', ' ') for cell in cells) + ' |\n'


def write_table(directory):
    rows = [json.loads(path.read_text('utf-8')) for path in directory.glob('*.json')]
    rows.sort(key=lambda row: (row['number'], row['test']))
    table = HEAD + ''.join(format_row(row) for row in rows)
    directory.with_suffix('.md').write_text(table, 'utf-8')


def add(row):
    """Put a case into the table; tests may run at the same time."""
    if 'SONDE_FAULTS_REPORT' not in os.environ:
        return
    directory = pathlib.Path(os.environ['SONDE_FAULTS_REPORT'])
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / 'lock').open('w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (directory / (row['test'] + '.json')).write_text(json.dumps(row), 'utf-8')
        write_table(directory)
