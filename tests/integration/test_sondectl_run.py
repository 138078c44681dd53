# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""sondectl runs a daemon for a command, and asks the daemon's program about its configuration."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile

from sonde_daemon import DEADLINE, Process, wait_until
from sonde_sondectl import SondectlTest

MODES = ('echo', 'echo-once', 'upper', 'upper-line', 'upper-once')
# Tells who its parent is, and that it is ready, before it waits for its end.
WAITING = ['sh', '-c', 'echo "$PPID $$ $DBUS_SESSION_BUS_ADDRESS"; exec sleep 1000']


class RunTest(SondectlTest):
    def run_here(self, *words, status=0, **options):
        done = subprocess.run([os.environ['SONDECTL'], *words], capture_output=True, text=True,
                              timeout=DEADLINE, check=False, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout, done.stderr

    def write_config(self, text):
        directory = tempfile.TemporaryDirectory(prefix='sonde-run-')
        self.addCleanup(directory.cleanup)
        path = pathlib.Path(directory.name, 'sonded.conf')
        path.write_text(text, 'utf-8')
        return str(path)


class TestRun(RunTest):
    def test_environment(self):
        """run gives the command a daemon of its own, its bus, and the port of each server."""
        sondectl = os.environ['SONDECTL']
        script = f'env | grep ^SONDE_PORT_; {sondectl} list --json=short; {sondectl} probe >&2'
        output = self.run_here('run', '--', 'sh', '-c', script)[0].splitlines()
        ports = {row['Name']: row['BoundAddresses'][0][1] for row in json.loads(output[-1])}
        self.assertEqual(sorted(ports), sorted(MODES))
        told = dict(line.split('=') for line in output[:-1])
        self.assertEqual(told, {'SONDE_PORT_' + name.upper().replace('-', '_'): str(port)
                                for name, port in ports.items()})

    def test_streams(self):
        """The command has our standard streams, and arguments that look like options of ours."""
        output = self.run_here('run', '--', 'sh', '-c', 'cat; echo "$@"', 'sh', '--json=short',
                               '-H', '--', input='from outside\n')
        self.assertEqual(output, ('from outside\n--json=short -H --\n', ''))

    def test_status(self):
        """The exit status is that of the command; without one it is as env(1) has it."""
        for status in 0, 1, 5, 200:
            self.run_here('run', '--', 'sh', '-c', f'exit {status}', status=status)
        self.run_here('run', '--', 'sh', '-c', 'kill -KILL $$', status=128 + signal.SIGKILL)
        for words, status in ((['/nonexistent'], 127), (['/dev/null'], 126)):
            message = self.run_here('run', '--', *words, status=status)[1]
            self.assertEqual(len(message.splitlines()), 1, message)

    def test_config(self):
        """run takes a configuration, and says in one line why it cannot be used."""
        config = self.write_config('[Server a-b]\nMode=upper\nListenAddresses=127.0.0.1:0\n')
        output = self.run_here('--json=short', 'run', '--config', config, '--', 'sh', '-c',
                               'echo $SONDE_PORT_A_B')[0].splitlines()
        [row] = json.loads(output[0])['Servers']
        self.assertEqual((row['Name'], str(row['BoundAddresses'][0][1])), ('a-b', output[1]))
        for words in (['--config=/nonexistent'], ['--config', self.write_config('[Server]\n')]):
            message = self.run_here('run', *words, '--', 'true', status=1)[1]
            self.assertEqual(len(message.splitlines()), 1, message)
            self.assertIn(words[-1].rpartition('=')[2], message)
        self.assertIn('listens', self.run_here('run', '--verbose', '--', 'true')[1])

    def start(self):
        """Start a command that waits; return sondectl and all processes that belong to it."""
        process = Process([os.environ['SONDECTL'], 'run', '--', *WAITING], stdout=subprocess.PIPE)
        self.addCleanup(process.kill)
        self.addCleanup(process.child.stdout.close)
        parent, command, address = process.child.stdout.readline().decode().split()
        self.assertEqual(int(parent), process.pid)
        children = pathlib.Path(f'/proc/{parent}/task/{parent}/children').read_text('ascii').split()
        self.assertIn(command, children)
        self.assertEqual(len(children), 3)
        self.assertTrue(address.startswith('unix:abstract='))
        return process, [int(child) for child in children]

    def wait_gone(self, children):
        def is_gone(pid):
            try:
                state = pathlib.Path(f'/proc/{pid}/stat').read_text('ascii').rpartition(')')[2]
            except OSError:
                return True
            # Whoever has adopted it may take a while to bury it.
            return state.split()[0] in 'ZX'
        wait_until(lambda: all(map(is_gone, children)), f'the end of {children}')

    def test_killed(self):
        """When sondectl is killed, the command, the daemon and the bus go with it."""
        process, children = self.start()
        process.child.kill()
        process.wait()
        self.wait_gone(children)

    def test_terminated(self):
        """SIGTERM and SIGHUP are the command's: when it ends, all ends."""
        for number in signal.SIGTERM, signal.SIGHUP:
            process, children = self.start()
            process.child.send_signal(number)
            self.assertEqual(process.wait(), 128 + number)
            self.wait_gone(children)

    def test_interrupted(self):
        """Ctrl-C reaches the command alone, and then sondectl ends with its status."""
        script = 'sleep 1000 & trap "kill $!; echo caught; exit 3" INT; echo ready; wait'
        process = Process([os.environ['SONDECTL'], 'run', '--', 'sh', '-c', script],
                          stdout=subprocess.PIPE, start_new_session=True)
        self.addCleanup(process.kill)
        self.addCleanup(process.child.stdout.close)
        self.assertEqual(process.child.stdout.readline(), b'ready\n')
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.child.stdout.readline(), b'caught\n')
        self.assertEqual(process.wait(), 3)


