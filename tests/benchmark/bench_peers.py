# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Start and stop the servers that are compared."""

import os
import pathlib
import re
import signal
import subprocess
import sys

from bench_load import SERVER_CPU, BenchmarkError

HERE = pathlib.Path(__file__).resolve().parent
ASYNCIO = ['/usr/bin/python3', '-B', str(HERE / 'peers' / 'asyncio_echo.py')]
BASE = 'epoll'
SONDE = 'sonde'
# The order in which they take their turns: who is compared most is next to the base.
PEERS = [BASE, SONDE, 'libuv', 'libevent', 'uvloop', 'asyncio', 'gio-source', 'gio-async']
# With ten thousand idle connections beside, a round of these takes a minute or two.
SLOW = ['gio-source', 'gio-async']
STOP_SECONDS = 20

CONFIG = '''
[Server echo]
Mode=echo
ListenAddresses=127.0.0.1:0
NoDelay=yes

[Server upper]
Mode=upper
ListenAddresses=127.0.0.1:0
NoDelay=yes

[Server two-workers]
Mode=echo
ListenAddresses=127.0.0.1:0
NoDelay=yes
Workers=2
'''


def pin(pid):
    """Keep all threads of a process on one CPU."""
    for thread in os.listdir(f'/proc/{pid}/task'):
        os.sched_setaffinity(int(thread), {SERVER_CPU})


class Peer:
    """An echo server in a process of its own, which prints its port."""

    def __init__(self, programs, name, *arguments, pinned=True):
        commands = {'asyncio': ASYNCIO, 'uvloop': [*ASYNCIO, '--uvloop']}
        self.name = name
        self.child = subprocess.Popen(
            [*commands.get(name, [programs / name]), *arguments], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )
        self.pid = self.child.pid
        line = self.child.stdout.readline()
        if not line:
            raise BenchmarkError(f'{name} did not start: status {self.child.wait()}')
        self.port = int(line)
        if pinned:
            pin(self.pid)

    def stop(self):
        """End it; it must have lived until now."""
        ended = self.child.poll()
        self.child.send_signal(signal.SIGTERM)
        status = self.child.wait(STOP_SECONDS)
        self.child.stdout.close()
        if ended is not None:
            raise BenchmarkError(f'{self.name} ended on its own: status {status}')


class Sonde:
    """The daemon, on a message bus that is ours alone."""

    bus = None
    name = SONDE

    def __init__(self, pinned=True):
        # What the integration tests use to steer a daemon, used here as well.
        import sonde_daemon

        if Sonde.bus is None:
            Sonde.bus = sonde_daemon.Bus()
        self.daemon = sonde_daemon.Daemon(Sonde.bus, CONFIG)
        self.pid = self.daemon.pid
        self.server = self.daemon.get_server('echo')
        self.port = self.get_port('echo')
        if pinned:
            pin(self.pid)

    def get_port(self, name):
        return self.daemon.get_server(name).addresses()[0][1]

    def stop(self):
        """End it; it must have lived until now, and must go in order."""
        from sonde_daemon import PROBLEM

        if self.daemon.child.poll() is not None:
            status, log = self.daemon.child.returncode, self.daemon.log()
            self.daemon.kill()
            raise BenchmarkError(f'sonded ended on its own: status {status}\n{log}')
        try:
            self.daemon.stop()
            problems = [line for line in self.daemon.log().splitlines() if PROBLEM.search(line)]
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise BenchmarkError(str(error)) from error
        finally:
            self.daemon.kill()
        if problems:
            raise BenchmarkError('sonded warned:\n' + '\n'.join(problems))

    @classmethod
    def stop_bus(cls):
        if cls.bus is not None:
            cls.bus.stop()
            cls.bus = None


def use_daemon(build):
    """Say which build of the daemon to start."""
    os.environ['SONDED'] = str(build / 'src' / 'sonded' / 'sonded')
    sys.path.insert(0, str(HERE.parent / 'integration'))


def read_resident_bytes(pid):
    """Tell how much memory a process has in use, exactly."""
    text = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text('ascii')
    return int(re.search(r'^Rss:\s+(\d+) kB', text, re.MULTILINE)[1]) * 1024
