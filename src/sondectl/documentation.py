#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Turn what the D-Bus contract says about the settings into a C table.

Usage: documentation.py OUTPUT XML...

The comments of the properties that can be written become rows of a name and a text,
whose paragraphs are a line each, without marks.
"""

import re
import sys
import xml.etree.ElementTree

HEAD = re.compile(r'\s*(\w+):\s*\n(?:\s*@.*\n)*')
ITEM = re.compile(r'\n\s*(?=- )')


def read_comments(path):
    """Tell the documentation of the members of an interface, by name."""
    builder = xml.etree.ElementTree.TreeBuilder(insert_comments=True)
    parser = xml.etree.ElementTree.XMLParser(target=builder)
    root = xml.etree.ElementTree.parse(path, parser).getroot()
    texts = [node.text for node in root.iter(xml.etree.ElementTree.Comment)]
    heads = [(HEAD.match(text), text) for text in texts]
    comments = {head[1]: text[head.end():] for head, text in heads if head}
    settings = {node.get('name') for node in root.iter('property')
                if node.get('access') == 'readwrite'}
    return {name: text for name, text in comments.items() if name in settings}


def to_lines(text):
    text = text.replace('`', '')
    paragraphs = [part for block in re.split(r'\n\s*\n', text) for part in ITEM.split(block)]
    return [' '.join(paragraph.split()) for paragraph in paragraphs if paragraph.strip()]


def quote(line):
    return '"' + line.replace('\\', '\\\\').replace('"', '\\"') + '\\n"'


def main(output, *paths):
    rows = {name: text for path in paths for name, text in read_comments(path).items()}
    with open(output, 'w', encoding='utf-8') as file:
        print('/* Made from the comments of the D-Bus contract. */', file=file)
        for name in sorted(rows):
            text = '\n    '.join(quote(line) for line in to_lines(rows[name]))
            print(f'{{ "{name}",\n    {text} }},', file=file)


if __name__ == '__main__':
    main(*sys.argv[1:])
