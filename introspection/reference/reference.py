#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Write what the reference manual repeats from the code and from the D-Bus XML.

Usage: reference.py PART TABLES XML...

PART is properties (documentation comments for the properties that the tables
of the library make), settings, timeouts or interfaces (pages in Markdown).
TABLES is what the program sonde-tables prints. The text goes to standard
output.
"""

import json
import pathlib
import re
import sys
import textwrap
from xml.etree import ElementTree

PREFIX = 'org.sonde.Sonde1.'

# Seconds after which connect(2) failed with ETIMEDOUT on Linux 6.18, by
# tcp_syn_retries, with the other sysctls at their defaults.
MEASURED = {1: 3.07, 2: 7.13, 3: 19.55, 4: 35.68}

CHANGES = {
    'live': 'at once, for open connections as well',
    'new': 'for connections accepted from now on',
    'relisten': 'with new listeners (`Relisten()`)',
}

ACCESS = {'read': 'read-only', 'readwrite': 'read and write', 'write': 'write-only'}


def split_comment(text):
    """Split a comment as gdbus-codegen reads it: name, annotations, prose."""
    lines = textwrap.dedent(text).strip().splitlines()
    name = lines[0].partition(':')[0]
    notes = {}
    rest = lines[1:]
    while rest and (match := re.match(r'\s*@(\w+):\s*(.*)', rest[0])):
        notes[match[1]] = match[2]
        rest.pop(0)
    prose = textwrap.dedent('\n'.join(rest)).strip()
    return name, notes, re.sub(r'@(\w+)', r'`\1`', prose)


def read_interfaces(paths):
    """Yield each interface with its comments by name."""
    for path in paths:
        builder = ElementTree.TreeBuilder(insert_comments=True)
        root = ElementTree.parse(path, ElementTree.XMLParser(target=builder)).getroot()
        comments = {}
        for element in root.iter(ElementTree.Comment):
            name, *rest = split_comment(element.text)
            comments[name] = rest
        for interface in root.iter('interface'):
            yield interface, comments


def read_property_texts(paths):
    return {name: text
            for _, comments in read_interfaces(paths) for name, (_, text) in comments.items()}


def write_comment(name, paragraphs):
    print(f'\n/**\n * {name}:')
    for paragraph in paragraphs:
        print(' *')
        for line in paragraph.replace('*/', '* /').splitlines():
            print(f' * {line}'.rstrip())
    print(' *\n * Since: 0.1\n */')


def describe_setting(row):
    text = f'The setting `{row["name"]}`: a `{row["type"]}`; allowed: {row["range"]}.'
    return '\n'.join(textwrap.wrap(text, 80, break_long_words=False, break_on_hyphens=False))


def write_properties(tables, paths):
    texts = read_property_texts(paths)
    print('/* Made from the tables of the library and from the D-Bus XML. */')
    for row in tables['settings']:
        paragraphs = [texts[row['name']], describe_setting(row)]
        write_comment('SondeServer:' + row['property'], paragraphs)
    for row in tables['counters']:
        write_comment('SondeServer:' + row['property'], [texts[row['name']]])


def write_table(head, rows):
    print('| ' + ' | '.join(head) + ' |')
    print('|' + '---|' * len(head))
    for row in rows:
        print('| ' + ' | '.join(str(cell).replace('|', '\\|') for cell in row) + ' |')
    print()


def write_setting_rows(rows):
    head = 'setting', 'what it is', 'type', 'allowed', 'default', 'a change takes effect'
    write_table(head, ((f'[`{r["name"]}`](property.Server.{r["property"]}.html)', r['blurb'],
                        f'`{r["type"]}`', r['range'],
                        f'`{r["default"]}`' if r['default'] not in ('', '""') else '-',
                        CHANGES[r['change']]) for r in rows))


def write_option_rows(rows):
    head = 'option', 'what it is', 'type', 'allowed', 'sysctl', 'a change takes effect'
    write_table(head, ((f'[`{r["name"]}`](property.Server.{r["property"]}.html)', r['blurb'],
                        f'`{r["type"]}`', r['range'],
                        f'`{r["sysctl"]}` (its {r["sysctl_is"]})' if r['sysctl'] else '-',
                        CHANGES[r['change']]) for r in rows))


def write_settings(tables, paths):
    server = xml_names(paths, PREFIX + 'Server')
    print('Title: Settings and socket options\n\n# Settings and socket options\n')
    print('This page is made from the tables in the code: what a row says is what the library '
          'checks. A setting has the same name on D-Bus, in the configuration file and on the '
          'command line; its GObject property is the same name in lower case with hyphens. '
          'A time that ends in `USec` counts microseconds; written with `Sec` instead '
          '(`KeepAliveTimeSec`), a number without a unit counts seconds.\n')
    print('## The server\n')
    write_setting_rows([row for row in tables['settings'] if row['name'] in server])
    print('## Socket options\n')
    print('0, or an empty string, leaves an option to the kernel; that is the default of all '
          'of them. The sysctl is what the kernel uses then ("default"), or what cuts a value '
          'down ("limit"): see [Which limit stopped me?](limits.html).\n')
    write_option_rows([row for row in tables['settings'] if row['name'] not in server])
    print('## Presets\n')
    print('Each sets what one of the recipes set that Sonde grew from; anything can be set '
          'beside it, and wins.\n')
    for name, values in tables['presets'].items():
        text = ', '.join(f'`{key}={value}`' for key, value in values.items())
        print(f'`{name}`\n: {text}\n')


def xml_names(paths, interface_name):
    return {element.get('name') for interface, _ in read_interfaces(paths)
            if interface.get('name') == interface_name for element in interface.iter('property')}


def write_timeouts(tables, _paths):
    """Fill in the table of the page whose text is in connect-timeout.md.in."""
    rows = ((row['retries'], row['classic'], row['model'],
             f'{MEASURED[row["retries"]]:.2f}' if row['retries'] in MEASURED else '-')
            for row in tables['connect_timeouts'])
    head = 'tcp_syn_retries', '2^(n+1)-1, in s', 'modelled, in s', 'measured, in s'
    template = pathlib.Path(__file__).with_name('connect-timeout.md.in').read_text('utf-8')
    before, after = template.split('@TABLE@\n')
    print(before, end='')
    write_table(head, rows)
    print(after, end='')


def describe_arguments(method, direction):
    rows = [a for a in method.iter('arg') if a.get('direction', 'in') == direction]
    return ', '.join(f'{a.get("type")} {a.get("name")}' for a in rows)


def signature_of(member):
    name = member.get('name')
    if member.tag == 'property':
        return f'{name} {member.get("type")}, {ACCESS[member.get("access")]}'
    if member.tag == 'signal':
        arguments = ', '.join(f'{a.get("type")} {a.get("name")}' for a in member.iter('arg'))
        return f'{name} ({arguments})'
    result = describe_arguments(member, 'out')
    return f'{name} ({describe_arguments(member, "in")})' + (f' → {result}' if result else '')


def write_members(interface, comments, tag, title):
    members = [member for member in interface if member.tag == tag]
    if not members:
        return
    print(f'### {title} of {interface.get("name").removeprefix(PREFIX)}\n')
    for member in members:
        notes, text = comments[member.get('name')]
        print(f'#### `{signature_of(member)}`\n\n{text}\n')
        for argument in member.iter('arg'):
            if description := notes.get(argument.get('name')):
                print(f'- `{argument.get("name")}`: {description}')
        print()


def write_interfaces(_tables, paths):
    print('Title: The D-Bus interfaces, member by member\n')
    print('# The D-Bus interfaces, member by member\n')
    print('Made from the XML that the daemon itself is built from. How to use it from any '
          'language: [Sonde over D-Bus](dbus.html).\n')
    for interface, comments in sorted(read_interfaces(paths), key=lambda i: i[0].get('name')):
        name = interface.get('name')
        notes, text = comments[name]
        print(f'## {name}\n\n{notes["short_description"]}.\n\n{text}\n')
        write_members(interface, comments, 'method', 'Methods')
        write_members(interface, comments, 'property', 'Properties')
        write_members(interface, comments, 'signal', 'Signals')


PARTS = {
    'properties': write_properties,
    'settings': write_settings,
    'timeouts': write_timeouts,
    'interfaces': write_interfaces,
}


def main(argv):
    part, tables, *paths = argv[1:]
    PARTS[part](json.loads(pathlib.Path(tables).read_text('utf-8')), paths)


if __name__ == '__main__':
    main(sys.argv)
