# SPDX-License-Identifier: Apache-2.0
"""Runs the lab's tests, many in one L1 boot.

    runner.py [--suite default|soak] [--l1 6.12|7.x|patched|patched-debug]... [--only REGEX] [--results FILE.json]
              [--list] [--sealvm PATH] [--helpers FOLDER] [--jobs N]

Prints a line for each test and the output of those that fail. The results file is a list of
objects with name, outcome ("passed", "failed", "skipped"), seconds and reason.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import re
import signal
import sys
import threading
import time

from lab import cases, initrd, kernels, qemu
from lab.case import Case, CheckFailed, NotHere, text_of
from lab.cli import ROOT, end_orderly
from lab.errors import LabError, Unavailable
from lab.firmware_cases import FIRMWARE_STAGE, firmware_files
from lab.kernel_cases import expect_no_reports, reports_in, selftests
from lab.session import BOOT_SECONDS, Lab, Result
from lab.smoke_cases import SMOKE_STAGE, smoke_files
from lab.stage import MEMORY_MIB, STAGES, Stage

SHOWN_LINES = 40

# What Bazel builds for L1's working directory and for the guests' /bin.
L1_HELPERS = ("tests/lab/private_guest/private_guest", "tests/lab/secrecy/scan_outside",
              "tests/lab/secrecy/scan_inside", "tests/lab/tamper/tamper",
              "tests/kvm/sealed_loader_test", "tests/kvm/diag/sealed_face_test")
GUEST_HELPERS = ("tests/lab/secrecy/hold_secrets",)
LOAD_HELPERS = ("tests/lab/load/disk_load", "tests/lab/load/stream_load")
FIRMWARE_HELPERS = ("guest-fw/sealvm-guest-fw.fd",)
SEAL_HELPERS = ("memory/guest_seal_test",)
KERNEL_HELPERS = ("tests/kvm/sealed_memfd_test", "tests/lab/load/change_code",
                  *(f"kernel/selftests/{program}" for program in selftests()))

# Tests that wait; several workers take from one end.
Queue = collections.deque[Case]


@dataclasses.dataclass(frozen=True)
class Programs:
    """What runs in L1: sealvm, and Bazel's folder with the tests' own programs."""

    sealvm: pathlib.Path
    helpers: pathlib.Path

    def named(self, names: tuple[str, ...]) -> tuple[pathlib.Path, ...]:
        """Files that the helpers' folder must have."""
        files = tuple(self.helpers / name for name in names)
        for file in files:
            if not file.is_file():
                raise LabError(f"{file} is missing: build it with "
                               "'bazel build -c opt //tests/lab/... //tests/kvm/... "
                               "//kernel/... //memory:guest_seal_test "
                               "//guest-fw:sealvm_guest_fw'")
        return files


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


def full_name(stage: Stage, case: Case) -> str:
    return f"lab/{stage.name}/{case.name}"


def judge(stage: Stage, case: Case, result: Result) -> tuple[str, str]:
    """A test's outcome, and what it measured or why it did not pass."""
    if result.timed_out:
        return "failed", f"not finished after {case.limit * stage.slowness:g} s"
    try:
        if stage.own_kernel:
            expect_no_reports(result.console)
        return "passed", case.check(result) or ""
    except CheckFailed as failure:
        return "failed", str(failure)
    except NotHere as absence:
        return "skipped", str(absence)