class TestConfiguration(RunTest):
    def test_verify(self):
        """verify is silent about what is right, and tells file, line and the nearest key else."""
        good = self.write_config('[Server a]\nListenAddresses=127.0.0.1:0\n')
        bad = self.write_config('[Server a]\n\nBaklog=7\n')
        self.assertEqual(self.run_here('verify', good), ('', ''))
        message = self.run_here('verify', good, bad, status=1)[1]
        self.assertRegex(message, rf'^sondectl: verify: {bad}:3: Baklog .*did you mean Backlog\?')
        self.assertEqual(len(message.splitlines()), 1)
        rows = json.loads(self.run_here('verify', good, bad, '--json=short', status=1)[0])
        self.assertEqual([(row['File'], row['IsValid']) for row in rows],
                         [(good, True), (bad, False)])
        self.assertIn('Backlog', rows[1]['Message'])
        for path in '/nonexistent', '/dev/zero', os.path.dirname(good):
            self.assertIn(path, self.run_here('verify', path, status=1)[1])

    def test_whole_configuration(self):
        """cat-config shows the files in their order, verify without a file checks them all."""
        main = self.write_config('[Server a]\nListenAddresses=127.0.0.1:0')
        folder = pathlib.Path(main).parent
        (folder / 'sonded.conf.d').mkdir()
        drop_in = folder / 'sonded.conf.d' / '10-more.conf'
        drop_in.write_text('[Server a]\nBacklog=7\n', 'ascii')
        environment = {**os.environ, 'SONDE_CONFIG_PATH': str(folder)}
        shown = self.run_here('cat-config', env=environment)[0]
        self.assertEqual(shown, f'# {main}\n[Server a]\nListenAddresses=127.0.0.1:0\n\n'
                                f'# {drop_in}\n[Server a]\nBacklog=7\n')
        files = json.loads(self.run_here('cat-config', '--json=pretty', env=environment)[0])
        self.assertEqual([row['File'] for row in files], [main, str(drop_in)])
        self.assertEqual(files[1]['Content'], drop_in.read_text('ascii'))
        self.assertEqual(self.run_here('verify', env=environment), ('', ''))
        drop_in.write_text('[Server a]\nBacklog=x\n', 'ascii')
        self.assertIn(f'{drop_in}:2:', self.run_here('verify', env=environment, status=1)[1])

    def test_refused_later(self):
        """verify says what the daemon would say that starts with it, and of which server."""
        refused = self.write_config('[Server a]\n[Server b]\nCongestion=nonesuch\n')
        message = self.run_here('verify', refused, status=1)[1]
        self.assertIn('[Server b]: Congestion=nonesuch is refused', message)
        nowhere = self.write_config('[Server nowhere]\nBacklog=7\n')
        environment = {**os.environ, 'SONDE_CONFIG_PATH': os.path.dirname(nowhere)}
        # A file alone may be there to change what others say.
        self.assertEqual(self.run_here('verify', nowhere, env=environment), ('', ''))
        message = self.run_here('verify', env=environment, status=1)[1]
        self.assertIn('[Server nowhere] has nothing to listen on', message)

    def test_daemon_itself(self):
        """sonded answers the same questions, with the exit statuses that it has."""
        for text, status in (('[Server a]\n', 0), ('[Server a]\nBaklog=7\n', 6)):
            command = [os.environ['SONDED'], '--verify', '--config=' + self.write_config(text)]
            done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
            self.assertEqual(done.returncode, status, done.stderr)

    def test_no_program(self):
        """Without the daemon's program the error names where it was looked for."""
        environment = {**os.environ, 'SONDED': '/nonexistent/sonded'}
        for words in (['verify'], ['cat-config'], ['run', '--', 'true']):
            message = self.run_here(*words, env=environment, status=1)[1]
            self.assertIn('/nonexistent/sonded', message)
