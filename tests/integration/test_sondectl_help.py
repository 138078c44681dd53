# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Everything that --help says is true: the verbs, their options and their arguments."""

import os
import re
import subprocess
import tempfile

from sonde_daemon import DEADLINE
from sonde_sondectl import SondectlTest

NOWHERE = 'unix:path=/nonexistent/bus'
OPTION = re.compile(r'^ +(?:-(\w), )?--([\w-]+)(?:=(\S+))?  +\S')
VERB = re.compile(r'^  ([\w-]+)(?: (.*?))?  +\S')
# What suits the words that stand for arguments and for the values of options.
SAMPLES = {'SERVER': 'echo', 'NAME': 'x', 'KEY=VALUE': 'Backlog=7', 'KEY[=VALUE]': 'Backlog=7',
           'ID': '1', 'CONDITION': 'NAccepted>=1', 'LEVEL': 'info', 'HOST': '127.0.0.1',
           'COMMAND': 'true', 'ARGUMENT': 'x', 'TIME': '1s', 'BYTES': '64K', 'NUMBER': '1',
           'TEXT': 'x', 'SYSCTL=NUMBER': 'net.ipv4.tcp_syn_retries=3', 'PRESET': 'asyncio',
           'NAME,...': 'State,Mode', 'ADDRESS': NOWHERE, '[USER@]HOST': '127.0.0.1'}


class TestHelp(SondectlTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='sonde-help-')
        self.addCleanup(directory.cleanup)
        self.samples = {**SAMPLES, 'PORT': str(self.reserve_port()),
                        'FILE': directory.name + '/file'}
        with open(self.samples['FILE'], 'w', encoding='ascii'):
            pass

    def read_verbs(self):
        text = self.sondectl('help').partition('\nVerbs:\n')[2].partition('\n\n')[0]
        rows = [VERB.match(line) for line in text.splitlines()]
        return {row[1]: row[2] or '' for row in rows if row[1] != 'help'}

    def read_options(self, *words):
        """Tell name and argument of each option, of which those with a letter come twice."""
        options = []
        for line in self.sondectl(*words).splitlines():
            if match := OPTION.match(line):
                letter, name, argument = match.groups()
                options += [(option, argument) for option in ('--' + name, f'-{letter}')
                            if option != '-None']
        return [option for option in options if option[0] not in ('-h', '--help')]

    def get_sample(self, argument):
        """Of what is listed the first, else something that suits the word."""
        return argument.partition('|')[0] if '|' in argument else self.samples[argument]

    def make_arguments(self, usage, all_of_them):
        """Make arguments that fit a usage such as SERVER KEY=VALUE..., the fewest or all."""
        usage = usage.rpartition(' | ')[2]
        if not all_of_them:
            usage = re.sub(r'\[(?!=).*?\](?!\])', '', usage)
        words = usage.replace('[KEY[=VALUE]]', 'KEY[=VALUE]').split()
        words = [re.sub(r'^\[|\.\.\.|(?<!VALUE)\]$', '', word) for word in words]
        return [word if word == '--' else self.samples[word] for word in words if word != '|']

    def run_nowhere(self, *words):
        """Run a verb that finds no bus, and so does nothing; return status and message."""
        environment = {**os.environ, 'DBUS_SESSION_BUS_ADDRESS': NOWHERE,
                       'DBUS_SYSTEM_BUS_ADDRESS': NOWHERE}
        done = subprocess.run([os.environ['SONDECTL'], *words], env=environment, text=True,
                              capture_output=True, timeout=DEADLINE, check=False)
        return done.returncode, done.stderr

    def understands(self, *words):
        status, message = self.run_nowhere(*words)
        self.assertNotEqual(status, 2, f'{words}: {message}')
        self.assertNotIn('Unknown option', message)

    def test_arguments(self):
        """Every verb takes the arguments that help shows, no fewer, and of most no more."""
        verbs = self.read_verbs()
        self.assertGreater(len(verbs), 20)
        for verb, usage in verbs.items():
            for all_of_them in False, True:
                arguments = self.make_arguments(usage, all_of_them)
                with self.subTest(verb=verb, arguments=arguments):
                    self.understands(verb, *arguments)
            fewest = self.make_arguments(usage, False)
            if fewest and '|' not in usage:
                self.assertEqual(self.run_nowhere(verb, *fewest[:-1])[0], 2, verb)
            if '...' not in usage and '|' not in usage:
                most = self.make_arguments(usage, True)
                self.assertEqual(self.run_nowhere(verb, *most, 'more')[0], 2, verb)

    def test_options(self):
        """Every option that the help of a verb lists is taken, with an argument if it says so."""
        for verb, usage in self.read_verbs().items():
            arguments = self.make_arguments(usage, True)
            front = arguments[:arguments.index('--')] if '--' in arguments else arguments
            back = arguments[len(front):]
            help_text = self.sondectl(verb, '--help')
            self.assertIn(f'sondectl [OPTION…] {verb} {usage}'.strip(), help_text)
            for option, argument in self.read_options(verb, '--help'):
                words = [option] + ([self.get_sample(argument)] if argument else [])
                with self.subTest(verb=verb, words=words):
                    self.understands(verb, *front, *words, *back)
                    if argument:
                        self.assertEqual(self.run_nowhere(verb, *front, option)[0], 2)
            self.assertEqual(self.run_nowhere(verb, *front, '--nonsense', *back)[0], 2, verb)

    def test_global_options(self):
        """Every option of sondectl itself is taken in front of a verb and behind it."""
        options = self.read_options('help')
        self.assertGreater(len(options), 8)
        for option, argument in options:
            words = [option] + ([self.get_sample(argument)] if argument else [])
            for command in ([*words, 'list'], ['list', *words]):
                with self.subTest(command=command):
                    self.understands(*command)

    def test_json(self):
        """Every verb takes --json."""
        for verb, usage in self.read_verbs().items():
            with self.subTest(verb=verb):
                self.understands('--json=short', verb, *self.make_arguments(usage, False))

    def test_verb_needs_this_machine(self):
        """Verbs that look at this machine say that they take no --host."""
        for verb in 'explain', 'run', 'verify', 'cat-config':
            self.assertIn('--host', self.fails_in_one_line(2, verb, '--host=there'))
