#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Run the unittest tests of one file and report them as TAP.

Usage: run.py FILE [NAME...]

NAME selects tests as unittest does: TestEcho or TestEcho.test_half_close.
Standard output carries the TAP lines and nothing else: what the tests, and the
programs that they start, write there goes to standard error. A test is one
line, however many subtests it has.
"""

import faulthandler
import importlib.util
import os
import pathlib
import signal
import sys
import traceback
import unittest


class TapResult(unittest.TestResult):
    """Writes one TAP line for each test, and why it failed to stderr."""

    def __init__(self, tap):
        super().__init__()
        self.tap = tap
        self.number = 0
        self.problem = None
        self.skip_reason = None

    def report(self, test):
        self.number += 1
        status = 'ok' if self.problem is None else 'not ok'
        line = f'{status} {self.number} {describe(test)}'
        if self.problem is None and self.skip_reason is not None:
            line += ' # SKIP ' + self.skip_reason.replace('\n', ' ')
        print(line, file=self.tap, flush=True)
        self.problem = self.skip_reason = None

    def fail(self, test, problem):
        print(f'{describe(test)}:\n{problem}', file=sys.stderr, flush=True)
        self.problem = problem
        # What goes wrong in setUpClass or setUpModule has no stopTest.
        if not isinstance(test, unittest.TestCase):
            self.report(test)

    def stopTest(self, test):
        self.report(test)
        super().stopTest(test)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, format_error(err))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, format_error(err))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail(subtest, format_error(err))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip_reason = reason
        if not isinstance(test, unittest.TestCase):
            self.report(test)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.fail(test, 'expected failures are not accepted here')

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.fail(test, 'expected failures are not accepted here')


def describe(test):
    """Name a test for a TAP line, in which a # would begin a directive."""
    name = test.id()
    if isinstance(test, unittest.TestCase):
        name = name.partition('.')[2]
    sentence = test.shortDescription()
    text = name if sentence is None else f'{name}: {sentence}'
    return text.replace('#', '').replace('\n', ' ')


def format_error(err):
    return ''.join(traceback.format_exception(*err))


def load_module(path):
    """Import a test file, whose neighbours it may import in turn."""
    sys.path.insert(0, str(path.parent))
    name = path.stem.replace('-', '_').replace('.', '_')
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def take_stdout():
    """Keep standard output for TAP; everything else goes to stderr."""
    tap = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)
    return tap


def main(argv):
    tap = take_stdout()
    # Meson ends a test that takes too long so: say where it hangs.
    faulthandler.register(signal.SIGTERM, chain=True)
    module = load_module(pathlib.Path(argv[1]).resolve())
    loader = unittest.defaultTestLoader
    if len(argv) > 2:
        suite = loader.loadTestsFromNames(argv[2:], module)
    else:
        suite = loader.loadTestsFromModule(module)
    count = suite.countTestCases()
    if count == 0:
        print('Bail out! no tests found', file=tap, flush=True)
        return 1
    print(f'1..{count}', file=tap, flush=True)
    result = TapResult(tap)
    suite.run(result)
    return 0 if result.number == count and not (result.failures or result.errors) else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv))
