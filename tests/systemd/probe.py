#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Try what a service might do, and print which of it worked, as JSON."""

import ctypes
import json
import mmap
import os
import pathlib
import socket
import stat
import sys
import tempfile

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PER_LINUX32 = 8
MS_BIND = 4096


def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def write(directory):
    with tempfile.NamedTemporaryFile(dir=directory):
        pass


def map_executable():
    pages = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    pages.close()


def make_setuid():
    with tempfile.NamedTemporaryFile() as file:
        os.fchmod(file.fileno(), 0o4755)


def become_root():
    # Also for root this is a change, of nothing.
    os.setgroups([])
    os.setresuid(0, 0, 0)


def make_device():
    with tempfile.TemporaryDirectory() as directory:
        os.mknod(directory + '/null', stat.S_IFCHR | 0o600, os.makedev(1, 3))


def write_sysctl():
    path = pathlib.Path('/proc/sys/net/core/somaxconn')
    path.write_text(path.read_text())


def see_init():
    pathlib.Path('/proc/1/status').read_text()


ATTEMPTS = {
    'write /etc': lambda: write('/etc'),
    'write /usr': lambda: write('/usr'),
    'write /var': lambda: write('/var'),
    'write /run': lambda: write('/run'),
    'read /home': lambda: os.listdir('/root'),
    'make a device': make_device,
    'write a sysctl': write_sysctl,
    'see another process': see_init,
    'packet socket': lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    'raw socket': lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
    'writable code': map_executable,
    'setuid file': make_setuid,
    'become root': become_root,
    'new namespace': lambda: checked(LIBC.unshare(CLONE_NEWNET)),
    'mount': lambda: checked(LIBC.mount(b'/tmp', b'/tmp', None, MS_BIND, None)),
    'other personality': lambda: checked(LIBC.personality(PER_LINUX32)),
    'privileged port': lambda: socket.create_server(('127.0.0.1', 81)).close(),
    'host name': lambda: socket.sethostname(socket.gethostname()),
    'read a sysctl': lambda: pathlib.Path('/proc/sys/net/core/somaxconn').read_text(),
    'TCP socket': lambda: socket.create_server(('127.0.0.1', 0)).close(),
    'system bus': lambda: socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket'),
}


def attempt(function):
    try:
        function()
    except OSError as error:
        return str(error)
    return ''


def main():
    json.dump({name: attempt(function) for name, function in ATTEMPTS.items()}, sys.stdout)


if __name__ == '__main__':
    main()
