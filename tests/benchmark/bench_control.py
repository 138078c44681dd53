# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The rows about D-Bus: what steering costs, and what it does to those who are served."""

import time

from bench_load import Load, measure

SATURATING = 64


def time_calls(function, count):
    """Call it with 0, 1, 2 ...; return how long each call took, in ms, in ascending order."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        function(number)
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)


def get_percentile(ordered, percentile):
    return ordered[min(len(ordered) - 1, int(len(ordered) * percentile / 100))]


def worst_ms(counts):
    return counts['latency_us']['100'] / 1000


def visit_control(plan, server):
    """Read and write properties while all connections are busy."""
    options = {'connections': SATURATING, 'cpu': None, 'warm_up': plan.warm_up}

    with Load(plan.programs, 'echo', server, seconds=0, **options) as load:
        reads = time_calls(lambda _: server.server.get('NAccepted'), plan.n_reads)
        load.finish()
    alone = measure(plan.programs, 'echo', server, seconds=plan.seconds, **options)
    with Load(plan.programs, 'echo', server, seconds=0, **options) as load:
        writes = time_calls(lambda number: server.server.set('NoDelay', number % 2 == 1),
                            plan.n_writes)
        beside = load.finish()
    yield [('control', None, 0, {
        'read_p50_ms': get_percentile(reads, 50),
        'read_p99_ms': get_percentile(reads, 99),
        'write_p50_ms': get_percentile(writes, 50),
        'write_p99_ms': get_percentile(writes, 99),
        'worst_alone_ms': worst_ms(alone),
        'worst_ms': worst_ms(beside),
        'echoes': beside['done'],
        'n_writes': plan.n_writes,
    })]


def visit_apply(plan, server):
    """Change an option of all connections while one of them is busy."""
    options = {'connections': 1, 'cpu': None, 'warm_up': plan.warm_up}

    with Load(plan.programs, 'idle', server, connections=plan.n_idle) as idle:
        alone = measure(plan.programs, 'echo', server, seconds=plan.seconds, **options)
        with Load(plan.programs, 'echo', server, seconds=0, **options) as load:
            times = time_calls(lambda number: server.server.update(NoDelay=number % 2 == 1),
                               plan.n_updates)
            beside = load.finish()
        idle.finish()
    yield [('apply', None, 0, {
        'time_ms': get_percentile(times, 50),
        'time_max_ms': times[-1],
        'worst_alone_ms': worst_ms(alone),
        'worst_ms': worst_ms(beside),
    })]
