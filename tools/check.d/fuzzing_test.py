# SPDX-License-Identifier: Apache-2.0
"""Tests of fuzzing.py with programs that stand for fuzzers."""

from __future__ import annotations

import pathlib
import tempfile
import unittest

import fuzzing


class FuzzingTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for part in ("corpus", "bin"):
            (self.root / part).mkdir()

    def add(self, name: str, script: str) -> None:
        (self.root / "corpus" / name).mkdir()
        program = self.root / "bin" / f"{name}_fuzzer"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        program.chmod(0o755)

    def run_all(self) -> dict[str, fuzzing.Outcome]:
        corpora = self.root / "corpus"
        outcomes = fuzzing.run_all(fuzzing.targets(corpora), self.root / "bin", corpora, 1)
        return {outcome.name: outcome for outcome in outcomes}

    def test_every_corpus_is_run(self) -> None:
        self.add("one", 'test -d "$1" && test "$(basename "$2")" = one')
        self.add("two", 'test "$3" = -max_total_time=1')
        outcomes = self.run_all()
        self.assertEqual({name: o.outcome for name, o in outcomes.items()},
                         {"fuzz/one": "passed", "fuzz/two": "passed"})

    def test_a_failure_tells_why_and_by_what(self) -> None:
        self.add("bad", """for word; do case $word in -artifact_prefix=*) at=${word#*=};; esac; done
printf AB >"${at}crash-1"
echo 'noise'; echo '==1==ERROR: AddressSanitizer: heap-use-after-free'; exit 77""")
        outcome = self.run_all()["fuzz/bad"]
        self.assertEqual(outcome.outcome, "failed")
        self.assertIn("heap-use-after-free", outcome.reason)
        self.assertIn("4142", outcome.reason)
        self.assertNotIn("noise", outcome.reason)

    def test_a_failure_without_a_report_tells_its_last_words(self) -> None:
        self.add("odd", "echo first; echo last words; exit 1")
        self.assertIn("last words", self.run_all()["fuzz/odd"].reason)


if __name__ == "__main__":
    unittest.main()
