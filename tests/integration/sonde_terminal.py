# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""A real terminal, which tmux is: what a program shows there can be read line by line."""

import os
import re
import shlex
import subprocess
import tempfile

from sonde_daemon import DEADLINE, wait_until

# What the shell shows when it waits for a command, of anybody and of root.
PROMPT = r'^[$#]$'

# Such as there are all over in the variables of people who like it plain.
UNWANTED = ('NO_COLOR', 'TMUX', 'PAGER', 'SONDE_PAGER')


class Terminal:
    """A terminal with a shell in it, of 80 columns and 24 lines by default."""

    def __init__(self, columns=80, lines=24, **variables):
        self.directory = tempfile.TemporaryDirectory(prefix='sonde-terminal-')
        self.socket = self.directory.name + '/socket'
        self.environment = {k: v for k, v in os.environ.items() if k not in UNWANTED}
        self.environment.update(variables, LC_ALL='C.UTF-8')
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', str(columns), '-y', str(lines),
                  '-c', self.directory.name, 'exec sh -i')
        self.wait_for(PROMPT)

    def tmux(self, *words):
        # In UTF-8 whatever the locale of the terminal that there is not.
        done = subprocess.run(['tmux', '-u', '-S', self.socket, *words], env=self.environment,
                              stdout=subprocess.PIPE, timeout=DEADLINE, check=True, text=True)
        return done.stdout

    def keys(self, *keys):
        self.tmux('send-keys', *keys)

    def type_keys(self, text):
        """Type a text, and nothing after it."""
        self.tmux('send-keys', '-l', text)

    def type(self, *words):
        """Type a command; words are quoted as the shell needs it."""
        self.type_keys(shlex.join(words) if len(words) > 1 else words[0])
        self.keys('Enter')

    def screen(self, *options):
        return self.tmux('capture-pane', '-p', *options)

    def lines(self):
        return self.screen().rstrip('\n').split('\n')

    def wait_for(self, pattern, *options):
        """Wait until a pattern is on the screen; return the match."""
        shown = ['']

        def search():
            shown[0] = self.screen(*options)
            return re.search(pattern, shown[0].rstrip(' \n'), re.MULTILINE)
        try:
            return wait_until(search, f'{pattern!r} on the screen')
        except AssertionError as error:
            raise AssertionError(f'{error}; but there is:\n{shown[0]}') from error

    def resize(self, columns, lines):
        self.tmux('resize-window', '-x', str(columns), '-y', str(lines))

    def get(self, name):
        """Read a variable of tmux, such as alternate_on, cursor_flag or pane_pid."""
        return self.tmux('display-message', '-p', f'#{{{name}}}').strip()

    def stop(self):
        subprocess.run(['tmux', '-S', self.socket, 'kill-server'], stderr=subprocess.DEVNULL,
                       timeout=DEADLINE, check=False)
        self.directory.cleanup()
