# SPDX-License-Identifier: Apache-2.0
"""Runs the parts of ./check and counts their test cases."""

from __future__ import annotations

import argparse
import hashlib
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from types import FrameType

import fuzzing
from outcomes import (FAILED, PASSED, SKIPPED, Outcome, counts_line, from_build_events, from_lab,
                      one_line, report)

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON_TESTS = (("tests", "lab"), ("tools/setup.d", "."), ("tools/check.d", "."), ("kernel", "."),
                ("tools/hw-smoke.d", "."))
LAB_HELPERS = ("//guest-fw:sealvm_guest_fw", "//kernel/selftests:all",
               "//memory:guest_seal_test", "//tests/kvm:sealed_memfd_test",
               "//tests/lab/load:disk_load", "//tests/lab/load:stream_load",
               "//tests/lab/private_guest", "//tests/lab/secrecy:hold_secrets",
               "//tests/lab/secrecy:scan_inside", "//tests/lab/secrecy:scan_outside",
               "//tests/lab/tamper", "//tests/kvm:sealed_loader_test",
               "//tests/kvm/diag:sealed_face_test")
SANITIZER_COMPILER = "clang-19"
# Unit tests of the layers. Where part "asan" runs too, it runs them, and they are not compiled a
# second time for part "unit": that took a fifth of a whole run.
UNIT_TEST_FOLDERS = ("devices", "memory", "vmm")

# `bazel test` ends with 4 if the build worked but there is no test to run.
BAZEL_NO_TESTS = 4


def say(text: str) -> None:
    print(f"check: {text}", file=sys.stderr, flush=True)


def cache_folder() -> pathlib.Path:
    """The same rule as in tools/setup."""
    chosen = os.environ.get("SEALVM_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(chosen or os.path.join(base, "sealvm"))


def bazel_command(configuration: str | None) -> list[str]:
    """Bazel with an output base of its own for each sanitizer: one base would rebuild everything
    each time the compiler changes. A sanitizer's server ends soon after its only use. The
    variable BAZEL may hold another command, with startup options."""
    program = shlex.split(os.environ.get("BAZEL", "bazel"))
    if configuration is None:
        return program
    tree = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    base = cache_folder() / "bazel" / f"{configuration}-{tree}"
    return [*program, f"--output_base={base}", "--max_idle_secs=15"]


def all_targets() -> list[str]:
    """What `//...` means. Spelled out, because that pattern follows Bazel's convenience link into
    the execution root when the link belongs to another output base."""
    folders = [entry for entry in sorted(ROOT.iterdir())
               if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(".")]
    return ["//:all", *(f"//{folder.name}/..." for folder in folders
                        if next(folder.rglob("BUILD.bazel"), None) is not None)]


def run(command: list[str], **environment: str) -> int:
    """Runs a tool with its output on stderr and nothing on stdin."""
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr,
                          env={**os.environ, **environment}, check=False).returncode


def bazel_test(part: str, configuration: str | None, options: list[str],
               targets: list[str] | None = None) -> list[Outcome]:
    """`bazel test` in one configuration, of the whole tree unless told otherwise."""
    if shutil.which("bazel") is None:
        return [Outcome(part, SKIPPED, "bazel is missing; run tools/setup build")]
    if configuration is not None and shutil.which(SANITIZER_COMPILER) is None:
        return [Outcome(part, SKIPPED, f"{SANITIZER_COMPILER} is missing; run tools/setup test")]
    with tempfile.TemporaryDirectory(prefix="sealvm-check-") as folder:
        events = pathlib.Path(folder, "events.json")
        # Convenience links stay those of the release build.
        flags = ["-c", "opt"] if configuration is None else [f"--config={configuration}",
                                                             "--symlink_prefix=/"]
        code = run([*bazel_command(configuration), "test", *flags, "--keep_going",
                    "--noshow_progress", f"--build_event_json_file={events}", *options,
                    *(targets or all_targets())])
        outcomes = from_build_events(events, part) if events.exists() else []
    if code not in (0, BAZEL_NO_TESTS) and not any(o.outcome == FAILED for o in outcomes):
        outcomes.append(Outcome(part, FAILED, f"bazel test ended with {code}; see its output above"))
    if not outcomes:
        outcomes.append(Outcome(part, SKIPPED, "no test target has this part's tag"))
    return outcomes


