# SPDX-License-Identifier: Apache-2.0
"""Runs a test class with a report for Bazel in which a skipped test is no passed one."""

from __future__ import annotations

import os
import pathlib
import sys
import unittest
from xml.sax import saxutils


class XmlResult(unittest.TextTestResult):
    """Notes every test for Bazel's report, so that a skipped one is not counted as passed."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.suite = ""
        self.cases: dict[str, str] = {}

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.suite = type(test).__name__
        self.cases[test.id().rpartition(".")[2]] = ""

    def note(self, test: unittest.TestCase, kind: str, text: str) -> None:
        test = getattr(test, "test_case", test)
        self.cases[test.id().rpartition(".")[2]] = f"<{kind} message={saxutils.quoteattr(text)}/>"

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)

    def addFailure(self, test, err) -> None:
        super().addFailure(test, err)
        self.note(test, "failure", str(err[1]))

    def addError(self, test, err) -> None:
        super().addError(test, err)
        self.note(test, "error", str(err[1]))

    def addSubTest(self, test, subtest, err) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "failure", f"{subtest.id()}: {err[1]}")

    def write(self, path: str) -> None:
        lines = "".join(f'<testcase name="{name}" classname="{self.suite}">{inner}</testcase>\n'
                        for name, inner in self.cases.items())
        pathlib.Path(path).write_text(
            f'<testsuites><testsuite name="{self.suite}" tests="{len(self.cases)}">\n{lines}'
            "</testsuite></testsuites>\n", encoding="utf-8")


def binary() -> str:
    """The first argument."""
    return os.path.abspath(sys.argv[1])


def run(tests: type[unittest.TestCase]) -> int:
    """The exit code. Further arguments name the tests to run."""
    if len(sys.argv) > 2:
        suite = unittest.TestSuite(tests(name) for name in sys.argv[2:])
    else:
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(tests)
    result = unittest.TextTestRunner(resultclass=XmlResult, verbosity=2).run(suite)
    if os.environ.get("XML_OUTPUT_FILE"):
        result.write(os.environ["XML_OUTPUT_FILE"])
    return 0 if result.wasSuccessful() else 1
