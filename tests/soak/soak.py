#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Use a daemon in every way at once, for as long as is asked for.

Usage: soak.py --build DIR [--minutes N] [--seed N]

Clients of all kinds talk to its servers while settings change, configurations
are read again and the message bus dies and comes back. Every byte is compared,
by SHA-256 of all that was sent and all that came back. What the daemon used over
time is in DIR/soak/: usage.csv, usage.svg and summary.txt.
"""

import argparse
import collections
import hashlib
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SOURCE / 'integration')]

KIB = 1024
MIB = 1024 * KIB
SERVERS = {'echo': 'echo', 'upper': 'upper', 'once': 'echo-once', 'line': 'upper-line',
           'threads': 'echo'}
# What may change while bytes flow, and to what.
SETTINGS = {
    'NoDelay': (True, False),
    'QuickAck': (True, False),
    'KeepAlive': (True, False),
    'SendBuffer': (32 * KIB, 256 * KIB),
    'ReceiveBuffer': (32 * KIB, 256 * KIB),
    'NotSentLowWater': (16 * KIB, 0),
    'TypeOfService': (0x10, 0),
    'Backlog': (64, 512),
    'ReadSize': (0, 8 * KIB, 200 * KIB),
    'IdleTimeoutUSec': (0, 3600000000),
    'StallTimeoutUSec': (0, 3600000000),
    'UnsentMax': (64 * MIB, 128 * MIB),
    'MaxConnections': (0, 10000),
}
PLOT = '''
set terminal svg size 1000,900 font "sans-serif,13" background "white"
set output "{output}"
set datafile separator ","
set multiplot layout 4,1 title "Soak: what the daemon used"
set grid
set key off
set yrange [0:*]
set xlabel "seconds"
set ylabel "memory, MiB"
plot "{data}" using 1:2 with lines
set ylabel "files"
plot "{data}" using 1:3 with lines
set ylabel "threads"
plot "{data}" using 1:4 with lines
set ylabel "connections"
plot "{data}" using 1:5 with lines
'''
PATIENCE = 60
# More than this beside what was used when it had run for a while, and it grows.
GROWTH_MAX = 0.25
FDS_MAX = 4


class Tally:
    """What has come of the clients, counted by all of them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.problems = []

    def add(self, name, amount=1):
        with self.lock:
            self.counts[name] += amount

    def fail(self, text):
        with self.lock:
            self.problems.append(text)


def make_config():
    groups = []
    for name, mode in SERVERS.items():
        groups += [f'[Server {name}]', f'Mode={mode}', 'ListenAddresses=127.0.0.1:0', 'Backlog=512',
                   *(['Concurrency=threads', 'MaxThreads=256'] if name == 'threads' else []), '']
    return '\n'.join(groups)


def read_all(sock, digest, size=64 * KIB, pace=0.0):
    n_bytes = 0
    while chunk := sock.recv(size):
        digest.update(chunk)
        n_bytes += len(chunk)
        if pace:
            time.sleep(pace)
    return n_bytes


class Client(threading.Thread):
    """Does one kind of thing over and over, until it is told to stop."""

    def __init__(self, soak, kind, seed):
        super().__init__(name=kind.__name__, daemon=True)
        self.soak = soak
        self.kind = kind
        self.rng = random.Random(seed)

    def run(self):
        while not self.soak.over.is_set():
            try:
                self.kind(self)
                self.soak.tally.add(self.name)
            except (OSError, AssertionError) as error:
                self.soak.tally.fail(f'{self.name}: {error!r}')

    def connect(self, name):
        sock = socket.create_connection(self.soak.addresses[name], PATIENCE)
        sock.settimeout(PATIENCE)
        return sock

    def compare(self, sent, received, what):
        if sent.digest() != received.digest():
            raise AssertionError(f'{what}: what came back is not what was sent')

    def exchange(self, name, data, transform=bytes, pace=0.0):
        """Send and finish, read to the end, and compare."""
        received = hashlib.sha256()
        with self.connect(name) as sock:
            def send():
                try:
                    sock.sendall(data)
                    sock.shutdown(socket.SHUT_WR)
                except OSError as error:
                    self.soak.tally.fail(f'{self.name}: sending: {error!r}')
            sender = threading.Thread(target=send)
            sender.start()
            if pace:
                time.sleep(self.rng.random())
            read_all(sock, received, pace=pace)
            sender.join()
        self.compare(hashlib.sha256(transform(data)), received, name)
        self.soak.tally.add('bytes', len(data))

    def make_data(self, most):
        return self.rng.randbytes(self.rng.randrange(1, most))


