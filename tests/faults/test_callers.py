# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Callers who may not, callers who leave, and a polkit that is of no help."""

import pwd
import subprocess
import time

from gi.repository import Gio, GLib
from sonde_daemon import (BUS_NAME, DEADLINE, PROPERTIES_INTERFACE, ROOT, error_name,
                          wait_until)
from sonde_faults import SLOWDOWN, FaultsTest, fault, ping
from sonde_polkit import NOBODY, POLKIT_NAME, SystemBusTest
from test_authority import ACTIONS, LOG_CONTROL, OPEN, read_members
from test_system_bus import MANAGE, Pending

AS_NOBODY = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups']
NOT_AUTHORIZED = BUS_NAME + '.Error.NotAuthorized'
LOG_PATH = '/org/freedesktop/LogControl1'
# What else is read while polkit thinks, and how long that may take.
RESPONSE_LIMIT = 1 * SLOWDOWN


def to_words(value):
    """Write a value as busctl(1) takes it."""
    kind = value.get_type_string()
    if kind == 'v':
        inner = value.get_variant()
        return [inner.get_type_string(), *to_words(inner)]
    if kind in ('as', 'a{sv}'):
        return ['0']
    return ['true' if kind == 'b' else str(value.unpack())]


class CallersTest(FaultsTest, SystemBusTest):
    allowed_log = 'polkit cannot be asked; denying what needs it'

    @classmethod
    def warm_up(cls):
        super().warm_up()
        for _ in range(200):
            call = Pending(cls.nobody, cls.server.path, 'Server', 'GetConnection',
                           GLib.Variant('(t)', (1 << 40,)))
            call.wait()


class TestUnauthorised(CallersTest):
    def call_as_nobody(self, path, member, arguments):
        """Have a process of nobody's call; return its status and what it complains of."""
        interface, _, name = member.rpartition('.')
        types = ''.join(argument.get_type_string() for argument in arguments)
        words = [types] if types else []
        words += [word for argument in arguments for word in to_words(argument)]
        if types == 'ssv':
            interface, name = PROPERTIES_INTERFACE, 'Set'
        done = subprocess.run([*AS_NOBODY, 'busctl', '--address=' + self.bus.address, 'call',
                               BUS_NAME, path, interface, name, *words],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              timeout=DEADLINE, check=False)
        return done.returncode, done.stderr

    def get_state(self):
        return (self.daemon.call(ROOT, 'org.freedesktop.DBus.ObjectManager.GetManagedObjects'),
                self.daemon.call(LOG_PATH, PROPERTIES_INTERFACE + '.GetAll', '(s)', LOG_CONTROL))

    @fault(19, 'a process of nobody\'s calls every method and sets every writable property',
           f'denied, and nothing changes, but for the {len(OPEN)} methods that are open to all')
    def test_every_member(self):
        """Of all that there is, a process without rights may do what is written down, no more."""
        server = self.create('walked')
        client = self.connect(server)
        server.wait_for(NConnections=1)
        before = self.get_state()
        members = list(read_members(server.path))
        n_denied = 0
        for path, member, arguments in members:
            status, complaint = self.call_as_nobody(path, member, arguments)
            if member in OPEN:
                self.assertNotIn('org.sonde.sonde1.', complaint, member)
                continue
            self.assertNotEqual(status, 0, member)
            action = ACTIONS.get(member, 'manage-servers')
            self.assertIn(f'needs org.sonde.sonde1.{action}: ', complaint, member)
            self.assertEqual(self.get_state(), before, member)
            n_denied += 1
        self.assertEqual({member for _, member, _ in members} & OPEN, OPEN)
        self.assertGreater(n_denied, 40)
        ping(client)
        client.close()
        self.remove('walked')
        self.saw(f'{n_denied} of {len(members)} members denied, nothing changed')


