# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A private system bus with the real polkitd on it, a daemon that is not root, and callers.

The daemon runs as the user `games`, who is on every Debian and owns nothing: the
shipped policies are installed with that name in the place of `sonde`. Nothing
outside a temporary directory is touched; polkitd, whose folders are fixed, sees
others there, in a mount namespace of its own.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import tempfile

from gi.repository import GLib
from sonde_daemon import Bus, Daemon, Process, wait_until
from sonde_harness import SondeTest

DAEMON_USER = 'games'
NOBODY = 65534
POLKITD = '/usr/lib/polkit-1/polkitd'
POLKIT_NAME = 'org.freedesktop.PolicyKit1'
DATA = pathlib.Path(__file__).resolve().parents[2] / 'data'
BUS_CONFIG = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <include>/usr/share/dbus-1/system.conf</include>
  <include>{}</include>
</busconfig>
'''
# polkitd looks for logind's folders, and finds nobody logged in.
IN_POLKIT_WORLD = '''
mount --bind "$1/actions" /usr/share/polkit-1/actions &&
mount --bind "$1/rules" /usr/share/polkit-1/rules.d &&
mount --bind "$1/rules" /etc/polkit-1/rules.d &&
mount -t tmpfs -o mode=755 tmpfs /run &&
mkdir -p /run/systemd/sessions /run/systemd/users /run/systemd/seats /run/systemd/machines &&
shift && exec "$@"
'''
GRANT = '''polkit.addRule(function(action, subject) {
  if (subject.user == "nobody" && %s) return polkit.Result.YES;
});
'''


@contextlib.contextmanager
def acting_as(uid):
    """Be another user for a moment, for whoever looks at a new connection."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


class SystemBus(Bus):
    """A system bus at an address that outlives it, and its polkitd."""

    def __init__(self, rules=''):
        if os.geteuid() != 0:
            raise AssertionError('only root can call as several users: run this test as root')
        self.directory = tempfile.TemporaryDirectory(prefix='sonde-system-bus-')
        self.root = pathlib.Path(self.directory.name)
        self.address = f'unix:path={self.root}/bus'
        for name in '.', 'actions', 'rules':
            (self.root / name).mkdir(exist_ok=True)
            (self.root / name).chmod(0o755)
        self.install_policies()
        self.write_rules(rules)
        self.start()
        self.start_polkit()

    def install_policies(self):
        bus_policy = (DATA / 'dbus' / 'org.sonde.Sonde1.conf').read_text('utf-8')
        actions = pathlib.Path(os.environ['POLKIT_POLICY'])
        (self.root / 'sonde.conf').write_text(
            bus_policy.replace('user="sonde"', f'user="{DAEMON_USER}"'), 'utf-8')
        (self.root / 'actions' / actions.name).write_text(
            actions.read_text('utf-8').replace('unix-user:sonde', f'unix-user:{DAEMON_USER}'),
            'utf-8')
        (self.root / 'bus.conf').write_text(BUS_CONFIG.format(self.root / 'sonde.conf'), 'utf-8')

    def write_rules(self, rules):
        (self.root / 'rules' / '50-test.rules').write_text(rules, 'utf-8')

    def start(self):
        self.start_bus(f'--config-file={self.root}/bus.conf', '--nosyslog')

    def start_polkit(self):
        command = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', IN_POLKIT_WORLD,
                   'sh', str(self.root), POLKITD, '--no-debug']
        self.polkit = Process(command, environment={'DBUS_SYSTEM_BUS_ADDRESS': self.address})
        connection = self.connect()
        wait_until(lambda: self.has_owner(connection, POLKIT_NAME), 'polkitd is there')
        connection.close_sync(None)

    @staticmethod
    def has_owner(connection, name):
        return connection.call_sync(
            'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
            'NameHasOwner', GLib.Variant('(s)', (name,)), None, 0, -1, None)[0]

    def set_rules(self, rules):
        """Let polkitd begin anew with other rules."""
        self.polkit.kill()
        self.write_rules(rules)
        self.start_polkit()

    @contextlib.contextmanager
    def polkit_stopped(self):
        """Make polkitd hang."""
        self.polkit.child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.polkit.child.send_signal(signal.SIGCONT)

    def connect_as(self, uid):
        with acting_as(uid):
            return self.connect()

    def stop(self):
        self.polkit.kill()
        super().stop()


class SystemDaemon(Daemon):
    """The daemon on a system bus, as a user of its own."""

    def __init__(self, bus, config=''):
        # The build directory may be one where that user cannot go.
        self.programs = tempfile.TemporaryDirectory(prefix='sonded-program-')
        os.chmod(self.programs.name, 0o755)
        libraries = pathlib.Path(os.environ['SONDED']).parents[1] / 'libsonde'
        for library in libraries.glob('libsonde-1.so*'):
            if library.is_file():
                shutil.copy(library, self.programs.name)
        program = shutil.copy(os.environ['SONDED'], self.programs.name)
        prefix = ['setpriv', f'--reuid={DAEMON_USER}', f'--regid={DAEMON_USER}', '--clear-groups',
                  'env', f'LD_LIBRARY_PATH={self.programs.name}']
        super().__init__(bus, config, prefix=prefix, program=program, arguments=['--system'])

    def kill(self):
        super().kill()
        self.programs.cleanup()


class SystemBusTest(SondeTest):
    """Has a system bus with a daemon, of which root may do all and nobody what the rules say."""

    rules = ''

    @classmethod
    def setUpClass(cls):
        cls.bus = SystemBus(cls.rules)
        cls.addClassCleanup(cls.bus.stop)
        cls.daemon = SystemDaemon(cls.bus, cls.config)
        cls.addClassCleanup(cls.daemon.kill)
        cls.nobody = cls.daemon.seen_by(cls.bus.connect_as(NOBODY))

    def denied(self, action, function, *arguments, **values):
        """Check that a call is denied for want of an action, and return why."""
        message = self.fails('NotAuthorized', function, *arguments, **values)
        self.assertIn(f'org.sonde.sonde1.{action}: ', message)
        return message

    def seen_by_nobody(self, server):
        return self.nobody.get_server(server.get('Name'))