def half_close(client):
    client.exchange(client.rng.choice(('echo', 'threads')), client.make_data(2 * MIB))


def to_upper(client):
    client.exchange('upper', client.make_data(MIB), lambda data: data.upper())


def slow_reader(client):
    client.exchange('echo', client.make_data(4 * MIB), pace=0.002)


def ping_pong(client):
    """Many small messages on one connection."""
    sent, received = hashlib.sha256(), hashlib.sha256()
    with client.connect('echo') as sock:
        for _ in range(client.rng.randrange(1, 500)):
            data = client.make_data(2000)
            sock.sendall(data)
            sent.update(data)
            left = len(data)
            while left > 0:
                chunk = sock.recv(left)
                if not chunk:
                    raise AssertionError('closed in the middle')
                received.update(chunk)
                left -= len(chunk)
            client.soak.tally.add('bytes', len(data))
    client.compare(sent, received, 'echo')


def one_shot(client):
    """A connection for each message."""
    received = hashlib.sha256()
    data = client.make_data(1000)
    with client.connect('once') as sock:
        sock.sendall(data)
        read_all(sock, received)
    client.compare(hashlib.sha256(data), received, 'once')
    line = client.make_data(1000).replace(b'\n', b' ') + b'\n'
    received = hashlib.sha256()
    with client.connect('line') as sock:
        sock.sendall(line)
        read_all(sock, received)
    client.compare(hashlib.sha256(line.upper()), received, 'line')
    client.soak.tally.add('bytes', len(data) + len(line))


def reset(client):
    """Break off, at any byte."""
    sock = client.connect(client.rng.choice(list(SERVERS)))
    sock.setblocking(False)
    try:
        sock.send(client.make_data(300 * KIB))
    except (BlockingIOError, ConnectionError):
        pass
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()
    time.sleep(0.005)


KINDS = (half_close, half_close, to_upper, slow_reader, slow_reader, ping_pong, ping_pong,
         one_shot, reset)


