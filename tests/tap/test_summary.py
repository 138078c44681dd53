# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What the last line of ./dev test says must be true, whatever a test does."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import summary


def entry(stdout, result='OK', returncode=0):
    return {'stdout': stdout, 'result': result, 'returncode': returncode}


class TestSummary(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.build_dir = pathlib.Path(directory.name)
        (self.build_dir / 'meson-info').mkdir()
        (self.build_dir / 'meson-logs').mkdir()

    def summarise(self, *entries, protocol='tap', meson_status=0):
        """Write the files that Meson leaves, and return last line and status."""
        names = [f't{i}' for i in range(len(entries))]
        tests = [{'name': name, 'protocol': protocol} for name in names]
        rows = [{'name': f'sonde:unit / {name}', **row} for name, row in zip(names, entries)]
        info = self.build_dir / 'meson-info' / 'intro-tests.json'
        info.write_text(json.dumps(tests), 'utf-8')
        log = self.build_dir / 'meson-logs' / 'testlog.json'
        log.write_text(''.join(json.dumps(row) + '\n' for row in rows), 'utf-8')
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = summary.main(['summary.py', str(self.build_dir), str(meson_status)])
        return output.getvalue().splitlines()[-1], status

    def test_again(self):
        """What ran again counts as it did then; what a sanitizer reports does not run again."""
        failed = entry('1..1\nnot ok 1 /a\n', 'ERROR', 1)
        report = {**failed, 'stderr': 'ERROR: AddressSanitizer: heap-use-after-free'}
        again = self.build_dir / 'meson-logs' / 'again.json'
        passed = entry('1..1\nok 1 /a\n')
        again.write_text(json.dumps({'name': 'sonde:unit / t1', **passed}), 'utf-8')
        rows = passed, failed, failed, report
        self.assertEqual(self.summarise(*rows), ('2 passed, 2 failed', 1))
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertEqual(summary.main(['summary.py', '--failed', str(self.build_dir)]), 0)
        self.assertEqual(output.getvalue().split(), ['t1', 't2'])

    def test_all_pass(self):
        """Every TAP line of every program counts."""
        rows = entry('1..2\nok 1 /a\n# a remark\nok 2 /b\n'), entry('ok 1 /c\n1..1\n')
        self.assertEqual(self.summarise(*rows), ('3 passed, 0 failed', 0))

    def test_failing_lines(self):
        """Each line that is not ok counts as failed, and as nothing else."""
        row = entry('1..3\nnot ok 1 /a\nok 2 /b\nnot ok 3 /c\n', 'ERROR', 1)
        self.assertEqual(self.summarise(row), ('1 passed, 2 failed', 1))

    def test_aborted_assertion(self):
        """A failed assertion that ends the program is not counted twice."""
        output = '1..3\nok 1 /a\nnot ok 2 /b - ERROR\nBail out! ERROR\n'
        self.assertEqual(self.summarise(entry(output, 'ERROR', -6)), ('1 passed, 1 failed', 1))

    def test_crash_halfway(self):
        """A program that is killed between its tests counts as one failed."""
        row = entry('1..3\nok 1 /a\n', 'ERROR', -11)
        self.assertEqual(self.summarise(row), ('1 passed, 1 failed', 1))

    def test_timeout_without_a_line(self):
        """A program that hangs before its first test counts as one failed."""
        row = entry('1..3\n', 'TIMEOUT', -15)
        self.assertEqual(self.summarise(row), ('0 passed, 1 failed', 1))

    def test_exit_status_after_passing(self):
        """A program that fails after its last test counts as one failed."""
        row = entry('1..1\nok 1 /a\n', 'ERROR', 3)
        self.assertEqual(self.summarise(row), ('1 passed, 1 failed', 1))

    def test_no_tests(self):
        """A program without a test fails, though Meson says that it skips."""
        for output in '', '1..0\n':
            with self.subTest(output=output):
                row = entry(output, 'SKIP')
                self.assertEqual(self.summarise(row), ('0 passed, 1 failed', 1))

    def test_skips_are_not_silent(self):
        """A skipped test, or a skipped program, is counted and fails the run."""
        lines = entry('1..2\nok 1 /a # SKIP no kernel support\nok 2 /b\n')
        program = entry('1..0 # SKIP no kernel support\n', 'SKIP')
        self.assertEqual(self.summarise(lines), ('1 passed, 0 failed, 1 skipped', 1))
        self.assertEqual(self.summarise(program), ('0 passed, 0 failed, 1 skipped', 1))

    def test_expected_failure(self):
        """A test that is expected to fail is a failed test."""
        row = entry('1..1\nnot ok 1 /a # ' + 'TO' + 'DO later\n')
        self.assertEqual(self.summarise(row), ('0 passed, 1 failed', 1))

    def test_other_protocols(self):
        """A program that does not speak TAP is one test."""
        rows = entry('ok, said the program\n'), entry('', 'FAIL', 1), entry('', 'SKIP', 77)
        self.assertEqual(
            self.summarise(*rows, protocol='exitcode'), ('1 passed, 1 failed, 1 skipped', 1)
        )

    def test_meson_fails(self):
        """What goes wrong in Meson itself is a failure, too."""
        row = entry('1..1\nok 1 /a\n')
        self.assertEqual(self.summarise(row, meson_status=2), ('1 passed, 1 failed', 1))

    def test_nothing_ran(self):
        """No test at all is not success."""
        self.assertEqual(self.summarise(), ('0 passed, 0 failed', 1))
