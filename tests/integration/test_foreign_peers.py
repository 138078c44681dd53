# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Programs that know nothing of Sonde get on with its servers."""

import asyncio
import hashlib
import os
import subprocess

from gi.repository import Gio, GLib
from sonde_daemon import DEADLINE
from sonde_harness import SondeTest

MIB = 1024 * 1024


def run(*command, data=b''):
    """Run a client with something on its standard input; return what it printed."""
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, timeout=DEADLINE, check=True)
    return done.stdout


class ForeignTest(SondeTest):
    def start(self, mode, **values):
        server = self.create(f'{mode}-{self.id().rpartition(".")[2]}'[:64], Mode=mode, **values)
        [(_, port)] = server.addresses()
        return server, port


class TestPrograms(ForeignTest):
    """The clients that people have at hand."""

    MESSAGES = [('echo', b'hello', b'hello'),
                ('echo-once', b'hello', b'hello'),
                ('upper', b'hello', b'HELLO'),
                ('upper-once', b'a' * 2000, b'A' * 1024),
                ('upper-line', b'one\ntwo\n', b'ONE\n')]

    def ask_all(self, *command):
        for mode, sent, expected in self.MESSAGES:
            with self.subTest(mode=mode):
                server, port = self.start(mode)
                answer = run(*[word.format(port=port) for word in command], data=sent)
                self.assertEqual(answer, expected)
                self.assertEqual(server.wait_for(NConnections=0)['NReset'], 0)

    def test_socat(self):
        """socat gets the answer of every mode."""
        self.ask_all('socat', '-t10', '-', 'TCP:127.0.0.1:{port}')

    def test_ncat(self):
        """ncat gets the answer of every mode."""
        self.ask_all('ncat', '127.0.0.1', '{port}')

    def test_socat_stream(self):
        """64 MiB through socat come back with the same SHA-256."""
        message = os.urandom(64 * MIB)
        server, port = self.start('echo')
        answer = run('socat', '-t30', '-b65536', '-', f'TCP:127.0.0.1:{port}', data=message)
        self.assertEqual(hashlib.sha256(answer).digest(), hashlib.sha256(message).digest())
        self.assertEqual(server.wait_for(NConnections=0)['BytesSent'], len(message))

    def test_ncat_stream(self):
        """8 MiB through ncat over IPv6 come back as they were."""
        message = os.urandom(8 * MIB)
        _, port = self.start('echo', ListenAddresses=['[::1]:0'])
        answer = run('ncat', '-6', '::1', str(port), data=message)
        self.assertEqual(hashlib.sha256(answer).digest(), hashlib.sha256(message).digest())


class TestAsyncio(ForeignTest):
    def run_async(self, coroutine):
        return asyncio.run(asyncio.wait_for(coroutine, DEADLINE))

    @staticmethod
    async def ask_once(port, message):
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(message)
        await writer.drain()
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    def test_streams(self):
        """asyncio streams get the answer of every mode, fifty of them at a time."""
        async def ask_many(port):
            return await asyncio.gather(*[self.ask_once(port, b'hello\n') for _ in range(50)])
        for mode in 'echo', 'echo-once', 'upper', 'upper-once', 'upper-line':
            server, port = self.start(mode)
            expected = b'HELLO\n' if mode.startswith('upper') else b'hello\n'
            self.assertEqual(self.run_async(ask_many(port)), [expected] * 50)
            snapshot = server.wait_for(NConnections=0)
            self.assertEqual((snapshot['NAccepted'], snapshot['NReset']), (50, 0))

    def test_large_stream(self):
        """A writer and a reader side by side get 16 MiB back whole."""
        message = os.urandom(16 * MIB)

        async def talk(port):
            reader, writer = await asyncio.open_connection('127.0.0.1', port)

            async def write():
                for start in range(0, len(message), 65536):
                    writer.write(message[start:start + 65536])
                    await writer.drain()
                writer.write_eof()
            _, answer = await asyncio.gather(write(), reader.read())
            writer.close()
            await writer.wait_closed()
            return answer
        _, port = self.start('echo')
        self.assertTrue(self.run_async(talk(port)) == message, 'the answer differs')

    def test_protocol(self):
        """A low-level asyncio protocol sees the answer, the end, and no exception."""
        class Client(asyncio.Protocol):
            def __init__(self, finished):
                self.finished = finished
                self.answer = b''

            def connection_made(self, transport):
                transport.write(b'hello')

            def data_received(self, data):
                self.answer += data

            def connection_lost(self, error):
                self.finished.set_result((self.answer, error))

        async def talk(port):
            loop = asyncio.get_running_loop()
            finished = loop.create_future()
            await loop.create_connection(lambda: Client(finished), '127.0.0.1', port)
            return await finished
        _, port = self.start('echo-once')
        self.assertEqual(self.run_async(talk(port)), (b'hello', None))


class TestGio(ForeignTest):
    def make_client(self):
        client = Gio.SocketClient.new()
        client.set_timeout(DEADLINE)
        client.set_enable_proxy(False)
        return client

    def test_sync(self):
        """A plain GSocketClient writes, shuts down its side, and reads until the end."""
        for mode in 'echo', 'upper', 'upper-line':
            server, port = self.start(mode)
            connection = self.make_client().connect_to_host('127.0.0.1', port, None)
            connection.get_output_stream().write_all(b'hello\n', None)
            connection.get_socket().shutdown(False, True)
            stream = Gio.DataInputStream.new(connection.get_input_stream())
            line, _ = stream.read_line(None)
            self.assertEqual(bytes(line), b'hello' if mode == 'echo' else b'HELLO')
            self.assertEqual(stream.read_bytes(1, None).get_size(), 0)
            connection.close(None)
            self.assertEqual(server.wait_for(NConnections=0)['NReset'], 0)

    def test_async(self):
        """The asynchronous calls of a GSocketClient talk to echo on a main loop."""
        _, port = self.start('echo')
        loop = GLib.MainLoop()
        outcome = {}

        def guard(function):
            def wrapped(source, result):
                try:
                    function(source, result)
                except Exception as error:
                    outcome['error'] = error
                    loop.quit()
            return wrapped

        @guard
        def connected_cb(client, result):
            outcome['connection'] = connection = client.connect_to_host_finish(result)
            connection.get_output_stream().write_all_async(b'hello', 0, None, written_cb)

        @guard
        def written_cb(stream, result):
            stream.write_all_finish(result)
            source = outcome['connection'].get_input_stream()
            source.read_bytes_async(5, 0, None, read_cb)

        @guard
        def read_cb(stream, result):
            outcome['answer'] = stream.read_bytes_finish(result).get_data()
            outcome['connection'].close_async(0, None, closed_cb)

        @guard
        def closed_cb(connection, result):
            outcome['closed'] = connection.close_finish(result)
            loop.quit()

        late = GLib.timeout_add_seconds(DEADLINE, loop.quit)
        self.addCleanup(GLib.source_remove, late)
        self.make_client().connect_to_host_async('127.0.0.1', port, None, connected_cb)
        loop.run()
        self.assertNotIn('error', outcome)
        self.assertEqual((outcome.get('answer'), outcome.get('closed')), (b'hello', True))
