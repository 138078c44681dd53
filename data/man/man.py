#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Write a manual page in reStructuredText: a template, filled with what the code knows.

Usage: man.py TEMPLATE VERSION PROGRAM TABLES XML... [INTERFACE...]

TEMPLATE has lines @NAME@ or @NAME argument@, which are replaced: VERB name and
OPTIONS [VERB] by what the help of PROGRAM says, SETTINGS, SOCKET-OPTIONS and PRESETS by what
the tables of the library say and the D-Bus XML documents, INTERFACES by what gdbus-codegen
wrote about each INTERFACE.
"""

import os
import pathlib
import re
import subprocess
import sys
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / 'introspection' / 'reference'))

import json  # noqa: E402

import reference  # noqa: E402

OPTION = re.compile(r'^ +(?:-(?P<short>\w), )?--(?P<long>[\w-]+)(?P<value>=\S+)? +(?P<text>.*)$')
VERB = re.compile(r'^  (?P<name>[a-z-]+) (?P<arguments>.*?)(?: {2,}|(?<= ) )(?P<text>\S.*)$')
# How the D-Bus XML counts times. A file counts seconds; the range is told with its units.
MICROSECONDS = re.compile(r',\s+in\s+microseconds(,\s+at\s+least\s+1000)?'
                          r'|\s+At\s+least\s+1000,\s+by\s+default\s+\d+\.')
CHANGES = {
    'live': 'A change has effect at once, on open connections too.',
    'new': 'A change has effect on connections that are accepted from then on.',
    'relisten': 'A change waits for new listeners: ``Relisten()``, ``sondectl relisten``.',
}


def escape(text):
    """Take the meaning from characters that have one in reStructuredText."""
    return re.sub(r'([\\*`|_])', r'\\\1', text)


def emphasise(arguments):
    """Make the words in capitals of a usage stand out: they are to be replaced."""
    return re.sub(r'[A-Z][A-Z.]*', lambda word: f'\\ *{word[0].rstrip(".")}*\\ '
                  + '.' * word[0].count('.'), escape(arguments))


def quote_names(text):
    """Turn the code spans of Markdown into those of reStructuredText."""
    return re.sub(r'`([^`]+)`', r'``\1``', text)


def indent_items(text):
    """Indent what belongs to the items of lists again: gdbus-codegen takes it away."""
    in_item = False
    lines = []
    for line in text.splitlines():
        in_item = line.startswith('- ') or in_item and line != ''
        lines.append('  ' + line if in_item and not line.startswith('- ') else line)
    return '\n'.join(lines)


class Program:
    """What a program says about itself, in English."""

    def __init__(self, path):
        self.path = path
        sections = self.run('--help').split('\n\n')
        lines = [line for s in sections if s.startswith('Verbs:') for line in s.splitlines()]
        rows = [row for row in map(VERB.match, lines) if row and row['name'] != 'help']
        self.verbs = {row['name']: row for row in rows}

    def run(self, *words):
        environment = {**os.environ, 'LC_ALL': 'C.UTF-8', 'LANGUAGE': 'en'}
        done = subprocess.run([self.path, *words], stdout=subprocess.PIPE, env=environment,
                              text=True, check=True)
        return done.stdout

    def list_options(self, verb):
        lines = self.run(*([verb] if verb else []), '--help').splitlines()
        rows = [row for row in map(OPTION.match, lines) if row and row['long'] != 'help']
        for row in rows:
            names = f'-{row["short"]}, ' if row['short'] else ''
            value = emphasise(row['value'][1:]) if row['value'] else None
            yield f'{names}--{row["long"]}', value, escape(row['text']) + '.'


class Page:
    def __init__(self, program, tables, xml, interfaces):
        self.program = program
        self.tables = tables
        self.texts = reference.read_property_texts(xml)
        self.options = reference.xml_names(xml, reference.PREFIX + 'SocketOptions')
        self.interfaces = interfaces

    def write_options(self, verb=None):
        for names, value, text in self.program.list_options(verb):
            print(f'**{names}**' + (f'\\ ={value}' if value else '').rstrip('\\ '))
            print(f'    {text}\n')

    def write_verb(self, name):
        if name not in self.program.verbs:
            sys.exit(f'there is no verb {name}')
        print(f'**{name}** {emphasise(self.program.verbs[name]["arguments"])}'.rstrip())

    def write_indented(self, function, *arguments):
        whole, sys.stdout = sys.stdout, Lines()
        function(*arguments)
        lines, sys.stdout = sys.stdout.lines(), whole
        print(textwrap.indent('\n'.join(lines), '    '))

    def write_setting(self, row):
        name = re.sub('USec$', 'Sec', row['name'])
        print(f'**{name}**\\ =')
        text = quote_names(self.texts[row['name']])
        if name != row['name']:
            text = MICROSECONDS.sub('', text)
        print(textwrap.indent(text, '    ') + '\n')
        facts = [f'Allowed: {escape(row["range"])}.']
        if row['default'] not in ('', '""'):
            facts.append(f'Default: {escape(row["default"])}.')
        if row['sysctl']:
            facts.append(f'{row["sysctl_is"].capitalize()}: ``{row["sysctl"]}``.')
        print(textwrap.indent(' '.join([*facts, CHANGES[row['change']]]), '    ') + '\n')

    def write_settings(self, are_options):
        for row in self.tables['settings']:
            if (row['name'] in self.options) == are_options:
                self.write_setting(row)

    def write_presets(self):
        for name, values in self.tables['presets'].items():
            print(f'**{name}**')
            print('    ' + ', '.join(f'``{key}={value}``' for key, value in values.items()) + '\n')

    def fill(self, name, argument, indent):
        parts = {
            'OPTIONS': lambda: self.write_options(argument),
            'VERB': lambda: self.write_verb(argument),
            'SETTINGS': lambda: self.write_settings(False),
            'SOCKET-OPTIONS': lambda: self.write_settings(True),
            'PRESETS': self.write_presets,
            'INTERFACES': lambda: print(*map(indent_items, self.interfaces), sep='\n'),
        }
        if indent:
            self.write_indented(parts[name])
        else:
            parts[name]()


class Lines:
    """Keeps what is printed."""

    def __init__(self):
        self.text = ''

    def write(self, text):
        self.text += text

    def lines(self):
        return self.text.split('\n')


def main(template, version, program, tables, *paths):
    xml = [path for path in paths if path.endswith('.xml')]
    interfaces = [pathlib.Path(path).read_text('utf-8') for path in paths if path not in xml]
    page = Page(Program(program), json.loads(pathlib.Path(tables).read_text('utf-8')),
                xml, interfaces)
    for line in pathlib.Path(template).read_text('utf-8').splitlines():
        match = re.fullmatch(r'( *)@([A-Z-]+)(?: ([a-z-]+))?@', line)
        if match:
            page.fill(match[2], match[3], match[1])
        else:
            print(line.replace('@VERSION@', version))


if __name__ == '__main__':
    sys.stdout.reconfigure(encoding='utf-8')
    main(*sys.argv[1:])
