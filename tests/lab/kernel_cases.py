# SPDX-License-Identifier: Apache-2.0
"""The tests of the kernels in kernel/: their own selftests, the seal's number on other kernels, and that
none of all that made the kernel complain."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.boots import sealvm_run
from lab.case import (Case, CheckFailed, NotHere, expect, expect_exit, expect_line, number_after,
                      text_of)
from lab.kernels import ROOT
from lab.launch_cases import check_test_program
from lab.session import Result

# How a kernel begins to tell that it found a fault in itself. Not among them: that something took
# long, for the emulator may be starved.
REPORT = re.compile(r"^\[[^]]*\].*?(WARNING: |\bBUG: |kernel BUG at |Oops: |general protection fault"
                    r"|Kernel panic|INFO: trying to register non-static key).*$", re.MULTILINE)
STARVED = re.compile(r"BUG: workqueue lockup|soft lockup")


def reports_in(console: bytes) -> list[str]:
    """The first lines of all reports."""
    return [found[0] for found in REPORT.finditer(text_of(console))
            if STARVED.search(found[0]) is None]


def expect_no_reports(console: bytes) -> None:
    reports = reports_in(console)
    expect(not reports, f"the kernel made {len(reports)} reports, first: "
                        f"{reports[0] if reports else ''}")


def check_tap(result: Result) -> str:
    """The Test Anything Protocol: all that was planned passed, or was skipped with a reason."""
    output = text_of(result.stdout)
    given_up = re.search(r"^Bail out!.*$", output, re.MULTILINE)
    expect(given_up is None, given_up[0] if given_up else "")
    plan = re.search(r"^1\.\.(\d+)(.*)$", output, re.MULTILINE)
    lines = re.findall(r"^(ok|not ok) +(\d+)(.*)$", output, re.MULTILINE)
    if plan is None:
        raise CheckFailed("no plan of tests on stdout")
    if int(plan[1]) == 0:
        raise NotHere(plan[2].strip() or "no tests")
    failed = [number + words for verdict, number, words in lines if verdict == "not ok"]
    expect(not failed, f"{len(failed)} tests failed: {'; '.join(failed)}")
    expect([int(number) for _, number, _ in lines] == list(range(1, int(plan[1]) + 1)),
           f"{len(lines)} tests ended of {plan[1]} that were planned")
    expect_exit(result, 0)
    skipped = [number + words for _, number, words in lines if "# SKIP" in words.upper()]
    if len(skipped) == len(lines):
        raise NotHere("; ".join(skipped))
    return f"{len(lines) - len(skipped)} of {len(lines)} tests" + \
           (f", skipped: {'; '.join(skipped)}" if skipped else "")


def selftests() -> list[str]:
    """The programs of kernel/selftests."""
    return sorted(file.stem for file in (ROOT / "kernel/selftests").glob("*.c"))


def selftest_cases() -> list[Case]:
    """With the VMM's own test of what the patches promise it."""
    return [*(Case(f"kernel/{program}", f"./{program}", check_tap) for program in selftests()),
            Case("kernel/sealed_memfd_test", "./sealed_memfd_test", check_test_program(0))]


def check_log(*alive: str) -> Callable[[Result], None]:
    """The whole log since L1's boot; what is said to be there shows that the checks themselves are."""
    def check(result: Result) -> None:
        output = text_of(result.stdout)
        expect_no_reports(result.stdout)
        for line in alive:
            expect(re.search(line, output, re.MULTILINE) is not None, f"no line '{line}'")
        expect_exit(result, 0)
    return check


def log_case() -> Case:
    return Case("kernel/log", "dmesg", check_log("Linux version .*-sealvm"), 60)


def debug_log_case() -> Case:
    """The kernel stops to prove its locking with the first report."""
    return Case("kernel/log", "dmesg; cat /proc/lockdep_stats",
                check_log("KernelAddressSanitizer initialized", "^ debug_locks: +1$"), 60)


def check_changes(result: Result) -> str:
    expect_exit(result, 0)
    vms = number_after(result, "vms")
    expect(vms > 0, "no VM was made")
    return f"{vms} VMs came and went"


def changed_code_case() -> Case:
    """Of the emulator, rather: it must notice that this kernel changes its own code all the time."""
    return Case("kernel/changed-code", "./change_code 120", check_changes, 240)


def seal_number_case() -> Case:
    """On this L1's kernel the number of the 2021 series is no seal, or the memory is out of reach."""
    return Case("seal-number", "./guest_seal_test", check_test_program(0), 60)


def check_seal_number_in_guest(result: Result) -> None:
    expect_line(result, "@@SEAL 0")
    expect_exit(result, 0)


def seal_number_in_guest_case(kernel: str) -> Case:
    """The same in a guest: a kernel that L1 cannot be, for it has no KVM."""
    return Case(f"seal-number/{kernel}",
                sealvm_run(kernel, cmdline="console=ttyS0 quiet test=seal"),
                check_seal_number_in_guest, 240)
