# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""How long something takes, on a machine that has other things to do as well.

The kernel counts for each thread how long it ran, and how long it was ready to run
and had no CPU (schedstat in /proc). The latter is next to nothing on an idle machine.
On a busy one it is what the others cost, and not what is to be measured.
"""

import contextlib
import os
import pathlib
import time


def read_thread(directory):
    """Tell how long a thread ran and how long it waited for a CPU, in seconds."""
    ran, waited, _ = (directory / 'schedstat').read_text('ascii').split()
    return int(ran) / 1e9, int(waited) / 1e9


def read_threads(pid):
    """The same of the threads of a process, by their ids; of none if it is gone."""
    threads = {}
    with contextlib.suppress(OSError):
        for directory in pathlib.Path(f'/proc/{pid}/task').iterdir():
            with contextlib.suppress(OSError):
                threads[directory.name] = read_thread(directory)
    return threads


def read_own_thread():
    return {'own': read_thread(pathlib.Path('/proc/thread-self'))}


def read_steal():
    """Tell for how long somebody else had the CPUs of this virtual machine."""
    with open('/proc/stat', encoding='ascii') as file:
        return int(file.readline().split()[8]) / os.sysconf('SC_CLK_TCK')


class Usage:
    """Tells how long threads ran, and waited for a CPU, since it was made."""

    def __init__(self, read):
        self.read = read
        self.before = read()

    def since(self):
        ran, waited = 0, 0
        for name, (now_ran, now_waited) in self.read().items():
            before_ran, before_waited = self.before.get(name, (0, 0))
            ran += now_ran - before_ran
            waited += now_waited - before_waited
        return ran, waited


class Stopwatch:
    """Tells how long something takes that this thread and some processes do in turn.

    What they waited for CPUs does not count. Whoever sleeps waits for no CPU: a
    pause that is too long is as long on a busy machine. But who asks over and over
    waits over and over, so what is timed had better wait for an event.
    """

    def __init__(self, *pids):
        self.usages = [Usage(read_own_thread)]
        self.usages += [Usage(lambda pid=pid: read_threads(pid)) for pid in pids]
        self.steal = read_steal()
        self.start = time.monotonic()

    def read(self):
        took = time.monotonic() - self.start
        waited = sum(usage.since()[1] for usage in self.usages) + read_steal() - self.steal
        return max(took - waited, 0)


def measure_share(pid, seconds):
    """Tell in which share of the time in which it could have had a CPU a process had one."""
    usage, start = Usage(lambda: read_threads(pid)), time.monotonic()
    time.sleep(seconds)
    ran, waited = usage.since()
    took = time.monotonic() - start
    return ran / max(took - waited, ran, took / 100)


def compare(measure, other, limit, at_least=5, at_most=40):
    """Measure two things in turn, until the best of one is within limit times that of the other.

    Others who use the machine make a figure worse, hardly ever better; and in turn they
    get in the way of both. Returns the best of each, whatever came out.
    """
    ours, theirs = [], []
    while len(ours) < at_least or (min(ours) > limit * min(theirs) and len(ours) < at_most):
        theirs.append(other())
        ours.append(measure())
    return min(ours), min(theirs)
