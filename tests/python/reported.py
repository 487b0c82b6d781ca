# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of a program with a report for Bazel in which a skipped test is no passed one."""

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
        # By class and test.
        self.cases: dict[tuple[str, str], str] = {}

    @staticmethod
    def key(test: unittest.TestCase) -> tuple[str, str]:
        test = getattr(test, "test_case", test)
        return type(test).__name__, test.id().rpartition(".")[2]

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.cases[self.key(test)] = ""

    def note(self, test: unittest.TestCase, kind: str, text: str) -> None:
        self.cases[self.key(test)] = f"<{kind} message={saxutils.quoteattr(text)}/>"

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
        lines = "".join(f'<testcase name="{name}" classname="{suite}">{inner}</testcase>\n'
                        for (suite, name), inner in self.cases.items())
        pathlib.Path(path).write_text(
            f'<testsuites><testsuite name="python" tests="{len(self.cases)}">\n{lines}'
            "</testsuite></testsuites>\n", encoding="utf-8")


def binary() -> str:
    """The first argument, which is taken."""
    return os.path.abspath(sys.argv.pop(1))


def run() -> int:
    """Runs the program's tests, or those that the arguments name; the exit code."""
    runner = unittest.TextTestRunner(resultclass=XmlResult, verbosity=2)
    result = unittest.main(testRunner=runner, exit=False).result
    assert isinstance(result, XmlResult)
    if os.environ.get("XML_OUTPUT_FILE"):
        result.write(os.environ["XML_OUTPUT_FILE"])
    return 0 if result.wasSuccessful() else 1
