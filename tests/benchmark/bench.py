#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Compare Sonde with what people would pick instead.

The peers take turns in each of several rounds; what counts is the ratio to the
bare epoll loop in the same round. Fails if bytes are wrong, a server breaks or a
row is missing, and never because something is slow.
"""

import argparse
import dataclasses
import pathlib
import resource
import sys
import time

import bench_figures
import bench_peers
import bench_plot
import bench_report
import bench_rows
from bench_load import PLACEMENTS, BenchmarkError


class Progress:
    """Says on a terminal how far it has come and how long it may still take."""

    def __init__(self, n_steps):
        self.n_steps = n_steps
        self.n_done = 0
        self.began = time.monotonic()
        self.is_terminal = sys.stderr.isatty()

    def show(self, text):
        left = ''
        if self.n_done:
            passed = time.monotonic() - self.began
            seconds = round(passed / self.n_done * (self.n_steps - self.n_done))
            left = f'  {seconds // 60}:{seconds % 60:02} left'
        if self.is_terminal:
            print(f'\r\033[K[{self.n_done + 1}/{self.n_steps}] {text}{left}', end='',
                  file=sys.stderr, flush=True)

    def say(self, text):
        """Print a line that stays."""
        start = '\r\033[K' if self.is_terminal else ''
        print(f'{start}{text}', file=sys.stderr, flush=True)


def take_turns(visits, fail):
    """Have each of some peers take its next step, over and over; yield who measured what."""
    number = 0
    while visits:
        for peer in bench_rows.by_turns(visits, number):
            try:
                yield peer, next(visits[peer])
            except StopIteration:
                del visits[peer]
            except (BenchmarkError, AssertionError, OSError) as error:
                del visits[peer]
                fail(f'{peer}: {error}')
        number += 1


def run_rounds(plan, failures):
    """Measure everything; return a record for each round, slice, row and peer."""
    steps = [(number, visit) for number in range(plan.rounds)
             for visit in bench_rows.choose_visits(plan)]
    progress = Progress(len(steps))
    records = []

    def fail(text):
        failures.append(text)
        progress.say(f'FAILED {text}')

    for number, visit in steps:
        visits = {peer: bench_rows.run_visit(plan, visit, peer, number)
                  for peer in bench_rows.choose_peers(plan, visit, number)}
        for peer, figures in take_turns(visits, lambda text: fail(f'{visit.name}, {text}')):
            progress.show(f'round {number + 1} of {plan.rounds}: {visit.name}, {peer}')
            records += [{'round': number, 'slice': piece, 'row': row, 'peer': peer,
                         'placement': placement, **values}
                        for row, placement, piece, values in figures]
        progress.n_done += 1
    progress.say(f'{len(steps)} visits in {time.monotonic() - progress.began:.0f} s')
    return records


def find_missing(plan, records):
    there = {(record['row'], record['peer'], record['placement']) for record in records}
    return [f'no figures: {row}, {peer}, {placement or "any CPU"}'
            for row, peer, placement in bench_rows.expected_rows(plan)
            if (row, peer, placement) not in there]


def parse(argv):
    parser = argparse.ArgumentParser(prog='./dev bench', description=__doc__.split('\n\n')[0])
    parser.add_argument('--quick', action='store_true', help='everything, but less of it')
    parser.add_argument('--rounds', type=int, help='how many')
    parser.add_argument('--seconds', type=float, help='how long to measure a row')
    parser.add_argument('--peers', help='only these, separated by commas')
    parser.add_argument('--rows', help='only these, separated by commas')
    parser.add_argument('--build', type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument('--output', type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    names = {row for visit in bench_rows.VISITS for row in (visit.name, *visit.rows)}
    for wanted, known in ((arguments.peers, bench_peers.PEERS), (arguments.rows, names)):
        unknown = set((wanted or '').split(',')) - {*known, ''}
        if unknown:
            parser.error(f'unknown: {", ".join(unknown)} (known: {", ".join(sorted(known))})')
    return arguments


def make_plan(arguments):
    plan = bench_rows.Plan(programs=arguments.output / 'programs')
    if arguments.quick:
        plan = bench_rows.make_quick(plan)
    changes = {key: getattr(arguments, key) for key in ('rounds', 'seconds')
               if getattr(arguments, key)}
    if arguments.rounds and not arguments.quick:
        changes |= {'full_rounds': arguments.rounds, 'slow_rounds': arguments.rounds}
    if arguments.peers:
        wanted = arguments.peers.split(',')
        changes['peers'] = tuple(peer for peer in plan.peers if peer in wanted)
    if arguments.rows:
        changes['rows'] = tuple(arguments.rows.split(','))
    return dataclasses.replace(plan, **changes)


def main(argv):
    arguments = parse(argv[1:])
    plan = make_plan(arguments)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    bench_peers.use_daemon(arguments.build.resolve())
    failures = []
    machine = bench_report.describe_machine()
    try:
        if not bench_rows.check_verification(plan):
            failures.append('the load generator does not notice wrong bytes')
        records = run_rounds(plan, failures)
    finally:
        bench_peers.Sonde.stop_bus()
    failures += find_missing(plan, records)

    tables = {name: bench_figures.Table(records, name) for name in PLACEMENTS}
    bench_report.write(arguments.output, plan, machine, tables, records)
    for name, table in tables.items():
        bench_plot.plot(arguments.output, table, name)
    print(bench_report.format_summary(tables))
    print(f'The tables and plots are in {arguments.output}/')
    for failure in failures:
        print(f'FAILED {failure}')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