class Board:
    """Collects outcomes and prints them whole. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._took_l1_down: set[str] = set()
        self.outcomes: list[Outcome] = []

    def first_time(self, name: str) -> bool:
        """Whether a test takes L1 down for the first time."""
        with self._lock:
            known = name in self._took_l1_down
            self._took_l1_down.add(name)
        return not known

    def say(self, text: str) -> None:
        with self._lock:
            print(text, flush=True)

    def add(self, outcome: Outcome, details: str = "") -> None:
        shown = f": {outcome.reason}" if outcome.reason else ""
        with self._lock:
            self.outcomes.append(outcome)
            print(f"{outcome.outcome:7} {outcome.name} ({outcome.seconds:.1f} s){shown}\n{details}",
                  end="", flush=True)


def run_case(lab: Lab, stage: Stage, case: Case, board: Board) -> None:
    """One test in a running L1; LabError if L1 did not survive it."""
    result = lab.run(case.script, case.limit * stage.slowness)
    outcome, reason = judge(stage, case, result)
    name = full_name(stage, case)
    if outcome != "failed":
        board.add(Outcome(name, outcome, result.seconds, reason))
        return
    board.add(Outcome(name, "failed", result.seconds, reason),
              excerpt("stdout", result.stdout) + excerpt("stderr", result.stderr)
              + excerpt("L1's kernel", result.console))


def take(queue: Queue) -> Case | None:
    try:
        return queue.popleft()
    except IndexError:  # asking first would race with the other workers
        return None


def drain(queue: Queue) -> list[Case]:
    return list(iter(lambda: take(queue), None))


def check_memory(stage: Stage) -> None:
    """A large L1 is for tests that use all of it; elsewhere they cannot run."""
    found = re.search(r"^MemAvailable: +(\d+) kB", pathlib.Path("/proc/meminfo").read_text(
        encoding="ascii"), re.MULTILINE)
    available = int(found[1]) // 1024 if found else 0
    if stage.memory_mib > MEMORY_MIB and available < stage.memory_mib:
        raise Unavailable(f"an L1 of {stage.memory_mib} MiB needs as much memory; {available} MiB "
                          "are free")


def run_boot(stage: Stage, queue: Queue, content: initrd.L1Content, board: Board) -> None:
    """One boot of L1 that takes tests from the queue until that is empty or L1 breaks. A test that
    takes L1 down fails if it does so twice: stock QEMU breaks L1's kernel now and then, whatever
    runs (docs/lab.md); a kernel of this tree that reported a fault gets no second try. If L1 does not
    even boot, all that are left fail."""
    current = take(queue)  # before the boot: two workers need not boot for one test
    if current is None:
        return
    booted = False
    started = time.monotonic()
    try:
        shape = qemu.Shape(memory_mib=stage.memory_mib,
                           emulator=qemu.find(stage.qemu, stage.cpu_like))
        check_memory(stage)
        lab = Lab(content, shape, boot_seconds=BOOT_SECONDS * stage.slowness)
        with lab:
            booted = True
            board.say(f"L1 {stage.name} ({content.kernel.release}) is up after "
                      f"{lab.boot_time:.1f} s")
            while current is not None:
                started = time.monotonic()
                run_case(lab, stage, current, board)
                current = take(queue)
    except LabError as error:
        assert current is not None  # nothing fails between the last test and the lab's end
        at_fault = booted and stage.own_kernel and reports_in(lab.console)
        if booted and not at_fault and board.first_time(full_name(stage, current)):
            board.say(f"L1 broke in {full_name(stage, current)}, which gets another: {error}")
            queue.appendleft(current)
            return
        broken = [current] if booted else [current, *drain(queue)]
        outcome = "skipped" if isinstance(error, Unavailable) else "failed"
        for case in broken:
            board.add(Outcome(full_name(stage, case), outcome, time.monotonic() - started,
                              str(error)))


def work(order: list[Stage], queues: dict[Stage, Queue], programs: Programs,
         board: Board) -> None:
    """One worker: empties the queues of the stages in this order."""
    for stage in order:
        while queues[stage]:
            try:
                content = content_for(stage, programs)
            except LabError as error:
                outcome = "skipped" if isinstance(error, Unavailable) else "failed"
                for case in drain(queues[stage]):
                    board.add(Outcome(full_name(stage, case), outcome, 0, str(error)))
                break
            run_boot(stage, queues[stage], content, board)


def run_all(chosen: list[Stage], queues: dict[Stage, Queue], programs: Programs,
            jobs: int) -> list[Outcome]:
    """All tests, by several workers that begin with different stages. The workers are daemons:
    if this process is told to end they end with it, and their emulators with them."""
    board = Board()
    workers = [threading.Thread(target=work, daemon=True, args=(
        chosen[i % len(chosen):] + chosen[:i % len(chosen)], queues, programs, board))
        for i in range(jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        while worker.is_alive():
            worker.join(1)  # signals are handled between waits
    return board.outcomes


def made_for(stage: Stage) -> tuple[tuple[str, bytes], ...]:
    """Files that some tests need and that are made for them."""
    if stage.name == FIRMWARE_STAGE:
        return firmware_files()
    return smoke_files() if stage.name == SMOKE_STAGE else ()


def content_for(stage: Stage, programs: Programs) -> initrd.L1Content:
    known = kernels.load()
    kernel = kernels.find_l1(stage.l1)
    # Debian's 6.12 has no private memory; its guests are asked for the seal instead.
    private = stage.l1 != "6.12"
    return initrd.L1Content(
        kernel=kernel, sealvm=programs.sealvm,
        files=programs.named(SEAL_HELPERS + (L1_HELPERS if private else FIRMWARE_HELPERS)
                             + (KERNEL_HELPERS if stage.own_kernel else ())),
        made=made_for(stage),
        guest_kernels=tuple(k for k in known.values() if k.role == "guest"),
        guest_programs=programs.named(GUEST_HELPERS if private else SEAL_HELPERS),
        firmware=stage.name == FIRMWARE_STAGE,
        devices=None if stage.l1 == "patched-debug" else initrd.DeviceContent(
            programs.named(LOAD_HELPERS), extra=stage.l1 == "6.12"))


def select(stage: Stage, suite: str, only: str | None) -> list[Case]:
    return [case for case in cases.cases_for(stage, suite)
            if only is None or re.search(only, full_name(stage, case))]


def main() -> int:
    parser = argparse.ArgumentParser(description="run the lab's tests")
    parser.add_argument("--suite", choices=cases.SUITES, default="default",
                        help="which tests (default %(default)s)")
    parser.add_argument("--l1", action="append", choices=sorted({stage.l1 for stage in STAGES}),
                        help="only this L1 kernel")
    parser.add_argument("--only", metavar="REGEX", help="only tests whose name matches")
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE", help="write results there")
    parser.add_argument("--list", action="store_true", help="print the tests' names and end")
    parser.add_argument("--sealvm", type=pathlib.Path, default=ROOT / "bazel-bin" / "sealvm",
                        metavar="PATH", help="the program to test (default bazel-bin/sealvm)")
    parser.add_argument("--helpers", type=pathlib.Path, metavar="FOLDER",
                        default=ROOT / "bazel-bin",
                        help="Bazel's folder with the tests' own programs (default bazel-bin)")
    parser.add_argument("--jobs", type=int, choices=range(1, 9), metavar="N",
                        default=2 if (os.cpu_count() or 1) > 1 else 1,
                        help="how many labs at once (default %(default)s)")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end_orderly)

    chosen = [stage for stage in STAGES if options.l1 is None or stage.l1 in options.l1]
    if options.list:
        print("\n".join(full_name(stage, case) for stage in chosen
                        for case in select(stage, options.suite, options.only)))
        return 0
    queues = {stage: collections.deque(select(stage, options.suite, options.only))
              for stage in chosen}
    wanted = sum(len(queue) for queue in queues.values())
    # Resolved now: another build may turn the link bazel-bin elsewhere before the last L1 boots.
    programs = Programs(options.sealvm.resolve(), options.helpers.resolve())
    outcomes = run_all(chosen, queues, programs, options.jobs)
    if options.results is not None:
        options.results.write_text(
            json.dumps([dataclasses.asdict(o) for o in outcomes], indent=2) + "\n",
            encoding="utf-8")
    if len(outcomes) != wanted:
        print(f"only {len(outcomes)} of {wanted} tests have a result", file=sys.stderr)
        return 1
    return 1 if any(o.outcome == "failed" for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
