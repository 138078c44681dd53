# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Run the load generator, and turn what it counted into figures."""

import json
import os
import subprocess
import tempfile

CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU = CPUS[0]
# Where the client runs. Left to the scheduler, a run would be one or the other by chance,
# and the two differ more than the peers do.
PLACEMENTS = {'one CPU': SERVER_CPU}
if len(CPUS) > 1:
    PLACEMENTS['two CPUs'] = CPUS[-1]


class BenchmarkError(Exception):
    """Something is broken, which is never a matter of speed."""


class Load:
    """A load generator that runs until finish()."""

    def __init__(self, programs, mode, server, *, port=None, cpu=SERVER_CPU, **options):
        options |= {'port': port or server.port, 'server': server.pid}
        if cpu is not None:
            options['cpu'] = cpu
        arguments = [f'--{key.replace("_", "-")}={value}' for key, value in options.items()
                     if value is not True]
        arguments += [f'--{key}' for key, value in options.items() if value is True]
        self.name = f'{mode} {" ".join(arguments)}'
        self.errors = tempfile.TemporaryFile(mode='w+', encoding='utf-8')
        self.child = subprocess.Popen(
            [programs / 'load', mode, *arguments], text=True, encoding='utf-8',
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )
        self.ready = self.child.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()
        self.errors.close()

    def finish(self):
        """Let it end, or wait until it does; return what it counted."""
        self.child.stdin.close()
        counts = self.child.stdout.readline()
        status = self.child.wait()
        if status == 0 and counts:
            return json.loads(counts)
        self.errors.seek(0)
        said = self.errors.read().strip()
        raise BenchmarkError(f'load {self.name}: status {status} {counts.strip()} {said}')


def measure(programs, mode, server, **options):
    """Run a load to its end and return what it counted."""
    with Load(programs, mode, server, **options) as load:
        return load.finish()


def echo_figures(counts):
    """What the rows of small messages and of connections show."""
    done = counts['done']
    latency = counts['latency_us']
    return {
        'rate': done / counts['wall_s'],
        'cpu_us': (counts['client_s'] + counts['server_s']) / done * 1e6,
        'server_us': counts['server_s'] / done * 1e6,
        'p50_us': latency['50'],
        'p99_us': latency['99'],
        'p99.9_us': latency['99.9'],
    }


def stream_figures(counts):
    """What the rows of large messages show; a megabyte counts once, though it goes both ways."""
    megabytes = counts['bytes'] / 1e6
    return {
        'mb_s': megabytes / counts['wall_s'],
        'cpu_us_mb': (counts['client_s'] + counts['server_s']) / megabytes * 1e6,
        'server_us_mb': counts['server_s'] / megabytes * 1e6,
    }
