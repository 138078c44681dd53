#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""How the tests of a client library use Sonde as the server to talk to."""

import socket
import unittest

import gi

gi.require_version('Sonde', '1')
from gi.repository import Sonde


class LineClient:
    """The client library under test: sends lines, and reads as many back."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=30)
        self.file = self.socket.makefile('rb')

    def ask(self, line):
        self.socket.sendall(line + b'\n')
        return self.file.readline().rstrip(b'\n')

    def close(self):
        self.file.close()
        self.socket.close()


class TestLineClient(unittest.TestCase):
    def test_answer(self):
        """The client gets each line back."""
        with Sonde.Server('echo', no_delay=True) as server:
            client = LineClient((server.host, server.port))
            self.assertEqual(client.ask(b'hello'), b'hello')
            self.assertEqual(client.ask(b'again'), b'again')
            client.close()

    def test_small_reads(self):
        """A server that takes three bytes at a time gets the whole line."""
        with Sonde.Server('upper', mode='upper', read_size=3) as server:
            client = LineClient((server.host, server.port))
            self.assertEqual(client.ask(b'a longer line'), b'A LONGER LINE')
            client.close()

    def test_server_goes_away(self):
        """The client notices when the server resets the connection."""
        with Sonde.Server('echo') as server:
            client = LineClient((server.host, server.port))
            client.ask(b'hello')
            connection_id = server.list_connections(0, 1)[0][0]
            server.close_connection(connection_id, True)
            with self.assertRaises(ConnectionError):
                while client.ask(b'hello'):
                    pass
            client.close()


if __name__ == '__main__':
    unittest.main()
