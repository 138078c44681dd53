# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The message bus may die as often as it likes; bytes do not notice."""

import time

from gi.repository import Gio
from sonde_daemon import BUS_NAME, ROOT, dispatch, wait_until
from sonde_faults import MIB, SLOWDOWN, FaultsTest, fault, ping

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

    @fault(22, 'the bus is killed, and somebody listens for changes on the next one',
           'PropertiesChanged, InterfacesAdded, InterfacesRemoved as before')
    def test_signals_return(self):
        """Who comes back with the bus hears what he heard before."""
        expected = {(self.server.path, 'PropertiesChanged'), (ROOT, 'InterfacesAdded'),
                    (ROOT, 'InterfacesRemoved')}
        kept = self.connect(self.server)
        for _ in range(2):
            self.listen(expected)
            n_deaths = self.daemon.log().count('The bus is gone')
            self.bus.kill()
            wait_until(lambda n=n_deaths: self.daemon.log().count('The bus is gone') > n, 'told')
            ping(kept)
            self.bus.start()
            self.daemon.attach()
        self.listen(expected)
        ping(kept)
        kept.close()
        self.server.wait_for(NConnections=0)
        self.saw('all three, before and after')

    def listen(self, expected):
        """Change something of each kind, and wait for the signals that come of it."""
        seen = set()
        # Not over the same connection, which would be closed with the bus.
        listener = self.bus.connect()
        listener.signal_subscribe(
            BUS_NAME, None, None, None, None, Gio.DBusSignalFlags.NONE,
            lambda _connection, _sender, path, _interface, name, _body: seen.add((path, name)))
        # The bus has taken note when it answers.
        self.daemon.seen_by(listener).manager('Describe')
        self.server.set('Backlog', self.server.get('Backlog') + 1)
        self.create('heard')
        self.remove('heard')
        wait_until(lambda: dispatch() and expected <= seen, 'three kinds of signals')
        listener.close_sync(None)
