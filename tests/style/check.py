#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Check the style of the repository, one rule after the other.

Usage: check.py [--format]

Looks at the files that git tracks or would track. Prints a line for each rule
and below it who breaks it; the exit status is 0 if nobody does. With --format,
formats the C files instead.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LONGEST_LINE = 100
POLKIT_DTD = '/usr/share/polkit-1/policyconfig-1.dtd'
BUILD_FILES = ('meson.build', 'meson_options.txt')
# In pieces, so that this file may be checked as well.
UNFINISHED = re.compile(r'\b(TO' r'DO|X' r'XX|FIX' r'ME)\b')
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
TRANSLATED = re.compile(r'(?<![A-Za-z0-9_])(?:_|N_|C_|NC_|Q_|n?gettext)\s*\(\s*"')

# What the C files below a folder must not include.
LAYERS = {
    'src/libsonde/': re.compile(
        r'dbus|polkit|systemd|json-glib|sonded|sondectl|introspection|.config\.h', re.IGNORECASE
    ),
    'src/libsonde-test/': re.compile(r'polkit|sonded|sondectl|libsonde/.*-private'),
    'src/sonded/': re.compile(r'sondectl'),
    'src/sondectl/': re.compile(r'sonded\b'),
}


# Bytes for the fuzzers, which are no text.
CORPUS = 'tests/fuzz/corpus/'


def run(*command):
    """Run a program in the root; return its exit status and its output."""
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def list_files():
    """List what git tracks or would track, relative to the root."""
    # A checkout may belong to somebody else, as in a container.
    git = ('git', '-c', f'safe.directory={ROOT}', 'ls-files', '-z')
    status, output = run(*git, '--cached', '--others', '--exclude-standard')
    if status != 0:
        sys.exit(f'git cannot list the files:\n{output}')
    return sorted(name for name in set(output.split('\0'))
                  if name and not name.startswith(CORPUS) and (ROOT / name).is_file())


def read(name):
    return (ROOT / name).read_text(encoding='utf-8')


def numbered(name):
    return enumerate(read(name).splitlines(), 1)


def is_script(name, interpreter):
    with (ROOT / name).open('rb') as file:
        first = file.readline(200)
    return first.startswith(b'#!') and interpreter in first


def c_files(files):
    return [name for name in files if name.endswith(('.c', '.h'))]


def shell_files(files):
    return [name for name in files if name.endswith('.sh') or is_script(name, b'sh\n')]


def python_files(files):
    return [name for name in files if name.endswith('.py') or is_script(name, b'python3\n')]


def xml_files(files):
    kinds = '.xml', '.policy.in'
    return [name for name in files if name.endswith(kinds) or is_bus_policy(name)]


def is_bus_policy(name):
    return name.startswith('data/dbus/') and name.endswith('.conf')


def source_files(files):
    """All that people write in a programming language, or nearly one."""
    build = [name for name in files if pathlib.PurePath(name).name in BUILD_FILES]
    kinds = c_files(files), shell_files(files), python_files(files), xml_files(files), build
    return sorted({name for kind in kinds for name in kind})


def check_formatting(files):
    names = c_files(files)
    if not names:
        return
    status, output = run('clang-format', '--dry-run', '-Werror', *names)
    places = re.findall(r'^(\S+?):(\d+):\d+: error: code should be', output, re.MULTILINE)
    for name in dict.fromkeys(name for name, _ in places):
        lines = dict.fromkeys(line for other, line in places if other == name)
        yield f'{name}:{next(iter(lines))}: {len(lines)} lines to format'
    if status != 0 and not places:
        yield output


def check_line_length(files):
    for name in source_files(files):
        for number, line in numbered(name):
            if len(line) > LONGEST_LINE:
                yield f'{name}:{number}: {len(line)} characters'


def check_licence(files):
    for name in source_files(files):
        # An XML declaration and a DOCTYPE take three lines.
        head = read(name).splitlines()[: 6 if read(name).startswith('<?xml') else 3]
        if not any('SPDX-License-Identifier: ' in line for line in head):
            yield f'{name}:1: no SPDX-License-Identifier in the first lines'


def check_layers(files):
    for name in c_files(files):
        forbidden = [LAYERS[folder] for folder in LAYERS if name.startswith(folder)]
        for number, line in numbered(name):
            include = INCLUDE.match(line)
            if include and any(pattern.search(include[1]) for pattern in forbidden):
                yield f'{name}:{number}: may not include {include[1]}'


def check_unfinished(files):
    for name in files:
        if name == 'LICENSE' or name.startswith('tests/fuzz/corpus/'):
            continue
        for number, line in numbered(name):
            if UNFINISHED.search(line):
                yield f'{name}:{number}: {line.strip()}'


def check_translations(files):
    translated = {name for name in c_files(files) if TRANSLATED.search(read(name))}
    translated |= {name for name in files if name.endswith('.policy.in')}
    potfiles = 'po/POTFILES.in'
    if potfiles not in files:
        yield from [f'{potfiles}: does not exist'] if translated else []
        return
    listed = {line.strip() for line in read(potfiles).splitlines() if not line.startswith('#')}
    yield from (f'{potfiles}: lacks {name}' for name in sorted(translated - listed))
    yield from (f'{potfiles}: {name} does not exist' for name in sorted(listed - {''} - set(files)))


def check_shell(files):
    names = shell_files(files)
    status, output = run('shellcheck', '--format=gcc', *names) if names else (0, '')
    if status != 0:
        yield from output.splitlines()


def check_xml(files):
    names = xml_files(files)
    status, output = run('xmllint', '--noout', '--nonet', *names) if names else (0, '')
    if status != 0:
        yield from output.splitlines()


def check_polkit(files):
    names = [name for name in files if name.endswith('.policy.in')]
    command = 'xmllint', '--noout', '--nonet', '--dtdvalid', POLKIT_DTD
    status, output = run(*command, *names) if names else (0, '')
    if status != 0:
        yield from output.splitlines()


def check_python(files):
    for name in python_files(files):
        try:
            compile(read(name), name, 'exec')
        except SyntaxError as error:
            yield f'{name}:{error.lineno}: {error.msg}'


RULES = {
    'C files are formatted (./dev format)': check_formatting,
    f'no line is longer than {LONGEST_LINE} characters': check_line_length,
    'source files name their licence': check_licence,
    'layers include no layer that they must not know': check_layers,
    'nothing is marked as unfinished': check_unfinished,
    'POTFILES.in lists what is translated': check_translations,
    'shellcheck finds nothing in shell scripts': check_shell,
    'XML files are well-formed': check_xml,
    'polkit policies obey their DTD': check_polkit,
    'Python files compile': check_python,
}


def check(files):
    """Print the verdict on each rule; return how many are broken."""
    broken = 0
    for title, rule in RULES.items():
        offenders = list(rule(files))
        broken += bool(offenders)
        print(f'{"FAIL" if offenders else "ok":4}  {title}')
        for offender in offenders:
            print(f'      {offender}')
    print(f'{len(RULES)} rules, {broken} broken')
    return broken


def main(argv):
    files = list_files()
    if argv[1:] == ['--format']:
        status, output = run('clang-format', '-i', *c_files(files))
        print(output, end='')
        return status
    return 1 if check(files) > 0 else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
