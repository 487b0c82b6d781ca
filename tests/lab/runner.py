# SPDX-License-Identifier: Apache-2.0
"""Runs the lab's tests, one L1 boot for all of an L1 kernel's.

    runner.py [--l1 6.12|7.x]... [--only REGEX] [--results FILE.json] [--list]
              [--sealvm PATH]

Prints a line for each test and the output of those that fail. The results file is a list of
objects with name, outcome ("passed", "failed", "skipped"), seconds and reason.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import re
import signal
import sys
import time

from lab import cases, initrd, kernels, qemu
from lab.case import Case, CheckFailed, text_of
from lab.cli import ROOT, end_orderly
from lab.errors import LabError, Unavailable
from lab.session import Lab, Result

L1_KERNELS = ("6.12", "7.x")
SHOWN_LINES = 40


@dataclasses.dataclass(frozen=True)
class Outcome:
    name: str
    outcome: str
    seconds: float
    reason: str = ""


def excerpt(name: str, data: bytes) -> str:
    lines = text_of(data).rstrip().splitlines()
    if not lines:
        return ""
    cut = f" (last {SHOWN_LINES} of {len(lines)} lines)" if len(lines) > SHOWN_LINES else ""
    return f"  --- {name}{cut}\n" + "".join(f"  | {line}\n" for line in lines[-SHOWN_LINES:])


def judge(case: Case, result: Result) -> str:
    """The reason why a test failed, or nothing."""
    if result.timed_out:
        return f"not finished after {case.limit:g} s"
    try:
        case.check(result)
    except CheckFailed as failure:
        return str(failure)
    return ""


def run_case(lab: Lab, l1: str, case: Case) -> Outcome:
    """One test in a running L1; LabError if L1 did not survive it."""
    name = f"lab/{l1}/{case.name}"
    result = lab.run(case.script, case.limit)
    reason = judge(case, result)
    if reason:
        print(f"FAILED  {name} ({result.seconds:.1f} s): {reason}")
        print(excerpt("stdout", result.stdout) + excerpt("stderr", result.stderr)
              + excerpt("L1's kernel", result.console), end="", flush=True)
        return Outcome(name, "failed", result.seconds, reason)
    print(f"passed  {name} ({result.seconds:.1f} s)", flush=True)
    return Outcome(name, "passed", result.seconds)


def run_all(l1: str, wanted: list[Case], content: initrd.L1Content) -> list[Outcome]:
    """All tests of one L1 kernel. A test that takes L1 down fails, and a new L1 goes on."""
    outcomes: list[Outcome] = []
    remaining = list(wanted)
    while remaining:
        started = time.monotonic()
        current: Case | None = None
        try:
            with Lab(content, qemu.Shape(program=qemu.find("stock"))) as lab:
                print(f"L1 {l1} ({content.kernel.release}) is up after {lab.boot_time:.1f} s",
                      flush=True)
                while remaining:
                    current = remaining.pop(0)
                    started = time.monotonic()
                    outcomes.append(run_case(lab, l1, current))
        except LabError as error:
            failed = remaining if current is None else [current]
            seconds = time.monotonic() - started
            for case in failed:
                print(f"FAILED  lab/{l1}/{case.name} ({seconds:.1f} s): {error}", flush=True)
                reason = str(error).splitlines()[0]
                outcomes.append(Outcome(f"lab/{l1}/{case.name}", "failed", seconds, reason))
            if current is None:
                return outcomes  # L1 does not even boot: no use in trying again
    return outcomes


def content_for(l1: str, sealvm: pathlib.Path) -> initrd.L1Content:
    known = kernels.load()
    return initrd.L1Content(
        kernel=known[f"l1-{l1}"], sealvm=sealvm,
        guest_kernels=tuple(k for k in known.values() if k.role == "guest"))


def select(l1: str, only: str | None) -> list[Case]:
    return [case for case in cases.cases_for(l1)
            if only is None or re.search(only, f"lab/{l1}/{case.name}")]


def run_l1(l1: str, only: str | None, sealvm: pathlib.Path) -> list[Outcome]:
    wanted = select(l1, only)
    if not wanted:
        return []
    try:
        return run_all(l1, wanted, content_for(l1, sealvm))
    except Unavailable as reason:
        return [Outcome(f"lab/{l1}/{case.name}", "skipped", 0, str(reason)) for case in wanted]
    except LabError as error:
        print(f"the lab cannot be used: {error}", flush=True)
        return [Outcome(f"lab/{l1}/{case.name}", "failed", 0, str(error)) for case in wanted]


def main() -> int:
    parser = argparse.ArgumentParser(description="run the lab's tests")
    parser.add_argument("--l1", action="append", choices=L1_KERNELS, help="only this L1 kernel")
    parser.add_argument("--only", metavar="REGEX", help="only tests whose name matches")
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE", help="write results there")
    parser.add_argument("--list", action="store_true", help="print the tests' names and end")
    parser.add_argument("--sealvm", type=pathlib.Path, default=ROOT / "bazel-bin" / "sealvm",
                        metavar="PATH", help="the program to test (default bazel-bin/sealvm)")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end_orderly)

    chosen = options.l1 or list(L1_KERNELS)
    if options.list:
        print("\n".join(f"lab/{l1}/{c.name}" for l1 in chosen for c in select(l1, options.only)))
        return 0
    outcomes = [outcome for l1 in chosen for outcome in run_l1(l1, options.only, options.sealvm)]
    if options.results is not None:
        options.results.write_text(
            json.dumps([dataclasses.asdict(o) for o in outcomes], indent=2) + "\n",
            encoding="utf-8")
    return 1 if any(o.outcome == "failed" for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
