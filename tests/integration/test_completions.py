# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""TAB in real shells: verbs, options, servers, keys, values and presets, all from one table."""

import os
import pathlib
import re
import subprocess

from sonde_daemon import DEADLINE
from sonde_sondectl import SondectlTest
from sonde_terminal import Terminal

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPLETIONS = ROOT / 'data' / 'completions'
ALGORITHMS = pathlib.Path('/proc/sys/net/ipv4/tcp_available_congestion_control')
PATH = os.path.dirname(os.environ['SONDECTL']) + ':' + os.environ['PATH']

# What is typed before TAB, and what stands there after it.
COMPLETED = (
    ('sondectl conn', 'sondectl connections '),
    ('sondectl probe --exp', 'sondectl probe --expect='),
    ('sondectl probe --expect=ref', 'sondectl probe --expect=refused '),
    ('sondectl --json=sh', 'sondectl --json=short '),
    ('sondectl set some NoDel', 'sondectl set some NoDelay='),
    ('sondectl set some NoDelay=y', 'sondectl set some NoDelay=yes '),
    ('sondectl create some --preset=asy', 'sondectl create some --preset=asyncio '),
    ('sondectl create some KeepAliveTi', 'sondectl create some KeepAliveTimeSec='),
)


class TestCandidates(SondectlTest):
    def complete(self, *words):
        """List candidates for the last word, each of which must have it as its beginning."""
        lines = self.sondectl('complete', '--', f'--address={self.bus.address}', *words)
        candidates = [line.partition('\t') for line in lines.splitlines()]
        for candidate, tab, _ in candidates:
            self.assertTrue(candidate.startswith(words[-1]) or candidate == ':files')
            self.assertTrue(tab or candidate == ':files')
        return [candidate for candidate, _, _ in candidates]

    def test_verbs_and_options(self):
        """Every verb and every option of the help is a candidate, and no other."""
        shown = self.sondectl('help')
        verbs = re.findall(r'^  ([a-z-]+)(?: |$)', shown.partition('\n\n')[2].partition('\n\n')[0],
                           re.MULTILINE)
        self.assertGreater(len(verbs), 10)
        self.assertEqual(sorted(self.complete('')), sorted(verbs))
        everywhere = set(re.findall(r'--[a-z-]+=?', shown.partition('\n\n')[2].split('\n\n')[1]))
        self.assertEqual(set(self.complete('-')), everywhere)
        for verb in set(verbs) - {'help'}:
            own = re.findall(r'^ .*?(--[a-z-]+=?)', self.sondectl(verb, '--help'), re.MULTILINE)
            self.assertEqual(set(self.complete(verb, '-')), everywhere | set(own) - {'--help'},
                             verb)

    def test_servers(self):
        """Servers are candidates where a verb takes one, and as often as it takes them."""
        for name in 'alpha', 'beta':
            self.create(name)
        self.assertEqual(self.complete('show', ''), ['alpha', 'beta'])
        self.assertEqual(self.complete('show', 'a'), ['alpha'])
        self.assertEqual(self.complete('show', 'alpha', ''), [])
        self.assertEqual(self.complete('stop', 'alpha', 'b'), ['beta'])
        self.assertEqual(self.complete('set', '--apply', 'new', 'b'), ['beta'])
        self.assertEqual(self.complete('probe', '--upper', 'b'), ['beta'])

    def test_connections(self):
        """Connections are candidates by their id, of the server that was typed."""
        server = self.create('with-one')
        self.create('with-none')
        self.connect(server)
        [row] = server.wait_for(NConnections=1) and server.connections()
        self.assertEqual(self.complete('close', 'with-one', ''), [str(row[0])])
        self.assertEqual(self.complete('close', 'with-none', ''), [])

    def test_keys_and_values(self):
        """Every setting is a candidate, and so are the values that can be told."""
        keys = self.complete('set', 'any', '')
        for name in self.create('any').get_settings():
            self.assertIn(re.sub('USec$', 'Sec', name) + '=', keys)
        self.assertEqual(self.complete('set', 'any', 'Backlog=1', 'Concurrency='),
                         ['Concurrency=loop', 'Concurrency=threads'])
        self.assertEqual(self.complete('set', 'any', 'KeepAlive='),
                         ['KeepAlive=yes', 'KeepAlive=no'])
        self.assertEqual(self.complete('set', 'any', 'Backlog='), [])
        presets = self.daemon.get_all('/org/sonde/Sonde1', 'Manager')['Presets']
        self.assertEqual(self.complete('create', '--preset', ''), presets)
        self.assertEqual(self.complete('create', 'x', 'Preset='), ['Preset=' + p for p in presets])
        algorithms = ALGORITHMS.read_text('ascii').split()
        self.assertEqual(self.complete('set', 'any', 'Congestion='),
                         ['Congestion=' + name for name in algorithms])
        self.assertIn('NConnections=', self.complete('wait', 'any', 'NC'))
        self.assertEqual(self.complete('bench', '--plot='), [':files'])

    def test_nonsense(self):
        """What makes no sense has no candidates, and is no failure."""
        for words in (('nonsense', ''), ('--nonsense=', ''), ('show', '--nonsense='), ('list', ''),
                      ('wait', 'nobody', 'x'), ('close', 'nobody', '')):
            self.assertEqual(self.complete(*words), [])
        self.sondectl('complete', status=2)
        self.sondectl('complete', '--', 'show', '', address='unix:path=/nonexistent')


