# SPDX-License-Identifier: Apache-2.0
"""Runs the libFuzzer targets that have a corpus, each for some time from its corpus."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterable

from outcomes import FAILED, PASSED, Outcome, one_line

SECONDS = 60
# An input that takes longer is a failure, with room for a busy machine.
INPUT_SECONDS = 150
MEMORY_MIB = 2048
# What a failed target's input may add to the report.
SHOWN_BYTES = 256


def targets(corpora: pathlib.Path) -> list[str]:
    """A corpus folder NAME belongs to the program NAME_fuzzer."""
    return sorted(folder.name for folder in corpora.iterdir() if folder.is_dir())


def summary(output: str) -> str:
    """What a failed run said that tells most."""
    wanted = ("ERROR: ", "SUMMARY: ", "runtime error:", "does not hold:")
    lines = [line for line in output.splitlines() if any(word in line for word in wanted)]
    return one_line("\n".join(lines or output.splitlines()[-3:]))


def found_input(folder: pathlib.Path) -> str:
    files = sorted(folder.iterdir())
    if not files:
        return ""
    return f"; input in hex: {files[0].read_bytes()[:SHOWN_BYTES].hex()}"


def run_target(name: str, program: pathlib.Path, corpus: pathlib.Path, seconds: int) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="sealvm-fuzz-") as scratch:
        # New inputs go to the first folder, failing ones to the other.
        grown, failed = pathlib.Path(scratch, "grown"), pathlib.Path(scratch, "failed")
        grown.mkdir()
        failed.mkdir()
        command = [program, grown, corpus, f"-max_total_time={seconds}",
                   f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}",
                   f"-artifact_prefix={failed}/", "-print_final_stats=1", "-verbosity=0"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if done.returncode == 0:
            return Outcome(f"fuzz/{name}", PASSED)
        return Outcome(f"fuzz/{name}", FAILED, summary(done.stdout) + found_input(failed))


def run_all(names: Iterable[str], programs: pathlib.Path, corpora: pathlib.Path,
            seconds: int = SECONDS) -> list[Outcome]:
    """`programs` is where Bazel put the fuzzers. As many at once as there are processors."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        runs = [pool.submit(run_target, name, programs / f"{name}_fuzzer", corpora / name, seconds)
                for name in names]
        return [run.result() for run in runs]
