# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Bytes that go through an echo and are compared when they come back."""

import contextlib
import os
import select
import socket

from sonde_daemon import DEADLINE
from sonde_harness import read_all


class Stream:
    """Sends what nobody can guess through an echo, and compares what comes back."""

    # Not a power of two: a byte that is lost or comes twice moves all the others.
    PERIOD = (1 << 20) + 7
    PATTERN = os.urandom(PERIOD) * 2
    WINDOW = 1 << 18

    def __init__(self, address):
        self.sock = socket.create_connection(address, DEADLINE)
        self.sock.setblocking(False)
        self.sent = 0
        self.received = 0
        self.buffer = bytearray(self.WINDOW)
        self.view = memoryview(self.buffer)
        self.pattern = memoryview(self.PATTERN)

    def expected(self, offset, size):
        start = offset % self.PERIOD
        return self.pattern[start:start + size]

    def send(self, limit):
        size = min(limit - self.sent, self.WINDOW - (self.sent - self.received))
        if size > 0:
            with contextlib.suppress(BlockingIOError):
                self.sent += self.sock.send(self.expected(self.sent, size))

    def receive(self):
        with contextlib.suppress(BlockingIOError):
            size = self.sock.recv_into(self.buffer)
            if size == 0:
                raise AssertionError(f'closed after {self.received} of {self.sent} bytes')
            if self.view[:size] != self.expected(self.received, size):
                raise AssertionError(f'wrong bytes behind {self.received}')
            self.received += size

    def run(self, limit):
        """Send up to so many bytes in all, and see them come back."""
        while self.received < limit:
            has_more = self.sent < limit and self.sent - self.received < self.WINDOW
            wants = [self.sock] if has_more else []
            readable, writable, _ = select.select([self.sock], wants, [], DEADLINE)
            if not readable and not writable:
                raise AssertionError(f'stuck with {self.received} of {self.sent} bytes')
            if writable:
                self.send(limit)
            if readable:
                self.receive()

    def close(self):
        """Finish, and see that the peer had nothing more to say."""
        self.sock.settimeout(DEADLINE)
        self.sock.shutdown(socket.SHUT_WR)
        rest = read_all(self.sock)
        self.sock.close()
        if rest:
            raise AssertionError(f'{len(rest)} bytes too many')
