# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Ratios, medians, and what they have to be."""

import dataclasses
from statistics import median, quantiles

from bench_peers import BASE, PEERS, SONDE

# Of each row: what it is about, and the figure that stands for it. A figure that is
# better when it is greater is turned over where costs are compared.
ROWS = {
    'echo-1': ('echo 64 B, 1 active', 'cpu_us'),
    'echo-64': ('echo 64 B, 64 active', 'cpu_us'),
    'echo-1000': ('echo 64 B, 1,000 active', 'cpu_us'),
    'echo-1-idle': ('echo 64 B, 1 active, idle beside', 'cpu_us'),
    'echo-64-idle': ('echo 64 B, 64 active, idle beside', 'cpu_us'),
    'echo-1000-idle': ('echo 64 B, 1,000 active, idle beside', 'cpu_us'),
    'stream': ('echo 64 KiB, 16 active', 'mb_s'),
    'upper': ('upper 64 KiB, 16 active', 'mb_s'),
    'connect': ('connect, 64 B, close; 64 at a time', 'cpu_us'),
    'memory': ('memory of an idle connection', 'bytes'),
}
GREATER_IS_BETTER = ('rate', 'mb_s')


class Table:
    """The records of one placement, and those that have none, by row, peer and turn."""

    def __init__(self, records, placement):
        records = [r for r in records if r['placement'] in (placement, None)]
        self.records = records
        self.cells = {(r['row'], r['peer'], r['round'], r['slice']): r for r in records}
        # A slice of a round: what was measured then was measured within seconds.
        self.turns = sorted({(r['round'], r['slice']) for r in records})
        self.peers = [peer for peer in PEERS if any(r['peer'] == peer for r in records)]

    def values(self, row, peer, figure):
        cells = (self.cells.get((row, peer, *turn)) for turn in self.turns)
        return [cell[figure] for cell in cells if cell is not None]

    def value(self, row, peer, figure):
        """The median over all turns, or None."""
        values = self.values(row, peer, figure)
        return median(values) if values else None

    def ratios(self, figure, one, other):
        """Of two pairs of row and peer: one to the other, in each turn that has both."""
        for turn in self.turns:
            cells = [self.cells.get((*pair, *turn)) for pair in (one, other)]
            # The bare loop has no memory at all for an idle connection.
            if None not in cells and cells[1][figure] > 0:
                yield cells[0][figure] / cells[1][figure]

    def ratio(self, figure, one, other):
        """The median of these, or None."""
        ratios = list(self.ratios(figure, one, other))
        return median(ratios) if ratios else None

    def cost_ratios(self, row, peer, other):
        """How much more one peer costs than another, in the figure that stands for the row."""
        figure = ROWS[row][1]
        if figure in GREATER_IS_BETTER:
            return list(self.ratios(figure, (row, other), (row, peer)))
        return list(self.ratios(figure, (row, peer), (row, other)))

    def cost_ratio(self, row, peer, other):
        """The median of these, or None."""
        ratios = self.cost_ratios(row, peer, other)
        return median(ratios) if ratios else None


def describe_spread(ratios):
    """Between which values the middle half of them lies."""
    if len(ratios) < 4:
        return ''
    low, _, high = quantiles(ratios, n=4)
    return f' [{low:.2f} {high:.2f}]'


@dataclasses.dataclass
class Bar:
    """One thing that Sonde has to reach."""

    text: str
    value: float
    limit: float
    at_least: bool = False
    unit: str = ''
    note: str = ''

    @property
    def met(self):
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def verdict(self):
        return 'met' if self.met else 'NOT MET'

    def describe_limit(self):
        return f'{">=" if self.at_least else "<="} {self.limit:g}{self.unit}'

    def describe_value(self):
        digits = 3 if not self.unit else 1 if self.value >= 10 else 2
        return f'{self.value:.{digits}f}{self.unit}{self.note}'


