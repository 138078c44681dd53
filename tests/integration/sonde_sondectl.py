# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A test case that runs sondectl, and a daemon that only listens to what it is asked."""

import json
import os
import subprocess

from gi.repository import Gio, GLib
from sonde_daemon import BUS_NAME, DEADLINE
from sonde_harness import SondeTest


class SondectlTest(SondeTest):
    def sondectl(self, *words, status=0, address=None):
        """Run sondectl, check its exit status and that it says nothing wrong."""
        command = [os.environ['SONDECTL'], f'--address={address or self.bus.address}', *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        if status == 0:
            self.assertEqual(done.stderr, '')
        return done.stderr if status else done.stdout

    def fails_in_one_line(self, status, *words, **options):
        """Check that a failure is one line that begins with the name of the program."""
        message = self.sondectl(*words, status=status, **options)
        self.assertEqual(len(message.splitlines()), 1, message)
        self.assertTrue(message.startswith('sondectl: '), message)
        self.assertNotIn('GDBus', message)
        return message

    def read_json_once(self, *words):
        """Run a verb that changes something, with the short form of JSON."""
        short = self.sondectl('--json=short', *words)
        self.assertEqual(len(short.splitlines()), 1)
        return json.loads(short)

    def read_json(self, *words):
        """Run a verb with both forms of JSON, which must hold the same; return it."""
        short = self.sondectl('--json=short', *words)
        self.assertEqual(len(short.splitlines()), 1)
        pretty = self.sondectl(*words, '--json=pretty')
        self.assertEqual(json.loads(short).__class__, json.loads(pretty).__class__)
        return json.loads(short)


class Listener:
    """Owns the daemon's name on a bus and refuses every call, but keeps its message.

    It answers calls of the members that it is given answers to.
    """

    def __init__(self, bus, **answers):
        self.connection = bus.connect()
        self.messages = []
        self.answers = answers
        self.connection.add_filter(self.take)
        self.connection.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus',
                                  'org.freedesktop.DBus', 'RequestName',
                                  GLib.Variant('(su)', (BUS_NAME, 0)), None, 0, -1, None)

    def take(self, connection, message, is_incoming):
        if not is_incoming or message.get_message_type() != Gio.DBusMessageType.METHOD_CALL:
            return message
        self.messages.append(message)
        answer = message.new_method_error_literal(f'{BUS_NAME}.Error.Failed', 'only listening')
        if message.get_member() in self.answers:
            answer = message.new_method_reply()
            answer.set_body(self.answers[message.get_member()])
        connection.send_message(answer, Gio.DBusSendMessageFlags.NONE)
        return None

    def stop(self):
        self.connection.close_sync(None)
