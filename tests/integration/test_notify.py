# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The daemon tells the service manager what it does, sd_notify(3)."""

import contextlib
import ctypes
import os
import pathlib
import signal
import time

from sonde_daemon import DEADLINE, wait_until
from sonde_harness import SondeTest, read_exactly

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
WAIT_FOR_THREADS = 0x40000000
WATCHDOG_USEC = 1200000
GROUP = '[Server echo]\nListenAddresses=127.0.0.1:0\n'
LIBC = ctypes.CDLL(None, use_errno=True)


def trace(request, thread):
    zero = ctypes.c_void_p(0)
    if LIBC.ptrace(request, ctypes.c_int(thread), zero, zero) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def held(thread):
    """Stop one thread of the daemon, and no other."""
    trace(PTRACE_ATTACH, thread)
    os.waitpid(thread, WAIT_FOR_THREADS)
    try:
        yield
    finally:
        trace(PTRACE_DETACH, thread)


def find_thread(pid, name):
    tasks = pathlib.Path(f'/proc/{pid}/task').iterdir()
    return next(int(task.name) for task in tasks if (task / 'comm').read_text().strip() == name)


class TestNotify(SondeTest):
    config = GROUP

    def receive(self, daemon=None):
        """Return the next message as a dictionary."""
        daemon = daemon or self.daemon
        lines = daemon.notify.get()
        self.assertTrue(lines, 'no message')
        return dict(line.split('=', 1) for line in lines)

    def receive_with(self, key, daemon=None):
        """Return the next message that is not about the status alone; it must have this key."""
        while list(message := self.receive(daemon)) == ['STATUS']:
            pass
        self.assertEqual(message.get(key), '1', message)
        return message

    def start(self, **options):
        return self.start_daemon(GROUP, **options)

    def test_status(self):
        """The status tells how many servers there are and listen, whenever that changes."""
        server = self.create()
        self.daemon.wait_notified('STATUS=2 of 2 servers listening')
        server.call('Server.Stop')
        self.daemon.wait_notified('STATUS=1 of 2 servers listening')
        server.call('Server.Start')
        self.daemon.wait_notified('STATUS=2 of 2 servers listening')
        self.remove('test_status')
        self.daemon.wait_notified('STATUS=1 of 1 servers listening')

    def check_reload(self, reload):
        self.daemon.notify.drain()
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        reload()
        message = self.receive_with('RELOADING')
        self.assertGreaterEqual(int(message['MONOTONIC_USEC']), before)
        self.assertLess(int(message['MONOTONIC_USEC']), before + DEADLINE * 1000000)
        return self.receive_with('READY')['STATUS']

    def test_reload(self):
        """A reload is framed by RELOADING=1, with the time, and READY=1, by SIGHUP or by Reload."""
        self.daemon.config.write_text(GROUP + 'Mode=upper\n' + GROUP.replace('echo', 'b'), 'utf-8')
        status = self.check_reload(lambda: self.daemon.child.send_signal(signal.SIGHUP))
        self.assertEqual(status, '2 of 2 servers listening')
        self.daemon.config.write_text(GROUP, 'utf-8')
        status = self.check_reload(lambda: self.daemon.manager('Reload'))
        self.assertEqual(status, '1 of 1 servers listening')

    def test_bad_reload(self):
        """A reload that is refused ends with READY=1 as well, and the status tells why."""
        self.addCleanup(self.daemon.config.write_text, GROUP, 'utf-8')
        self.daemon.config.write_text(GROUP + 'Mode=lower\n', 'utf-8')
        status = self.check_reload(lambda: self.fails('InvalidSetting', self.daemon.manager,
                                                      'Reload'))
        self.assertRegex(status, r'Could not reload: .*:3: Mode=lower')

    def test_stopping(self):
        """STOPPING=1 comes with the connections that are waited for."""
        daemon = self.start()
        server = daemon.get_server('echo')
        sock = self.connect(server)
        server.wait_for(NConnections=1)
        daemon.notify.drain()
        sock.sendall(b'hello')
        self.assertEqual(read_exactly(sock, 5), b'hello')
        daemon.child.send_signal(signal.SIGTERM)
        message = self.receive_with('STOPPING', daemon)
        self.assertRegex(message['STATUS'], '^Waiting for [01] connections to end$')
        sock.close()
        self.assertEqual(daemon.wait(), 0)

    def start_watched(self):
        daemon = self.start(environment={'WATCHDOG_USEC': str(WATCHDOG_USEC)})
        daemon.wait_notified('WATCHDOG=1')
        return daemon

    def test_no_watchdog(self):
        """Without WATCHDOG_USEC nobody is told anything of a watchdog."""
        self.daemon.notify.drain()
        self.assertEqual(self.daemon.notify.get(timeout=0.3), [])

    def test_watchdog(self):
        """The watchdog is told of a daemon that lives, more than twice in its time."""
        daemon = self.start_watched()
        start = time.monotonic()
        for _ in range(9):
            daemon.wait_notified('WATCHDOG=1')
        self.assertLess(time.monotonic() - start, 4.5 * WATCHDOG_USEC / 1e6)
        daemon.stop()

    def test_watchdog_worker(self):
        """Of a daemon with one thread that does not serve, the watchdog is told nothing."""
        daemon = self.start_watched()
        with held(find_thread(daemon.pid, 'sonde-0')):
            wait_until(lambda: 'echo does not respond' in daemon.log(), 'the silence is noticed')
            daemon.notify.drain()
            n = daemon.log().count('does not respond')
            wait_until(lambda: daemon.log().count('does not respond') >= n + 3, 'more of it')
            self.assertEqual(daemon.notify.get(timeout=0), [])
        daemon.wait_notified('WATCHDOG=1')
        daemon.stop()

    def test_watchdog_main_loop(self):
        """Of a daemon whose main loop hangs, the watchdog is told nothing, though it serves."""
        daemon = self.start_watched()
        address = daemon.get_server('echo').addresses()[0]
        with held(daemon.pid):
            daemon.notify.drain()
            sock = self.connect_to(address)
            sock.sendall(b'still served')
            self.assertEqual(read_exactly(sock, 12), b'still served')
            sock.close()
            self.assertEqual(daemon.notify.get(timeout=WATCHDOG_USEC / 1e6), [])
        daemon.wait_notified('WATCHDOG=1')
        daemon.stop()
