# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Whatever is called on the bus, with whatever arguments, the daemon answers and lives."""

import os
import subprocess

from sonde_daemon import IN_NAMESPACE
from sonde_faults import SLOWDOWN
from sonde_harness import SondeTest

COUNT = int(os.environ.get('SONDE_FUZZ_COUNT', '5000'))
# The same calls each time, unless ./dev fuzz --long asks for others.
SEED = int(os.environ.get('SONDE_FUZZ_SEED', '1'))


class TestCalls(SondeTest):
    config = '[Server echo]\nListenAddresses=127.0.0.1:0\n'
    # A call may well ask for a server on a port that is ours.
    daemon_prefix = IN_NAMESPACE

    @classmethod
    def tearDownClass(cls):
        """The log may have been told to say more, or to go elsewhere; it may not say this."""
        cls.daemon.stop()
        cls.check_log(cls.daemon, allowed='WARNING')

    def tearDown(self):
        self.assertIsNone(self.daemon.child.poll(), 'the daemon is gone:\n' + self.daemon.log())
        self.check_log(self.daemon, allowed='WARNING')

    def test_random_calls(self):
        """Random calls of every member, many at a time, all get an answer."""
        command = [os.environ['SONDE_FUZZ_CALLS'], self.bus.address, str(COUNT), str(SEED)]
        done = subprocess.run(command, check=False, timeout=(120 + COUNT / 100) * SLOWDOWN,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = done.stdout.decode('utf-8', 'replace')
        print(f'seed {SEED}: {said}')
        self.assertEqual(done.returncode, 0, f'SONDE_FUZZ_SEED={SEED}: {said}')
        self.assertIn(' members\n', said)
        self.daemon.manager('Describe')
