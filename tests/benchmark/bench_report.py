# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Write what was measured as Markdown and JSON."""

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re

from bench_figures import ROWS, judge, judge_others
from bench_peers import BASE, SONDE

# Figures of a row in the big table: heading, name, digits.
COLUMNS = {
    'cpu_us': [('per second', 'rate', 0), ('CPU both ends, us', 'cpu_us', 2),
               ('CPU server, us', 'server_us', 2), ('p50, us', 'p50_us', 0),
               ('p99, us', 'p99_us', 0), ('p99.9, us', 'p99.9_us', 0)],
    'mb_s': [('MB/s', 'mb_s', 0), ('CPU both ends, us per MB', 'cpu_us_mb', 0),
             ('CPU server, us per MB', 'server_us_mb', 0)],
    'bytes': [('bytes', 'bytes', 0)],
}


def format_table(heading, rows):
    """A Markdown table that is aligned as well."""
    rows = [heading, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heading))]

    def line(cells):
        first, *others = cells
        padded = [first.ljust(widths[0])] + [
            cell.rjust(width) for cell, width in zip(others, widths[1:])]
        return '| ' + ' | '.join(padded) + ' |'

    ruler = [('-' * (width - 1)) + ('-' if i == 0 else ':') for i, width in enumerate(widths)]
    return '\n'.join([line(heading), line(ruler), *map(line, rows[1:])])


def format_number(value, digits):
    return '' if value is None else f'{value:,.{digits}f}'


def format_ratios(table):
    """Cost of each peer to that of the bare loop."""
    peers = [peer for peer in table.peers if peer != BASE]
    rows = []
    for row, (text, _) in ROWS.items():
        base = (row, SONDE) if row == 'upper' else None
        cells = []
        for peer in peers:
            if base is not None:
                ratio = table.ratio('mb_s', ('stream', SONDE), base) if peer == SONDE else None
            else:
                ratio = table.cost_ratio(row, peer, BASE)
            cells.append(format_number(ratio, 2))
        if any(cells):
            rows.append([text + (' (to its own echo)' if base else ''), *cells])
    return format_table(['cost, epoll = 1', *peers], rows)


def format_bars(tables):
    """Those that a placement makes a difference to, in both; then the others."""
    judged = {name: judge(table) for name, table in tables.items()}
    rows = []
    for bars in zip(*judged.values()):
        cells = [f'{bar.describe_value()} {bar.verdict}' for bar in bars]
        rows.append([bars[0].text, bars[0].describe_limit(), *cells])
    others = [[bar.text, bar.describe_limit(), bar.describe_value(), bar.verdict]
              for bar in judge_others(next(iter(tables.values())))]
    parts = [format_table(['bar', 'limit', *judged], rows)] if rows else []
    parts += [format_table(['bar', 'limit', 'Sonde', ''], others)] if others else []
    return '\n\n'.join(parts)


def format_row(table, row):
    text, figure = ROWS[row]
    columns = COLUMNS[figure]
    lines = [[peer, *(format_number(table.value(row, peer, name), digits)
                      for _, name, digits in columns)]
             for peer in table.peers if table.values(row, peer, figure)]
    if not lines:
        return ''
    return f'### {text}\n\n' + format_table(['', *(c[0] for c in columns)], lines) + '\n'


def format_only_sonde(table):
    """The rows that only Sonde has."""
    rows = []
    for row in ('workers-1', 'workers-2', 'control', 'apply'):
        names = {name for cell in table.records if cell['row'] == row for name in cell}
        for name in sorted(names - {'row', 'peer', 'round', 'slice', 'placement'}):
            rows.append([row, name, format_number(table.value(row, SONDE, name), 2)])
    return format_table(['row', 'figure', 'median'], rows) if rows else ''


def describe_machine():
    """To be asked before the run, which is a load of its own."""
    text = pathlib.Path('/proc/cpuinfo').read_text('utf-8', 'replace')
    model = re.search(r'^model name\s*:\s*(.*)$', text, re.MULTILINE)
    return {
        'date': datetime.date.today().isoformat(),
        'processor': model[1] if model else platform.machine(),
        'cpus': len(os.sched_getaffinity(0)),
        'kernel': platform.release(),
        'load_average': os.getloadavg()[0],
    }


def describe_run(plan, machine):
    return (
        f'{machine["date"]}; {machine["cpus"]} CPUs, {machine["processor"]}; Linux '
        f'{machine["kernel"]}; load average before {machine["load_average"]:.1f}. '
        f'{plan.rounds} rounds, {plan.seconds:g} s for each row in {plan.slices} slices, '
        f'{plan.n_idle:,} idle connections where there are any. Medians.'
    )


def format_all_ratios(tables):
    return '\n\n'.join(f'Both ends on {name}:\n\n{format_ratios(table)}'
                       for name, table in tables.items())


def format_summary(tables):
    return f'{format_all_ratios(tables)}\n\n{format_bars(tables)}\n'


def format_figures(tables):
    for name, table in tables.items():
        rows = filter(None, (format_row(table, row) for row in ROWS))
        yield f'## Figures: both ends on {name}\n\n' + '\n'.join(rows).rstrip()


def write(output, plan, machine, tables, records):
    """Write table.md and table.json."""
    parts = [
        '# Benchmark', describe_run(plan, machine), '## Ratios to the bare epoll loop',
        format_all_ratios(tables), '## Bars', format_bars(tables), *format_figures(tables),
        '## Only Sonde', format_only_sonde(next(iter(tables.values()))),
    ]
    (output / 'table.md').write_text('\n\n'.join(filter(None, parts)) + '\n', 'utf-8')
    bars = {name: [*judge(table), *judge_others(table)] for name, table in tables.items()}
    data = {
        'machine': machine,
        'plan': dataclasses.asdict(plan) | {'programs': str(plan.programs)},
        'bars': {name: [dataclasses.asdict(bar) | {'met': bar.met} for bar in some]
                 for name, some in bars.items()},
        'records': records,
    }
    (output / 'table.json').write_text(json.dumps(data, indent=1) + '\n', 'utf-8')
