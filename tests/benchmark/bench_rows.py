# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What is measured, and how.

A visit fills some rows with a server that was started for it. It goes in steps, each
as short as can be, so that peers who take turns are measured close to each other: the
speed of a machine that others share changes from second to second. A step is a list
of (row, placement, slice, figures).
"""

import contextlib
import dataclasses
import pathlib

import bench_control
from bench_load import PLACEMENTS, Load, echo_figures, measure, stream_figures
from bench_peers import BASE, PEERS, SLOW, SONDE, Peer, Sonde, read_resident_bytes

STREAM_SIZE = 65536
STREAM_CONNECTIONS = 16
ACTIVE = (1, 64, 1000)
CONNECTING = 64
N_WARM_UP = 20


@dataclasses.dataclass
class Plan:
    """How much to measure."""

    programs: pathlib.Path
    rounds: int = 7
    seconds: float = 0.75
    # In how many slices the time of a row is cut, except for those who are slow.
    slices: int = 3
    warm_up: float = 0.1
    count: int = 20000
    n_idle: int = 10000
    n_reads: int = 2000
    n_writes: int = 1000
    n_updates: int = 20
    # In how many of the rounds the others take part, those among them that are slow, and who
    # has idle connections beside.
    full_rounds: int = 5
    slow_rounds: int = 3
    idle_peers: tuple = tuple(PEERS)
    peers: tuple = tuple(PEERS)
    rows: tuple = ()

    def count_slices(self, peer):
        return 1 if peer in SLOW else self.slices

    def echo_options(self, peer):
        return {'seconds': self.seconds / self.count_slices(peer), 'warm_up': self.warm_up}


def make_quick(plan):
    """Cut a plan down to what takes a minute."""
    return dataclasses.replace(
        plan, rounds=3, seconds=0.25, slices=1, warm_up=0.08, count=6000, n_reads=500, n_updates=6,
        full_rounds=1, slow_rounds=1, idle_peers=(BASE, SONDE),
    )


@contextlib.contextmanager
def stopping(server):
    """Stop a server in the end, and hear how that went, unless something else is broken."""
    try:
        yield server
    except BaseException:
        with contextlib.suppress(Exception):
            server.stop()
        raise
    server.stop()


def by_turns(things, number):
    """In this order, and the next time in the other."""
    return list(things)[:: -1 if number % 2 else 1]


def cut(plan, server, round_number):
    """Each slice, in each placement."""
    for number in range(plan.count_slices(server.name)):
        for placement, cpu in by_turns(PLACEMENTS.items(), round_number + number):
            yield number, placement, cpu


def visit_echo(plan, server, round_number, n_active):
    """Echo alone, then with idle connections beside."""
    def run(row):
        for number, placement, cpu in cut(plan, server, round_number):
            counts = measure(plan.programs, 'echo', server, connections=n_active, cpu=cpu,
                             **plan.echo_options(server.name))
            yield [(row, placement, number, echo_figures(counts))]

    yield from run(f'echo-{n_active}')
    if server.name not in plan.idle_peers:
        return
    before = read_resident_bytes(server.pid)
    with Load(plan.programs, 'idle', server, connections=plan.n_idle) as idle:
        # A server that has had a thousand connections has memory to spare for others.
        if n_active == ACTIVE[0]:
            grown = read_resident_bytes(server.pid) - before
            yield [('memory', None, 0, {'bytes': grown / plan.n_idle})]
        yield from run(f'echo-{n_active}-idle')
        idle.finish()


def visit_stream(plan, server, round_number):
    """Large messages; for Sonde in both modes, by turns."""
    options = {'stream': {}}
    if server.name == SONDE:
        options['upper'] = {'port': server.get_port('upper'), 'upper': True}

    def run(row, placement, number, cpu):
        counts = measure(plan.programs, 'echo', server, connections=STREAM_CONNECTIONS,
                         size=STREAM_SIZE, cpu=cpu, **plan.echo_options(server.name),
                         **options[row])
        return row, placement, number, stream_figures(counts)

    for number, placement, cpu in cut(plan, server, round_number):
        yield [run(row, placement, number, cpu)
               for row in by_turns(options, round_number + number)]


def visit_connect(plan, server, round_number):
    """Connections that live for one message."""
    count = plan.count // plan.count_slices(server.name)
    for number, placement, cpu in cut(plan, server, round_number):
        counts = measure(plan.programs, 'connect', server, connections=CONNECTING, count=count,
                         cpu=cpu)
        yield [('connect', placement, number, echo_figures(counts))]


@contextlib.contextmanager
def two_workers(plan, server):
    """Give who has two workers, and the port: the same daemon, or another bare loop."""
    if server.name == SONDE:
        yield server, server.get_port('two-workers')
        return
    with stopping(Peer(plan.programs, server.name, '2', pinned=False)) as other:
        yield other, other.port


def visit_workers(plan, server, round_number):
    """The same load for one worker and for two, by turns."""
    with two_workers(plan, server) as two:
        servers = {'workers-1': (server, server.port), 'workers-2': two}

        def run(row, number):
            one, port = servers[row]
            counts = measure(plan.programs, 'echo', one, port=port, cpu=None, connections=64,
                             **plan.echo_options(server.name))
            return row, None, number, echo_figures(counts)

        for number in range(plan.count_slices(server.name)):
            yield [run(row, number) for row in by_turns(servers, round_number + number)]


@dataclasses.dataclass
class Visit:
    name: str
    run: callable
    rows: tuple
    only: tuple = ()  # these peers, or all
    pinned: bool = True


def echo_visit(n_active):
    rows = (f'echo-{n_active}', f'echo-{n_active}-idle')
    if n_active == ACTIVE[0]:
        rows += ('memory',)
    return Visit(rows[0], lambda *arguments: visit_echo(*arguments, n_active), rows)


VISITS = [
    *(echo_visit(n) for n in ACTIVE),
    Visit('stream', visit_stream, ('stream', 'upper')),
    Visit('connect', visit_connect, ('connect',)),
    # As in real life: nothing is pinned where two threads of the daemon matter.
    Visit('workers', visit_workers, ('workers-1', 'workers-2'), only=(BASE, SONDE), pinned=False),
    Visit('control', lambda plan, server, _: bench_control.visit_control(plan, server),
          ('control',), only=(SONDE,), pinned=False),
    Visit('apply', lambda plan, server, _: bench_control.visit_apply(plan, server),
          ('apply',), only=(SONDE,), pinned=False),
]


def choose_visits(plan):
    return [v for v in VISITS if not plan.rows or v.name in plan.rows or set(v.rows) & {*plan.rows}]


def count_rounds(plan, peer):
    """Tell how many of the rounds a peer takes part in."""
    if peer in (BASE, SONDE):
        return plan.rounds
    return plan.slow_rounds if peer in SLOW else plan.full_rounds


def choose_peers(plan, visit, round_number):
    """Who takes part, in an order that is another one in each round."""
    peers = [peer for peer in plan.peers
             if peer in (visit.only or PEERS) and round_number < count_rounds(plan, peer)]
    turn = round_number % max(1, len(peers))
    return peers[turn:] + peers[:turn]


def expected_rows(plan):
    """Row, peer and placement of all figures that there must be in the end."""
    for visit in choose_visits(plan):
        for peer in choose_peers(plan, visit, 0):
            for row in visit.rows:
                has_idle = peer in plan.idle_peers
                is_missing = (row == 'upper' and peer != SONDE) or (
                    (row == 'memory' or row.endswith('-idle')) and not has_idle)
                is_placed = visit.pinned and row != 'memory'
                if not is_missing:
                    yield from ((row, peer, p) for p in (PLACEMENTS if is_placed else [None]))


def warm_up(plan, server):
    """Let some connections come and go, as at any server that has been up for a while.

    Without it asyncio costs four times as much: each recv() of 256 KiB is an mmap(), until
    the first end of file frees such a buffer whole and malloc(3) raises its threshold.
    """
    measure(plan.programs, 'connect', server, connections=1, count=N_WARM_UP)


@contextlib.contextmanager
def running(plan, name, pinned):
    server = Sonde(pinned) if name == SONDE else Peer(plan.programs, name, pinned=pinned)
    with stopping(server):
        warm_up(plan, server)
        yield server


def run_visit(plan, visit, peer, round_number):
    """Start a server, take the steps of a visit, stop the server.

    The first step is empty: every server runs before anything is measured.
    """
    with running(plan, peer, visit.pinned) as server:
        yield []
        yield from visit.run(plan, server, round_number)


def check_verification(plan):
    """Make sure that wrong bytes are noticed: ask a server that changes them."""
    with running(plan, SONDE, True) as server:
        with Load(plan.programs, 'echo', server, port=server.get_port('upper'),
                  seconds=0.05, warm_up=0) as load:
            load.child.stdin.close()
            return load.child.wait() == 1 and '"wrong": 0,' not in load.child.stdout.read()
