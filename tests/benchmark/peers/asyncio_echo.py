#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""An echo server with asyncio's protocols; with --uvloop, on uvloop."""

import asyncio
import ctypes
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
BACKLOG = 4096


class Echo(asyncio.Protocol):
    """Sends back what comes, and reads nothing while the peer does not take it."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def serve():
    """Listen on a port that the kernel picks, and print it."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, '127.0.0.1', 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if '--uvloop' in sys.argv[1:]:
        import uvloop

        uvloop.install()
    asyncio.run(serve())


main()