class TestHungPolkit(CallersTest):
    rules = MANAGE

    def check_responsive(self):
        """Echo, and read what is open to all; tell how long both took at least."""
        def read():
            start = time.monotonic()
            self.nobody.get_server('echo').get('State')
            self.server.snapshot()
            return time.monotonic() - start
        return (self.best(self.echo, 0.25 * SLOWDOWN, tries=20),
                self.best(read, RESPONSE_LIMIT, tries=20))

    def change(self):
        try:
            self.server.set('Backlog', self.server.get('Backlog') + 1)
        except GLib.Error as error:
            self.assertEqual(error_name(error), NOT_AUTHORIZED)
            return False
        return True

    def ask_and_leave(self, n_callers, n_calls):
        """Have callers ask for what polkit would grant them, and be gone at once."""
        names = []
        for _ in range(n_callers):
            leaver = self.daemon.seen_by(self.bus.connect_as(NOBODY))
            calls = [Pending(leaver, self.server.path, 'Server', 'Stop', None)
                     for _ in range(n_calls)]
            # Answered after the others were received, because it was sent later.
            leaver.call(self.server.path, 'Statistics.GetSnapshot')
            names.append(leaver.connection.get_unique_name())
            leaver.connection.close_sync(None)
            # The bus lets the daemon wait for so many answers of polkit only.
            self.assertLessEqual({call.wait() for call in calls}, {None, NOT_AUTHORIZED})
            self.assertEqual([call.reply for call in calls], [None] * n_calls)
        return names

    @fault(20, '50 callers ask for 20 changes each and are gone before polkit, which hangs, '
           'has answered', 'nothing is done for them, nothing leaks; an echo within 250 ms and '
           'reads within 1 s meanwhile')
    def test_callers_vanish(self):
        """Whoever leaves before polkit has answered is forgotten, with all that he asked for."""
        with self.bus.polkit_stopped():
            names = self.ask_and_leave(50, 20)
            wait_until(lambda: not any(self.bus.has_owner(self.daemon.connection, name)
                                       for name in names), 'all have left')
            echo, read = self.check_responsive()
        # A change that polkit decides about after all of those.
        wait_until(self.change, 'polkit is asked again')
        self.assertEqual(self.server.get('State'), 'listening')
        self.saw(f'1000 calls forgotten; an echo took {echo * 1000:.1f} ms, '
                 f'two reads {read * 1000:.1f} ms')

    @fault(20, 'polkitd hangs', 'denied after 10 s, root too; an echo within 250 ms and reads '
           'within 1 s meanwhile; allowed again when it goes on')
    def test_hung(self):
        """While polkit hangs, reads and TCP go on, and changes are denied after a while."""
        client = self.connect(self.server)
        start = time.monotonic()
        with self.bus.polkit_stopped():
            calls = [Pending(caller, self.server.path, 'Server', 'Stop', None)
                     for caller in (self.daemon, self.nobody) for _ in range(50)]
            echo, read = self.check_responsive()
            while not all([call.is_done() for call in calls]):
                ping(client)
            took = time.monotonic() - start
            for call in calls:
                self.assertEqual(call.wait(), NOT_AUTHORIZED)
                self.assertIn('polkit did not answer within 10 s', call.error.message)
        self.assertGreater(took, 9)
        self.assertEqual(self.server.get('State'), 'listening')
        self.seen_by_nobody(self.server).set('NoDelay', True)
        client.close()
        self.saw(f'{len(calls)} calls denied after {took:.1f} s; an echo took '
                 f'{echo * 1000:.1f} ms, two reads {read * 1000:.1f} ms')

    @fault(20, '10 callers have 100 calls each waiting for polkit, which hangs for a while, and '
           'root makes one', 'that of root is allowed when it goes on, all others denied')
    def test_others(self):
        """Nobody can keep others from being checked by asking for much."""
        self.crowd()
        # What so many calls took at a time stays with GLib, once.
        self.before = self.read_usage()
        self.crowd()
        self.saw('1000 denied, one allowed, twice')

    def crowd(self):
        callers = [self.daemon.seen_by(self.bus.connect_as(NOBODY)) for _ in range(10)]
        with self.bus.polkit_stopped():
            calls = [Pending(caller, self.server.path, 'Server', 'GetConnection',
                             GLib.Variant('(t)', (1 << 40,)))
                     for caller in callers for _ in range(100)]
            for caller in callers:
                caller.call(self.server.path, 'Statistics.GetSnapshot')
            change = Pending(self.daemon, self.server.path, 'Server', 'Start', None)
            self.server.snapshot()
            self.assertFalse(change.is_done(), change.error)
        self.assertIsNone(change.wait(), change.error)
        self.assertEqual({call.wait() for call in calls}, {NOT_AUTHORIZED})
        for caller in callers:
            caller.connection.close_sync(None)

    @fault(20, 'polkitd is killed while it thinks, is absent for a while, and comes back',
           'denied at once, root too; allowed once it is back')
    def test_killed(self):
        """Without polkit every change is denied; it is asked again as soon as it is there."""
        n_told = self.daemon.log().count('polkit cannot be asked')
        with self.bus.polkit_stopped():
            calls = [Pending(caller, self.server.path, 'Server', 'Stop', None)
                     for caller in (self.daemon, self.nobody) for _ in range(50)]
            # They have been received, and polkit has been asked.
            self.nobody.get_server('echo').get('State')
            self.server.snapshot()
            self.bus.polkit.kill()
            start = time.monotonic()
            self.assertEqual({call.wait() for call in calls}, {NOT_AUTHORIZED})
            took = time.monotonic() - start
        self.assertLess(took, 5 * SLOWDOWN)
        for caller in self.daemon, self.nobody:
            view = caller.get_server('echo')
            message = self.denied('manage-servers', view.set, 'QuickAck', True)
            self.assertIn('polkit could not be asked', message)
            self.assertIs(view.get('QuickAck'), False)
        self.echo()
        self.assertEqual(self.daemon.log().count('polkit cannot be asked'), n_told + 1)
        self.bus.start_polkit()
        self.seen_by_nobody(self.server).set('QuickAck', True)
        self.saw(f'{len(calls)} calls denied within {took * 1000:.0f} ms, one log line')


