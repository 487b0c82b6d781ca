# SPDX-License-Identifier: Apache-2.0
"""Outcomes of single test cases, and how they are read from what test runs leave behind."""

from __future__ import annotations

import collections
import dataclasses
import json
import pathlib
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclasses.dataclass(frozen=True)
class Outcome:
    name: str
    outcome: str
    reason: str = ""


def one_line(text: str, limit: int = 300) -> str:
    joined = " | ".join(line.strip() for line in text.strip().splitlines() if line.strip())
    return joined if len(joined) <= limit else joined[:limit] + " ..."


def _reason(element: ElementTree.Element) -> str:
    return one_line(element.get("message") or element.text or "no reason given")


def from_junit(content: str, prefix: str) -> list[Outcome]:
    """One outcome per <testcase>, as GoogleTest and Bazel write them."""
    outcomes = []
    for case in ElementTree.fromstring(content).iter("testcase"):
        name = "/".join(part for part in (prefix, case.get("classname"), case.get("name")) if part)
        failures = case.findall("failure") + case.findall("error")
        skipped = case.find("skipped")
        if failures:
            outcomes.append(Outcome(name, FAILED, "; ".join(_reason(f) for f in failures)))
        elif skipped is not None:
            outcomes.append(Outcome(name, SKIPPED, _reason(skipped)))
        elif case.get("status") == "notrun":
            outcomes.append(Outcome(name, SKIPPED, "disabled in the source"))
        else:
            outcomes.append(Outcome(name, PASSED))
    return outcomes


def from_build_events(path: pathlib.Path, part: str) -> list[Outcome]:
    """Outcomes of a `bazel test` from its --build_event_json_file.

    A target is judged by Bazel's status too: a program may crash after its last test case, or
    before it wrote anything.
    """
    outcomes: list[Outcome] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        identity = event.get("id", {})
        if "testResult" in identity:
            outcomes += _from_test(identity["testResult"]["label"], event["testResult"], part)
        elif "targetCompleted" in identity and not event.get("completed", {}).get("success"):
            # A target that is not built says so here; without a test result it would be lost.
            label = identity["targetCompleted"]["label"]
            outcomes.append(Outcome(f"{part}{label}", FAILED, "does not build"))
    return outcomes


def _from_test(label: str, result: dict[str, object], part: str) -> list[Outcome]:
    name = f"{part}{label}"
    outputs = result.get("testActionOutput", [])
    assert isinstance(outputs, list)
    found = [output["uri"] for output in outputs if output.get("name") == "test.xml"]
    cases: list[Outcome] = []
    problem = ""
    try:
        if found:
            file = pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(found[0]).path))
            cases = from_junit(file.read_text(encoding="utf-8", errors="replace"), name)
    except (OSError, ElementTree.ParseError) as error:
        problem = f"its test.xml cannot be read: {error}"
    status = str(result.get("status", "NO_STATUS"))
    if status == "PASSED" and not cases:
        return [Outcome(name, FAILED, problem or "reported no test case at all")]
    if status != "PASSED" and not any(case.outcome == FAILED for case in cases):
        cases.append(Outcome(name, FAILED, problem or f"the test program ended with {status}"))
    return cases


def from_lab(path: pathlib.Path) -> list[Outcome]:
    """Outcomes of the lab's runner."""
    return [Outcome(entry["name"], entry["outcome"], entry["reason"])
            for entry in json.loads(path.read_text(encoding="utf-8"))]


def counts_line(outcomes: Iterable[Outcome]) -> str:
    counted = collections.Counter(outcome.outcome for outcome in outcomes)
    return f"{counted[PASSED]} passed, {counted[FAILED]} failed, {counted[SKIPPED]} skipped"


def report(outcomes: list[Outcome]) -> str:
    """Skipped and failed tests with their reasons, then the one line that counts them all."""
    lines = []
    for kind in (SKIPPED, FAILED):
        lines += [f"{kind.upper()} {o.name}: {one_line(o.reason) or 'no reason given'}"
                  for o in outcomes if o.outcome == kind]
    return "\n".join([*lines, counts_line(outcomes)])