class CountingResult(unittest.TextTestResult):
    """Keeps an outcome for each test."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.outcomes: dict[str, Outcome] = {}

    def _note(self, test: unittest.TestCase, outcome: str, reason: str = "") -> None:
        self.outcomes[test.id()] = Outcome(f"python/{test.id()}", outcome, reason)

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._note(test, PASSED)

    def addFailure(self, test, err) -> None:  # type: ignore[no-untyped-def]
        super().addFailure(test, err)
        self._note(test, FAILED, f"{err[0].__name__}: {err[1]}")

    def addError(self, test, err) -> None:  # type: ignore[no-untyped-def]
        super().addError(test, err)
        self._note(test, FAILED, f"{err[0].__name__}: {err[1]}")

    def addSubTest(self, test, subtest, err) -> None:  # type: ignore[no-untyped-def]
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, FAILED, f"{subtest}: {err[0].__name__}: {err[1]}")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._note(test, SKIPPED, reason)


def python_tests() -> list[Outcome]:
    """Unit tests of the tools, in this process."""
    outcomes: list[Outcome] = []
    for top, start in PYTHON_TESTS:
        folder = ROOT / top
        sys.path.insert(0, str(folder))
        suite = unittest.TestLoader().discover(str(folder / start), "*_test.py", str(folder))
        result = unittest.TextTestRunner(stream=sys.stderr, verbosity=0,
                                         resultclass=CountingResult).run(suite)
        assert isinstance(result, CountingResult)
        outcomes += result.outcomes.values()
    return outcomes


def unit() -> list[Outcome]:
    return python_tests() + bazel_test("unit", None, [])


def unit_beside_asan() -> list[Outcome]:
    left_out = {f"//{folder}/..." for folder in UNIT_TEST_FOLDERS}
    return python_tests() + bazel_test("unit", None, ["--build_tests_only"],
                                       [target for target in all_targets() if target not in left_out])


def asan() -> list[Outcome]:
    return bazel_test("asan", "asan", ["--build_tests_only"])


def tsan() -> list[Outcome]:
    return bazel_test("tsan", "tsan", ["--build_tests_only", "--test_tag_filters=tsan"])


def fuzz() -> list[Outcome]:
    """The fuzz targets with a corpus, under the sanitizers."""
    for program, setup in (("bazel", "build"), (SANITIZER_COMPILER, "test")):
        if shutil.which(program) is None:
            return [Outcome("fuzz", SKIPPED, f"{program} is missing; run tools/setup {setup}")]
    # What part "asan" built is used again.
    bazel = bazel_command("asan")
    flags = ["--config=asan", "--symlink_prefix=/"]
    corpora = ROOT / "tests" / "fuzz" / "corpus"
    names = fuzzing.targets(corpora)
    programs = [f"//tests/fuzz:{name}_fuzzer" for name in names]
    if run([*bazel, "build", *flags, "--noshow_progress", *programs]) != 0:
        return [Outcome("fuzz", FAILED, "a fuzz target does not build; see Bazel's output above")]
    found = subprocess.run([*bazel, "info", *flags, "bazel-bin"], cwd=ROOT, check=False,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if found.returncode != 0:
        return [Outcome("fuzz", FAILED, f"bazel info ended with {found.returncode}")]
    return fuzzing.run_all(names, pathlib.Path(found.stdout.strip(), "tests", "fuzz"), corpora)


def run_lab(part: str, suite: str) -> list[Outcome]:
    """Tests inside the nested lab, with the release binary."""
    if shutil.which("qemu-system-x86_64") is None:
        return [Outcome(part, SKIPPED, "qemu-system-x86_64 is missing; run tools/setup lab")]
    if shutil.which("bazel") is None:
        return [Outcome(part, SKIPPED, "bazel is missing; run tools/setup build")]
    targets = ["//:sealvm", *LAB_HELPERS]
    if run([*bazel_command(None), "build", "-c", "opt", "--noshow_progress", *targets]) != 0:
        return [Outcome(part, FAILED, f"{' or '.join(targets)} does not build")]
    with tempfile.TemporaryDirectory(prefix="sealvm-check-") as folder:
        results = pathlib.Path(folder, "results.json")
        code = run([sys.executable, "-B", "-m", "lab.runner", f"--suite={suite}",
                    f"--results={results}"],
                   PYTHONPATH=str(ROOT / "tests"))
        if not results.exists():
            return [Outcome(part, FAILED, f"its runner ended with {code} and left no results")]
        return from_lab(results)


def lab() -> list[Outcome]:
    return run_lab("lab", "default")


def soak() -> list[Outcome]:
    return run_lab("soak", "soak")


PARTS: dict[str, Callable[[], list[Outcome]]] = {
    "unit": unit, "lab": lab, "asan": asan, "tsan": tsan, "fuzz": fuzz, "soak": soak}

# Too long for every run.
ONLY_WHEN_NAMED = {"soak"}


def run_part(name: str, others: set[str]) -> list[Outcome]:
    """A part that breaks is a failed test, not the end of the others."""
    say(f"part {name}")
    started = time.monotonic()
    function = PARTS[name]
    if name == "unit" and "asan" in others and shutil.which(SANITIZER_COMPILER) is not None:
        function = unit_beside_asan
    try:
        outcomes = function()
    except Exception as error:  # pylint: disable=broad-except
        outcomes = [Outcome(name, FAILED, one_line(f"{type(error).__name__}: {error}"))]
    say(f"part {name}: {counts_line(outcomes)} in {time.monotonic() - started:.0f} s")
    return outcomes


def end_orderly(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--setup-failed", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="PART")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end_orderly)

    outcomes: list[Outcome] = []
    if options.setup_failed:
        outcomes.append(Outcome("setup", FAILED, "tools/setup failed; its last line says why"))
    chosen = [part for part in PARTS
              if part in options.parts or (not options.parts and part not in ONLY_WHEN_NAMED)]
    for part in chosen:
        outcomes += run_part(part, set(chosen))
    print(report(outcomes), flush=True)
    return 1 if any(o.outcome == FAILED for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