class TestShells(SondectlTest):
    def type_in(self, shell, *commands, **variables):
        """Start a shell in a terminal, and see what TAB makes of what is typed."""
        variables.update(PATH=PATH, DBUS_SESSION_BUS_ADDRESS=self.bus.address)
        terminal = Terminal(columns=100, **variables)
        self.addCleanup(terminal.stop)
        terminal.type(f'exec {shell}')
        for command in commands:
            terminal.type(command)
        terminal.type('PS1="ready> "; clear')
        terminal.wait_for(r'^ready>$')
        self.create('gamma')
        for typed, completed in (*COMPLETED, ('sondectl show gam', 'sondectl show gamma ')):
            with self.subTest(shell=shell, typed=typed):
                terminal.type_keys(typed)
                terminal.keys('Tab')
                # A sign shows whether there is a space in front of it.
                terminal.wait_for('^ready> ' + re.escape(completed.strip()))
                terminal.type_keys('!')
                terminal.wait_for('^ready> ' + re.escape(completed) + '!$')
                terminal.keys('C-u')
                terminal.wait_for(r'^ready>$')
        return terminal

    def test_bash(self):
        """bash completes, and does not repeat what stands in front of an equals sign."""
        terminal = self.type_in('bash --norc --noprofile',
                                'source /usr/share/bash-completion/bash_completion',
                                f'source {COMPLETIONS / "sondectl.bash"}')
        terminal.type_keys('sondectl bench --plot=/etc/host')
        terminal.keys('Tab', 'Tab')
        terminal.wait_for(r'^hostname\b|\bhosts\b')

    def test_zsh(self):
        """zsh completes."""
        self.type_in('zsh -f', f'fpath=({COMPLETIONS} $fpath)', 'autoload -Uz compinit',
                     'compinit -u -D', ZDOTDIR='/nonexistent')

    def test_fish(self):
        """fish completes, and shows what each candidate is."""
        self.create('delta')
        environment = {**os.environ, 'PATH': PATH, 'DBUS_SESSION_BUS_ADDRESS': self.bus.address,
                       'HOME': self.bus.directory.name, 'LC_ALL': 'C.UTF-8'}
        for typed, completed in (*COMPLETED, ('sondectl show del', 'sondectl show delta ')):
            script = f'source {COMPLETIONS / "sondectl.fish"}; complete -C "{typed}"'
            done = subprocess.run(['fish', '--no-config', '-c', script], env=environment,
                                  capture_output=True, text=True, timeout=DEADLINE, check=True)
            self.assertEqual([line.partition('\t')[0] for line in done.stdout.splitlines()],
                             [completed.split()[-1]], done.stderr)
        script = f'source {COMPLETIONS / "sondectl.fish"}; complete -C "sondectl conn"'
        done = subprocess.run(['fish', '--no-config', '-c', script], env=environment,
                              capture_output=True, text=True, timeout=DEADLINE, check=True)
        self.assertRegex(done.stdout, r'^connections\t\w')
