# SPDX-License-Identifier: Apache-2.0
"""Tests of outcomes: no failed, crashed or unbuilt test may get lost in the counts."""

import json
import pathlib
import tempfile
import unittest

import outcomes
from outcomes import FAILED, PASSED, SKIPPED, Outcome

GTEST_XML = """<?xml version="1.0"?>
<testsuites tests="4" failures="1"><testsuite name="Bus">
<testcase name="Reads" status="run" result="completed" classname="Bus" />
<testcase name="Writes" status="run" result="completed" classname="Bus">
  <failure message="bus_test.cc:7&#x0A;Expected: 1" type=""><![CDATA[...]]></failure></testcase>
<testcase name="Kvm" status="run" result="skipped" classname="Bus">
  <skipped message="no /dev/kvm&#x0A;" /></testcase>
<testcase name="DISABLED_Old" status="notrun" result="suppressed" classname="Bus" />
</testsuite></testsuites>"""
PASSED_XML = """<testsuites><testsuite><testcase name="A" classname="B" status="run"/>
</testsuite></testsuites>"""


class JunitTest(unittest.TestCase):
    def test_each_kind(self):
        self.assertEqual(outcomes.from_junit(GTEST_XML, "unit//d:t"), [
            Outcome("unit//d:t/Bus/Reads", PASSED),
            Outcome("unit//d:t/Bus/Writes", FAILED, "bus_test.cc:7 | Expected: 1"),
            Outcome("unit//d:t/Bus/Kvm", SKIPPED, "no /dev/kvm"),
            Outcome("unit//d:t/Bus/DISABLED_Old", SKIPPED, "disabled in the source"),
        ])

    def test_bazels_own_file_for_a_crashed_program(self):
        (case,) = outcomes.from_junit(
            '<testsuites><testsuite><testcase name="d/t" status="run">'
            '<error message="exited with error code 139"></error></testcase></testsuite>'
            '</testsuites>', "p")
        self.assertEqual((case.outcome, case.reason), (FAILED, "exited with error code 139"))


class BuildEventsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="with space ")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def outcomes_of(self, *events: dict) -> list[Outcome]:
        file = self.folder / "events.json"
        file.write_text("".join(json.dumps(event) + "\n" for event in events))
        return outcomes.from_build_events(file, "unit")

    def result(self, status: str, xml: str | None) -> dict:
        output = []
        if xml is not None:
            file = self.folder / "test.xml"
            file.write_text(xml)
            output = [{"name": "test.log", "uri": "file:///x"},
                      {"name": "test.xml", "uri": file.as_uri()}]
        return {"id": {"testResult": {"label": "//d:t"}},
                "testResult": {"status": status, "testActionOutput": output}}

    def test_passed(self):
        self.assertEqual(self.outcomes_of({"id": {"started": {}}}, self.result("PASSED", PASSED_XML)),
                         [Outcome("unit//d:t/B/A", PASSED)])

    def test_crash_after_the_last_case_is_a_failure(self):
        found = self.outcomes_of(self.result("FAILED", PASSED_XML))
        self.assertEqual([o.outcome for o in found], [PASSED, FAILED])
        self.assertIn("FAILED", found[1].reason)

    def test_timeout_without_a_file_is_a_failure(self):
        self.assertEqual([o.outcome for o in self.outcomes_of(self.result("TIMEOUT", None))],
                         [FAILED])

    def test_program_without_any_case_is_a_failure(self):
        for xml in (None, "<testsuites/>", "<not xml"):
            self.assertEqual([o.outcome for o in self.outcomes_of(self.result("PASSED", xml))],
                             [FAILED])

    def test_target_that_does_not_build_is_a_failure(self):
        event = {"id": {"targetCompleted": {"label": "//d:u"}}, "aborted": {"reason": "X"}}
        self.assertEqual(self.outcomes_of(event), [Outcome("unit//d:u", FAILED, "does not build")])

    def test_built_target_is_no_test(self):
        event = {"id": {"targetCompleted": {"label": "//d:u"}}, "completed": {"success": True}}
        self.assertEqual(self.outcomes_of(event), [])


class ReportTest(unittest.TestCase):
    def test_last_line_counts_and_each_reason_is_above(self):
        text = outcomes.report([Outcome("a", PASSED), Outcome("b", FAILED, "why\nso"),
                                Outcome("c", SKIPPED, "no tool"), Outcome("d", PASSED)])
        self.assertEqual(text.splitlines(), ["SKIPPED c: no tool", "FAILED b: why | so",
                                             "2 passed, 1 failed, 1 skipped"])

    def test_nothing(self):
        self.assertEqual(outcomes.report([]), "0 passed, 0 failed, 0 skipped")


if __name__ == "__main__":
    unittest.main()
