# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Draw what was measured, with gnuplot."""

import subprocess

from bench_figures import ROWS
from bench_peers import BASE
from bench_load import BenchmarkError

SETUP = '''
set terminal svg size 1000,480 font "sans-serif,13" background "white"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 border -1
set boxwidth 0.9
set grid y
set key outside right top
set xtics nomirror
'''
ECHO_ROWS = [row for row in ROWS if row.startswith('echo')]


def quote(text):
    return '"' + text.replace('"', "'") + '"'


def make_block(table, rows, get_value):
    """The data: a line for each row, a column for each peer."""
    lines = []
    for row in rows:
        values = [get_value(row, peer) for peer in table.peers]
        if any(value is not None for value in values):
            title = ROWS[row][0].replace(', ', '\\n')
            cells = ['?' if value is None else f'{value:g}' for value in values]
            lines.append(' '.join([quote(title), *cells]))
    return lines


def draw(output, name, title, table, lines, setup=''):
    """Run gnuplot on a block of data."""
    if not lines:
        return
    plots = ', '.join(
        f'$data using {i + 2}:xtic(1) title {quote(peer)}' if i == 0 else
        f'$data using {i + 2} title {quote(peer)}'
        for i, peer in enumerate(table.peers))
    script = '\n'.join([
        SETUP, 'set datafile missing "?"', setup, f'set title {quote(title)}',
        f'set output {quote(str(output / (name + ".svg")))}',
        '$data << END', *lines, 'END', f'plot {plots}', '',
    ])
    done = subprocess.run(['gnuplot'], input=script, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f'gnuplot cannot draw {name}: {done.stderr}')


def plot(output, table, placement):
    """Draw cost to the bare loop, CPU and latency in a placement; and memory, which has none."""
    suffix = '-' + placement.replace(' ', '-').lower()
    draw(output, 'ratios' + suffix,
         f'Cost, to the bare epoll loop in the same round; both ends on {placement}', table,
         make_block(table, [row for row in ROWS if row not in ('upper', 'memory')],
                    lambda row, peer: table.cost_ratio(row, peer, BASE)),
         'set logscale y 2; set xtics font ",9"')
    draw(output, 'cpu' + suffix, f'CPU time of both ends per 64-byte echo, us, on {placement}',
         table,
         make_block(table, ECHO_ROWS, lambda row, peer: table.value(row, peer, 'cpu_us')),
         'set logscale y; set xtics font ",10"')
    draw(output, 'latency' + suffix, f'99 of 100 echoes take at most, us, on {placement}', table,
         make_block(table, ECHO_ROWS, lambda row, peer: table.value(row, peer, 'p99_us')),
         'set logscale y; set xtics font ",10"')
    draw(output, 'memory', 'User-space memory of an idle connection, bytes', table,
         make_block(table, ['memory'], lambda row, peer: table.value(row, peer, 'bytes')),
         'set yrange [0:*]')
