# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Sonde as it is installed, under the real systemd and on the real system bus."""

import contextlib
import json
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import threading
import time
import unittest

DEADLINE = 30
SERVICE = 'sonded.service'
CONFIG = pathlib.Path('/run/sonde/sonded.conf.d')
DROP_INS = pathlib.Path('/run/systemd/system/sonded.service.d')
PROBE = pathlib.Path(__file__).with_name('probe.py')
NAME = 'org.sonde.Sonde1'
ROOT = '/org/sonde/Sonde1'
ECHO = ROOT + '/server/echo'
DEFAULTS = 9999, 8888, 9998, 9997, 9996
NOBODY = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups']
SET_BACKLOG = ['busctl', 'set-property', NAME, ECHO, NAME + '.SocketOptions', 'Backlog', 'u', '7']
RULE = """
polkit.addRule(function(action, subject) {
  if (action.id == "org.sonde.sonde1.manage-servers" && subject.user == "nobody")
    return polkit.Result.YES;
});
"""
ALLOWED = {'read a sysctl', 'TCP socket', 'system bus'}


def run(*command, status=0, **options):
    """Run a program to its end, which must have this status, and return what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False,
                          **options)
    if status is not None and done.returncode != status:
        raise AssertionError(f'{command} ended with {done.returncode}: {done.stdout}{done.stderr}')
    return (done.stdout + done.stderr).strip()


def wait_until(check, what):
    end = time.monotonic() + DEADLINE
    while not (result := check()):
        if time.monotonic() > end:
            raise AssertionError(f'not within {DEADLINE} s: {what}')
        time.sleep(0.01)
    return result


def show(name, unit=SERVICE):
    return run('systemctl', 'show', '--property', name, '--value', unit)


def find_units():
    """Return the folder of units that Sonde was installed to."""
    return pathlib.Path(show('FragmentPath')).parents[1]


def main_pid():
    return int(show('MainPID'))


def call(*arguments, prefix=(), status=0):
    return run(*prefix, 'busctl', 'call', NAME, *arguments, status=status)


def get(path, interface, name):
    return run('busctl', 'get-property', NAME, path, f'{NAME}.{interface}', name)


def connect(port):
    return socket.create_connection(('127.0.0.1', port), timeout=DEADLINE)


def echo(port, data=b'hello'):
    with connect(port) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return sock.makefile('rb').read()


class TestInstalled(unittest.TestCase):
    def setUp(self):
        self.addCleanup(self.clean)

    def clean(self):
        run('systemctl', 'stop', 'sonded.socket', SERVICE)
        run('systemctl', 'reset-failed', 'sonded.socket', SERVICE, status=None)

    def configure(self, text, directory=CONFIG):
        path = directory / 'test.conf'
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(text, 'utf-8')
        self.addCleanup(path.unlink, missing_ok=True)

    def drop_in(self, text):
        self.addCleanup(run, 'systemctl', 'daemon-reload')
        self.configure(text, DROP_INS)
        run('systemctl', 'daemon-reload')

    def start(self):
        run('systemctl', 'start', SERVICE)

    def status_of(self, pid):
        lines = pathlib.Path(f'/proc/{pid}/status').read_text('ascii').splitlines()
        return dict(line.split(':\t', 1) for line in lines)

    def test_verify(self):
        """systemd finds nothing to complain about in the units, not even a key it ignores."""
        for kind, names in ('system', (SERVICE, 'sonded.socket')), ('user', (SERVICE,)):
            paths = [str(find_units() / kind / name) for name in names]
            self.assertTrue(all(map(os.path.exists, paths)), paths)
            said = run('env', 'XDG_RUNTIME_DIR=/run', 'systemd-analyze', f'--{kind}', 'verify',
                       '--recursive-errors=no', '--man=no', *paths)
            self.assertEqual(said, '')

    def test_exposure(self):
        """The exposure of the service is at most 1.2."""
        run('systemd-analyze', 'security', '--offline=true', '--threshold=12', '--no-pager',
            show('FragmentPath'))

    def test_bus(self):
        """The message bus of this run is the one that was asked for."""
        run('busctl', '--no-pager', 'list')
        pid = show('MainPID', 'dbus.service')
        self.assertIn(os.environ['SONDE_TEST_BUS'], os.readlink(f'/proc/{pid}/exe'))

    def test_start(self):
        """systemctl start returns when all servers listen, and the status tells how many."""
        self.start()
        for port in DEFAULTS:
            connect(port).close()
        self.assertEqual(show('StatusText'), '5 of 5 servers listening')
        self.assertEqual(show('ActiveState'), 'active')

    def test_not_ready(self):
        """A service whose server cannot listen has never been active."""
        with socket.create_server(('127.0.0.1', 9996)):
            said = run('systemctl', 'start', SERVICE, status=None)
            self.assertIn('failed', said)
        self.assertEqual(show('ActiveEnterTimestampMonotonic'), '0')

    def test_bad_configuration(self):
        """A bad configuration fails the start with status 6, and is not tried again."""
        self.configure('[Server echo]\nBacklog=many\n')
        run('systemctl', 'start', SERVICE, status=1)
        self.assertEqual(show('ExecMainStatus'), '6')
        self.assertEqual((show('ActiveState'), show('NRestarts')), ('failed', '0'))
        journal = run('journalctl', '--boot', '--no-pager', '--unit', SERVICE)
        self.assertIn(f'{CONFIG}/test.conf:2: Backlog=many', journal)

    def test_bus_activation(self):
        """A call to the bus name starts the service, as its own user."""
        self.assertEqual(show('ActiveState'), 'inactive')
        reply = call(ROOT, NAME + '.Manager', 'GetServer', 's', 'echo')
        self.assertEqual(reply, f'o "{ECHO}"')
        self.assertEqual(show('ActiveState'), 'active')
        uid = str(pwd.getpwnam('sonde').pw_uid)
        self.assertEqual(set(self.status_of(main_pid())['Uid'].split()), {uid})

    def test_busctl(self):
        """busctl sees, steers and waits; root may change everything, and another user nothing."""
        self.start()
        self.assertIn(ECHO, run('busctl', 'tree', '--list', NAME))
        self.assertIn('.GetOptionReport', run('busctl', 'introspect', NAME, ECHO))
        refused = run(*NOBODY, *SET_BACKLOG, status=1)
        self.assertIn('needs org.sonde.sonde1.manage-servers', refused)
        self.assertNotIn('polkit could not be asked', refused)
        self.assertEqual(get(ECHO, 'SocketOptions', 'Backlog'), 'u 0')
        run(*SET_BACKLOG)
        self.assertEqual(get(ECHO, 'SocketOptions', 'Backlog'), 'u 7')
        self.assertIn(' 7 ', run('ss', '-Hltn', 'sport = 9999'))
        self.assertEqual(echo(9999), b'hello')
        call(ECHO, NAME + '.Server', 'WaitFor', 'a{sv}t', '1', 'NAccepted', 't', '1', '9000000')
        call(ROOT, NAME + '.Manager', 'RemoveServer', 's', 'echo', prefix=NOBODY, status=1)
        call(ROOT, NAME + '.Manager', 'RemoveServer', 's', 'echo')
        wait_until(lambda: show('StatusText') == '4 of 4 servers listening', 'the status')

    def test_polkit_rule(self):
        """What an administrator allows somebody in a rule of polkit, he may do, and no more."""
        self.start()
        rule = pathlib.Path('/etc/polkit-1/rules.d/10-sonde-test.rules')
        rule.write_text(RULE, 'utf-8')
        rule.chmod(0o644)
        self.addCleanup(rule.unlink)
        wait_until(lambda: run(*NOBODY, *SET_BACKLOG, status=None) == '', 'polkit reads its rule')
        self.assertEqual(get(ECHO, 'SocketOptions', 'Backlog'), 'u 7')
        refused = call(ECHO, NAME + '.Server', 'ListConnections', 'tu', '0', '0', prefix=NOBODY,
                       status=1)
        self.assertIn('needs org.sonde.sonde1.inspect-connections', refused)

    def test_sysctls(self):
        """The kernel limits are those of the machine: the sandbox does not hide them."""
        self.start()
        for name, path in (('SoMaxConn', 'core/somaxconn'),
                           ('TcpSynRetries', 'ipv4/tcp_syn_retries')):
            real = pathlib.Path('/proc/sys/net', path).read_text('ascii').strip()
            self.assertEqual(get(ROOT, 'KernelLimits', name), 'u ' + real)

    def test_reload(self):
        """systemctl reload reads the configuration again; a bad one leaves all as it is."""
        self.start()
        pid = main_pid()
        self.configure('[Server echo]\nMode=upper\n[Server more]\nListenAddresses=127.0.0.1:0\n')
        run('systemctl', 'reload', SERVICE)
        wait_until(lambda: show('StatusText') == '6 of 6 servers listening', 'the reload')
        self.assertEqual(echo(9999), b'HELLO')
        self.configure('[Server echo]\nMode=lower\n')
        run('systemctl', 'reload', SERVICE)
        wait_until(lambda: 'Could not reload' in show('StatusText'), 'the refusal')
        self.assertIn(f'{CONFIG}/test.conf:2: Mode=lower', show('StatusText'))
        wait_until(lambda: show('ActiveState') == 'active', 'the end of the reload')
        self.assertEqual((echo(9999), main_pid()), (b'HELLO', pid))

    def test_stop(self):
        """systemctl stop ends the service in order, and answers what was received."""
        self.start()
        with connect(9999) as sock:
            sock.sendall(b'hello')
            run('systemctl', 'stop', '--no-block', SERVICE)
            self.assertEqual(sock.makefile('rb').read(), b'hello')
        wait_until(lambda: show('ActiveState') == 'inactive', 'the end')
        self.assertEqual((show('Result'), show('ExecMainStatus')), ('success', '0'))

    def test_killed(self):
        """A service that is killed is started again."""
        self.start()
        os.kill(main_pid(), signal.SIGKILL)
        wait_until(lambda: show('NRestarts') == '1' and show('ActiveState') == 'active', 'restart')
        self.assertEqual(echo(9999), b'hello')

    def test_watchdog(self):
        """A service that stands still is ended by the watchdog and started again; no other is."""
        self.drop_in('[Service]\nWatchdogSec=500ms\n')
        self.start()
        pid = main_pid()
        first = int(show('WatchdogTimestampMonotonic'))
        wait_until(lambda: int(show('WatchdogTimestampMonotonic')) > first + 800000, 'its pulse')
        self.assertEqual((main_pid(), show('NRestarts')), (pid, '0'))
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: show('NRestarts') == '1' and show('ActiveState') == 'active', 'restart')
        self.assertNotEqual(main_pid(), pid)
        self.assertEqual(echo(9999), b'hello')
        journal = run('journalctl', '--boot', '--no-pager', '--unit', SERVICE)
        self.assertIn('Watchdog timeout', journal)

    def test_socket_activation(self):
        """The first client starts the service, and is served by the inherited socket."""
        self.configure('[Server echo]\nListen=fd\n')
        run('systemctl', 'start', 'sonded.socket')
        self.assertEqual(show('ActiveState'), 'inactive')
        self.assertEqual(echo(9999), b'hello')
        wait_until(lambda: show('ActiveState') == 'active', 'the service')
        report = call(ECHO, NAME + '.SocketOptions', 'GetOptionReport')
        self.assertIn('"inherited"', report)

    def test_socket_restart(self):
        """While the service is restarted on its socket, nobody is refused."""
        self.configure('[Server echo]\nListen=fd\n')
        run('systemctl', 'start', 'sonded.socket')
        self.start()
        done, errors, served = threading.Event(), [], []

        def connect_on():
            while not done.is_set():
                try:
                    with connect(9999) as sock, contextlib.suppress(ConnectionResetError):
                        sock.sendall(b'hello')
                        served.append(sock.recv(5))
                except OSError as error:
                    errors.append(error)
        thread = threading.Thread(target=connect_on)
        thread.start()
        for _ in range(3):
            n = len(served)
            wait_until(lambda before=n: len(served) > before + 5, 'clients')
            run('systemctl', 'restart', SERVICE)
        done.set()
        thread.join(DEADLINE)
        self.assertEqual(errors, [])
        self.assertGreater(served.count(b'hello'), 15)

    def test_privileges(self):
        """The daemon has no capability, can get none, and runs under a system call filter."""
        self.start()
        status = self.status_of(main_pid())
        for name in 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb':
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual((status['NoNewPrivs'], status['Seccomp']), ('1', '2'))

    def probe(self, **service):
        """Run the probe as a service, and return why what failed."""
        lines = pathlib.Path(show('FragmentPath')).read_text('utf-8').splitlines()
        sandbox = '\n'.join(lines[lines.index('CapabilityBoundingSet='):lines.index('[Install]')])
        text = '[Service]\nType=oneshot\nStandardOutput=file:/run/probe.json\n'
        text += f'ExecStart=/usr/bin/python3 -B {PROBE}\n'
        text += ''.join(f'{key}={value}\n' for key, value in service.items())
        path = pathlib.Path('/run/systemd/system/sonde-probe.service')
        path.write_text(text + (sandbox if service else ''), 'utf-8')
        run('systemctl', 'daemon-reload')
        run('systemctl', 'start', path.name)
        return json.loads(pathlib.Path('/run/probe.json').read_text('utf-8'))

    def test_sandbox(self):
        """What the sandbox forbids fails in it, what the daemon needs works, and root may all."""
        freely = self.probe()
        self.assertEqual({name for name, why in freely.items() if why}, set())
        boxed = self.probe(User='sonde')
        self.assertEqual({name for name, why in boxed.items() if not why}, ALLOWED)

    def test_bus_restarted(self):
        """The service outlives its bus, serves meanwhile, and is back on it."""
        self.start()
        pid = main_pid()
        with connect(9999) as sock:
            run('systemctl', 'restart', 'dbus.service')
            sock.sendall(b'still')
            self.assertEqual(sock.recv(5), b'still')

        def owner():
            said = run('busctl', 'call', 'org.freedesktop.DBus', '/', 'org.freedesktop.DBus',
                       'GetConnectionUnixProcessID', 's', NAME, status=None)
            return said == f'u {pid}'
        wait_until(owner, 'the daemon owns its name again')
        self.assertEqual((main_pid(), show('NRestarts')), (pid, '0'))

    def test_user(self):
        """A user's own service manager starts the daemon for a call on the session bus."""
        run('useradd', '--create-home', 'sonde-user')
        user = pwd.getpwnam('sonde-user')
        unit = f'user@{user.pw_uid}.service'
        run('systemctl', 'start', unit)
        self.addCleanup(run, 'systemctl', 'stop', unit)
        own = pathlib.Path(user.pw_dir, '.config/sonde')
        as_user = ['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--clear-groups',
                   'env', f'HOME={user.pw_dir}', f'XDG_RUNTIME_DIR=/run/user/{user.pw_uid}']
        run(*as_user, 'mkdir', '-p', str(own))
        (own / 'sonded.conf').write_text('[Server mine]\nListenAddresses=127.0.0.1:0\n', 'utf-8')
        said = run(*as_user, 'busctl', '--user', 'call', NAME, ROOT, NAME + '.Manager',
                   'GetServer', 's', 'mine')
        self.assertEqual(said, f'o "{ROOT}/server/mine"')
        said = run(*as_user, 'systemctl', '--user', 'is-active', SERVICE)
        self.assertEqual(said, 'active')
