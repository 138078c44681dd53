# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Clients who do not exist ask to be let in, by the thousand."""

import random
import socket
import struct
import time

import test_network
from sonde_faults import SLOWDOWN, fault, ping, run
from test_network import OURS, THEIRS

N_SYNS = 50000
N_HOSTS = 200
SYN = 0x02

# The test and its daemon are joined by a wire here as well.
setUpModule = test_network.setUpModule


def add_up(data):
    """Make the checksum of IP and TCP."""
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def make_syn(source, target, port):
    """Make a packet that begins a connection, from somebody else's address."""
    addresses = socket.inet_aton(source) + socket.inet_aton(target)

    def make_segment(checksum):
        return struct.pack('!HHIIBBHHH', random.randrange(1024, 65536), port,
                           random.getrandbits(32), 0, 5 << 4, SYN, 64240, checksum, 0)
    state = random.getstate()
    pseudo = addresses + struct.pack('!BBH', 0, socket.IPPROTO_TCP, 20)
    checksum = add_up(pseudo + make_segment(0))
    # The same numbers again.
    random.setstate(state)
    segment = make_segment(checksum)
    # The kernel fills in the sum of the IP header.
    header = struct.pack('!BBHHHBBH', 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0)
    return header + addresses + segment


class TestSynFlood(test_network.WireTest):
    config = '[Server echo]\nListenAddresses=0.0.0.0:0\nBacklog=64\n'

    def send_syns(self, count):
        """Send from hosts of the network that do not exist, each time from another port."""
        hosts = [f'{OURS.rpartition(".")[0]}.{host}' for host in range(10, 10 + N_HOSTS)]
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
            for i in range(count):
                sock.sendto(make_syn(hosts[i % N_HOSTS], THEIRS, self.address[1]), (THEIRS, 0))

    def count_half_open(self):
        shown = run('nsenter', '--target', str(self.daemon.pid), '--net', 'ss', '-Htn', 'state',
                    'syn-recv')
        return len(shown.splitlines())

    @fault(4, f'a flood of {N_SYNS} SYNs from {N_HOSTS} hosts that do not exist',
           'CPU of the daemon < 5 %; an open connection echoes, a new one within 250 ms')
    def test_syn_flood(self):
        """Who never finishes connecting takes nothing from those who do."""
        served = self.connect_many(1)[0]
        flooding = self.in_thread(self.send_syns, N_SYNS)
        before, start, half_open, times = self.read_cpu(), time.monotonic(), 0, []
        while not flooding.done():
            ping(served)
            times.append(self.echo())
            half_open = max(half_open, self.count_half_open())
        flooding.result()
        took = time.monotonic() - start
        cpu = self.read_cpu() - before
        self.assertGreater(half_open, 0, 'no SYN has arrived')
        self.assertLessEqual(min(times), 0.25 * SLOWDOWN)
        self.best(self.echo, 0.25 * SLOWDOWN)
        # That of the echoes.
        self.assertLess(cpu / took, 0.05 * SLOWDOWN)
        snapshot = self.server.snapshot()
        self.assertLessEqual(snapshot['AcceptQueuePeak'], 65)
        served.close()
        self.saw('{:.0f} SYNs/s, {} half open, {} echoes on new connections, the fastest after '
                 '{:.1f} ms, CPU {:.1%}'.format(N_SYNS / took, half_open, len(times),
                                                min(times) * 1000, cpu / took))