class FalsePolkit:
    """Takes polkit's name, and answers whatever it is told to."""

    def __init__(self, connection):
        self.connection = connection
        self.answer = None
        self.n_asked = 0
        connection.add_filter(self.take)
        connection.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus',
                             'org.freedesktop.DBus', 'RequestName',
                             GLib.Variant('(su)', (POLKIT_NAME, 0)), None, 0, -1, None)

    def take(self, connection, message, is_incoming):
        if not is_incoming or message.get_message_type() != Gio.DBusMessageType.METHOD_CALL:
            return message
        self.n_asked += 1
        connection.send_message(self.answer(message), Gio.DBusSendMessageFlags.NONE)
        return None


def fail_with(name):
    return lambda message: message.new_method_error_literal(name, 'polkit says no such thing')


def answer_with(signature=None, *values):
    def answer(message):
        reply = message.new_method_reply()
        if signature is not None:
            reply.set_body(GLib.Variant(signature, values))
        return reply
    return answer


class TestBrokenPolkit(CallersTest):
    ANSWERS = {
        'an error of its own': fail_with(POLKIT_NAME + '.Error.Failed'),
        'an error of the bus': fail_with('org.freedesktop.DBus.Error.NoReply'),
        'an error of no meaning': fail_with('x.y'),
        'nothing in it': answer_with(),
        'another type': answer_with('(s)', 'yes'),
        'a bare yes': answer_with('(b)', True),
        'no': answer_with('((bba{ss}))', (False, False, {})),
        'a challenge': answer_with('((bba{ss}))', (False, True, {})),
        'no, at length': answer_with('((bba{ss}))', (False, False, {'x' * 1000: 'y' * 10 ** 6})),
    }

    @fault(20, 'polkit answers with ' + ', '.join(ANSWERS), 'denied every time; a yes is a yes')
    def test_answers(self):
        """Only a yes in the right form allows anything."""
        self.bus.polkit.kill()
        connection = self.bus.connect_as(pwd.getpwnam('polkitd').pw_uid)
        self.addCleanup(connection.close_sync, None)
        wait_until(lambda: not self.bus.has_owner(connection, POLKIT_NAME), 'polkit is gone')
        polkit = FalsePolkit(connection)
        nobody = self.seen_by_nobody(self.server)
        # What the longest message took stays with GLib, once.
        polkit.answer = self.ANSWERS['no, at length']
        self.denied('manage-servers', nobody.set, 'NoDelay', True)
        self.before = self.read_usage()
        for label, answer in self.ANSWERS.items():
            with self.subTest(label):
                before, polkit.answer = polkit.n_asked, answer
                for caller in self.server, nobody:
                    message = self.denied('manage-servers', caller.set, 'NoDelay', True)
                    self.assertLess(len(message), 2048)
                self.assertGreaterEqual(polkit.n_asked, before + 2)
                self.assertIs(self.server.get('NoDelay'), False)
                self.echo()
        polkit.answer = answer_with('((bba{ss}))', (True, False, {}))
        nobody.update(NoDelay=True)
        self.assertIs(self.server.get('NoDelay'), True)
        self.saw(f'{len(self.ANSWERS)} answers, each of them denied')
