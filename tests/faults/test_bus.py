# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The message bus may die as often as it likes; bytes do not notice."""

import time

from sonde_faults import MIB, SLOWDOWN, FaultsTest, fault
from sonde_daemon import wait_until

N_DEATHS = 10


class TestBus(FaultsTest):
    @fault(22, f'the bus is killed {N_DEATHS} times while 8 connections echo',
           'no byte and no connection lost; back with its name within 5 s each time')
    def test_bus_killed(self):
        """A daemon without a bus serves on, and is back when the bus is."""
        times = []
        before = self.server.snapshot()

        def kill(n_done):
            if n_done >= N_DEATHS:
                time.sleep(0.01)
                return
            self.bus.kill()
            wait_until(lambda: self.daemon.log().count('The bus is gone') == n_done + 1, 'told')
            self.echo()
            self.bus.start()
            start = time.monotonic()
            self.daemon.attach()
            self.assertEqual(self.server.addresses(), [self.address])
            times.append(time.monotonic() - start)
            self.assertLess(times[-1], 5 * SLOWDOWN)
        n_bytes, n_deaths = 0, 0
        while n_deaths < N_DEATHS:
            done, count = self.run_streams(8, 256 * MIB, lambda n, d=n_deaths: kill(n + d))
            n_bytes, n_deaths = n_bytes + done, n_deaths + count
        self.server.wait_for(NConnections=0)
        after = self.server.snapshot()
        self.assertEqual(after['NReset'], before['NReset'])
        self.saw(f'{n_bytes // MIB} MiB back, {len(times)} deaths, back after at most '
                 f'{max(times):.1f} s')