def ratio_bars(table):
    """The bars that are ratios: text, figure, one, other, limit, whether it is a minimum."""
    def to_base(row):
        return (row, SONDE), (row, BASE)

    for n_active, limit in ((1, 1.10), (64, 1.03), (1000, 1.03)):
        row = f'echo-{n_active}'
        yield f'CPU per echo, {n_active:,} active', 'cpu_us', *to_base(row), limit, False
        yield f'echoes/s, {n_active:,} active', 'rate', *to_base(row), 0.97, True
    yield 'MB/s, 64 KiB', 'mb_s', *to_base('stream'), 0.97, True
    yield 'MB/s, 64 KiB: upper to echo', 'mb_s', ('upper', SONDE), ('stream', SONDE), 0.95, True
    yield 'CPU per connection', 'cpu_us', *to_base('connect'), 1.05, False


def judge_idle(table):
    """Idle connections beside cost next to nothing; what they cost the bare loop is a note."""
    for n_active in (1, 64, 1000):
        row = f'echo-{n_active}'
        ratios = {peer: list(table.ratios('cpu_us', (f'{row}-idle', peer), (row, peer)))
                  for peer in (SONDE, BASE)}
        note = f' ({BASE} {median(ratios[BASE]):.3f})' if ratios[BASE] else ''
        if ratios[SONDE]:
            yield Bar(f'CPU per echo, {n_active:,} active: idle beside to none',
                      median(ratios[SONDE]), 1.05, note=describe_spread(ratios[SONDE]) + note)


def judge_ahead(table):
    """In each row, Sonde costs less than every peer that does not use epoll directly."""
    for row, (text, _) in ROWS.items():
        ratios = {peer: table.cost_ratios(row, SONDE, peer)
                  for peer in table.peers if peer not in (BASE, SONDE)}
        medians = {peer: median(values) for peer, values in ratios.items() if values}
        if medians and row != 'memory':
            nearest = max(medians, key=medians.get)
            yield Bar(f'ahead of all others: {text}', medians[nearest], 1,
                      note=f'{describe_spread(ratios[nearest])} ({nearest})')


def judge_others(table):
    """What D-Bus, memory and a second worker may cost."""
    def value_of(row, figure):
        return table.value(row, SONDE, figure)

    if table.values('memory', SONDE, 'bytes'):
        yield Bar('memory of an idle connection', value_of('memory', 'bytes'), 512, unit=' B')
    if table.values('workers-2', SONDE, 'cpu_us'):
        ratio, base = (table.ratio('cpu_us', ('workers-2', peer), ('workers-1', peer))
                       for peer in (SONDE, BASE))
        note = f' ({BASE} {base:.3f})' if base is not None else ''
        yield Bar('CPU per echo: two workers to one', ratio, 1.05, note=note)
    if table.values('control', SONDE, 'worst_ms'):
        extra = [cell['worst_ms'] - cell['worst_alone_ms'] for cell in table.records
                 if cell['row'] == 'control']
        yield Bar('property read while loaded, p99', value_of('control', 'read_p99_ms'), 10,
                  unit=' ms')
        yield Bar('worst echo during writes, above the worst without', median(extra), 20,
                  unit=' ms')
    if table.values('apply', SONDE, 'worst_ms'):
        yield Bar('an option applied to all idle connections', value_of('apply', 'time_ms'), 100,
                  unit=' ms')
        yield Bar('worst echo meanwhile', value_of('apply', 'worst_ms'), 5, unit=' ms')


def judge(table):
    """Hold what was measured in one placement against what was asked for."""
    bars = []
    for text, figure, one, other, limit, at_least in ratio_bars(table):
        ratios = list(table.ratios(figure, one, other))
        if ratios:
            bars.append(Bar(text, median(ratios), limit, at_least,
                            note=describe_spread(ratios)))
    return [*bars, *judge_idle(table), *judge_ahead(table)]
