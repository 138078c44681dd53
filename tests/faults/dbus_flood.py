#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Call a method on a message bus as often and as fast as the bus takes it.

Usage: dbus_flood.py ADDRESS HOW N PATH INTERFACE MEMBER

HOW is no-reply (nobody wants to know), reply (every answer is read, and they are
counted by kind at the end) or deaf (answers are wanted, and never read).

Plain bytes on a socket: a D-Bus library would be the bottleneck. Prints "sent" when
all is sent or the bus has hung up, and what came back.
"""

import collections
import os
import selectors
import socket
import struct
import sys

from gi.repository import Gio

BUS_NAME = 'org.sonde.Sonde1'
SERIAL_OFFSET = 8
BATCH = 256
# More calls than the daemon lets one caller have in flight; not so many that the bus,
# which has a plain list of them, becomes slow.
WINDOW = 1000
METHOD_RETURN, ERROR = 2, 3


def make_message(path, interface, member, name=BUS_NAME, flags=Gio.DBusMessageFlags.NONE):
    message = Gio.DBusMessage.new_method_call(name, path, interface, member)
    message.set_serial(1)
    message.set_flags(flags)
    return bytearray(message.to_blob(Gio.DBusCapabilityFlags.NONE))


def with_serial(blob, serial):
    struct.pack_into('<I', blob, SERIAL_OFFSET, serial)
    return bytes(blob)


def connect(address):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(address.partition('unix:path=')[2].partition(',')[0])
    sock.sendall(b'\0AUTH EXTERNAL ' + str(os.geteuid()).encode().hex().encode() + b'\r\n')
    if not sock.recv(1024).startswith(b'OK'):
        sys.exit('the bus does not let us in')
    sock.sendall(b'BEGIN\r\n')
    hello = make_message('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'Hello',
                         'org.freedesktop.DBus')
    sock.sendall(with_serial(hello, 1))
    return sock


class Answers:
    """Takes messages out of a stream of bytes, and counts them."""

    def __init__(self):
        self.buffer = bytearray()
        self.counts = collections.Counter()

    def take(self, data):
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= 16:
            # Of the fixed part of the header: the sizes of the body and of the fields.
            body, _, fields = struct.unpack_from('<III', self.buffer, at + 4)
            size = 16 + -(-fields // 8) * 8 + body
            if len(self.buffer) - at < size:
                break
            self.count(bytes(self.buffer[at:at + size]))
            at += size
        del self.buffer[:at]

    def count(self, blob):
        if blob[1] == METHOD_RETURN:
            self.counts['answered'] += 1
        elif blob[1] == ERROR:
            message = Gio.DBusMessage.new_from_blob(blob, Gio.DBusCapabilityFlags.NONE)
            self.counts[message.get_error_name()] += 1

    def total(self):
        # The first one is that to Hello.
        return sum(self.counts.values()) - 1


def flood(sock, how, count, blob):
    """Send all, and with "reply" read until all is answered."""
    answers = Answers()
    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
    sock.setblocking(False)
    sent, pending = 0, b''
    while pending or sent < count or (how == 'reply' and answers.total() < count):
        may_send = how != 'reply' or sent - answers.total() < WINDOW
        if not pending and sent < count and may_send:
            batch = range(sent, min(sent + BATCH, count))
            pending = b''.join(with_serial(blob, 2 + n) for n in batch)
            sent = batch.stop
        wanted = selectors.EVENT_WRITE if pending else 0
        selector.modify(sock, wanted | (selectors.EVENT_READ if how == 'reply' else 0))
        for _, events in selector.select():
            if events & selectors.EVENT_WRITE:
                pending = pending[sock.send(pending):]
            if events & selectors.EVENT_READ:
                data = sock.recv(1 << 20)
                if not data:
                    raise ConnectionResetError
                answers.take(data)
    return answers


def main(address, how, count, path, interface, member):
    flags = Gio.DBusMessageFlags.NO_REPLY_EXPECTED if how == 'no-reply' else 0
    blob = make_message(path, interface, member, flags=Gio.DBusMessageFlags(flags))
    sock = connect(address)
    try:
        answers = flood(sock, how, int(count), blob)
    except ConnectionError:
        print('hung up', flush=True)
        return
    print('sent', *(f'{name}={n}' for name, n in answers.counts.items()), flush=True)
    # What was sent must be read before we leave, or the bus throws it away.
    sys.stdin.read()


if __name__ == '__main__':
    main(*sys.argv[1:])