class Soak:
    def __init__(self, options):
        # These read $SONDED and load GLib.
        from sonde_daemon import Bus, Daemon
        self.bus = Bus()
        self.options = options
        self.rng = random.Random(options.seed)
        self.tally = Tally()
        self.over = threading.Event()
        self.samples = []
        self.slowest_return = 0
        self.start = time.monotonic()
        self.daemon = Daemon(self.bus, make_config())
        self.find_servers()
        self.addresses = {name: server.addresses()[0] for name, server in self.servers.items()}

    def find_servers(self):
        self.servers = {name: self.daemon.get_server(name) for name in SERVERS}

    def sample(self):
        """Read what the daemon uses."""
        proc = pathlib.Path(f'/proc/{self.daemon.pid}')
        status = dict(line.split(':', 1) for line in (proc / 'status').read_text().splitlines())
        row = (time.monotonic() - self.start, int(status['VmRSS'].split()[0]) / KIB,
               len(os.listdir(proc / 'fd')), int(status['Threads']),
               self.daemon.get_all('/org/sonde/Sonde1', 'Manager')['NConnections'])
        self.samples.append(row)
        return row

    def change_setting(self):
        name = self.rng.choice(list(SETTINGS))
        self.rng.choice(list(self.servers.values())).set(name, self.rng.choice(SETTINGS[name]))
        self.tally.add('settings')

    def reload(self):
        if self.rng.random() < 0.5:
            self.daemon.child.send_signal(signal.SIGHUP)
        else:
            self.daemon.manager('Reload')
        self.tally.add('reloads')

    def restart_bus(self):
        self.bus.kill()
        time.sleep(self.rng.random())
        self.bus.start()
        start = time.monotonic()
        self.daemon.attach()
        self.slowest_return = max(self.slowest_return, time.monotonic() - start)
        self.find_servers()
        self.tally.add('bus restarts')

    def control(self, seconds):
        """Change this and that until the time is over."""
        end = self.start + seconds
        bus_at = next_sample = self.start
        bus_every = max(5, min(60, seconds / 10))
        while (now := time.monotonic()) < end:
            self.change_setting()
            if self.rng.random() < 0.02:
                self.reload()
            if now > bus_at + bus_every:
                bus_at = now
                self.restart_bus()
            if now >= next_sample:
                next_sample = now + 0.5
                self.sample()
            time.sleep(0.01)

    def run(self):
        clients = [Client(self, kind, self.rng.random()) for kind in KINDS]
        self.sample()
        for client in clients:
            client.start()
        self.control(self.options.minutes * 60)
        self.over.set()
        for client in clients:
            client.join(PATIENCE)
        self.finish()

    def finish(self):
        """See that nothing is left, neither connections nor what they used."""
        for server in self.servers.values():
            server.wait_for(NConnections=0)
        # It had warmed up by then.
        early = self.samples[len(self.samples) // 4]
        end = time.monotonic() + PATIENCE
        while True:
            last = self.sample()
            good = (last[1] <= max(early[1], self.samples[0][1]) * (1 + GROWTH_MAX)
                    and abs(last[2] - self.samples[0][2]) <= FDS_MAX)
            if good or time.monotonic() > end:
                break
            time.sleep(0.1)
        if not good:
            self.tally.fail(f'used at first {self.samples[0]}, then {early}, in the end {last}')
        self.daemon.stop()
        warned = [line for line in self.daemon.log().splitlines()
                  if 'WARNING' in line or 'CRITICAL' in line or 'ERROR' in line]
        if warned:
            self.tally.fail('\n'.join(warned[:10]))


def write_results(soak, output):
    output.mkdir(parents=True, exist_ok=True)
    data = output / 'usage.csv'
    data.write_text(''.join(','.join(f'{value:.2f}' for value in row) + '\n'
                            for row in soak.samples), 'ascii')
    script = PLOT.format(output=output / 'usage.svg', data=data)
    subprocess.run(['gnuplot'], input=script, text=True, check=True)
    lines = [f'seed {soak.options.seed}, {soak.options.minutes:g} minutes']
    lines += [f'{name}: {count}' for name, count in sorted(soak.tally.counts.items())]
    lines.append(f'back on the bus within {soak.slowest_return:.1f} s')
    lines += [f'FAILED: {problem}' for problem in soak.tally.problems]
    lines.append(f'{len(soak.tally.problems)} problems')
    (output / 'summary.txt').write_text('\n'.join(lines) + '\n', 'utf-8')
    print('\n'.join(lines))


def main():
    parser = argparse.ArgumentParser(prog='./dev soak')
    parser.add_argument('--build', type=pathlib.Path, required=True)
    parser.add_argument('--minutes', type=float, default=1)
    parser.add_argument('--seed', type=int, default=random.randrange(2 ** 32))
    options = parser.parse_args()
    os.environ['SONDED'] = str(options.build.resolve() / 'src' / 'sonded' / 'sonded')
    os.environ['G_DEBUG'] = 'fatal-criticals'
    print(f'seed {options.seed}', flush=True)
    soak = Soak(options)
    try:
        soak.run()
    finally:
        soak.daemon.kill()
        soak.bus.stop()
        write_results(soak, options.build / 'soak')
    return 1 if soak.tally.problems else 0


if __name__ == '__main__':
    sys.exit(main())
