# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A port that the kernel picks is one at which every address of a name can be listened on."""

import sys

from sonde_daemon import IN_NAMESPACE
from sonde_harness import SondeTest

# The kernel has 32 ports to pick from, and a socket that the daemon inherits, and knows nothing
# of, holds each of 24: half of them for IPv4, the others for IPv6. At 8 both are free.
CROWDED = '''
import os, socket, sys
with open('/proc/sys/net/ipv4/ip_local_port_range', 'w', encoding='ascii') as file:
    file.write('40000 40031')
for port in range(40000, 40024):
    family, host = ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'))[port // 2 % 2]
    holder = socket.socket(family, socket.SOCK_STREAM)
    holder.bind((host, port))
    os.set_inheritable(holder.detach(), True)
os.execvp(sys.argv[1], sys.argv[1:])
'''


class TestPorts(SondeTest):
    daemon_prefix = [*IN_NAMESPACE, sys.executable, '-c', CROWDED]

    def test_crowded(self):
        """Where many ports are taken at one address of localhost, one is found that is not."""
        for _ in range(8):
            server = self.create('crowded', ListenAddresses=['localhost:0'])
            hosts, ports = zip(*server.addresses())
            self.assertEqual({'127.0.0.1', '::1'}, set(hosts))
            self.assertEqual(1, len(set(ports)))
            self.assertIn(ports[0], range(40024, 40032))
            self.daemon.manager('RemoveServer', '(s)', 'crowded')
