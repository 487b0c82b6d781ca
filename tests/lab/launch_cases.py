# SPDX-License-Identifier: Apache-2.0
"""Tests of how a sealed guest starts: its loader, its face, and what is changed under way."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.boots import INITRD, sealvm_run
from lab.case import Case, CheckFailed, expect, expect_exit, text_of
from lab.session import Result

EXIT_HOST_ERROR = 1


def check_tampered(name: str) -> Callable[[Result], None]:
    def check(result: Result) -> None:
        output, errors = text_of(result.stdout), text_of(result.stderr)
        expect("changed a byte at" in output, "nothing was changed")
        expect("@@" not in output, "the guest ran")
        expect_exit(result, EXIT_HOST_ERROR)
        expect(name in errors and errors.count("\n") == 1, f"not one line that names '{name}'")
    return check


def tampered_case() -> Case:
    run = sealvm_run("cloud-6.12", image="vmlinux", memory="256M",
                     extra=["--isolation", "sealed", "--events-fd", "3"])
    return Case("sealed/tampered-initrd", f"./tamper {INITRD} {run}",
                check_tampered(f"--initrd {INITRD}"), 120)


def check_test_program(blind: int) -> Callable[[Result], str]:
    """A GoogleTest program in L1: none of its tests failed, and all but those that would have to
    look into the guest's private memory passed."""
    def check(result: Result) -> str:
        output = text_of(result.stdout)
        ran = re.search(r"^\[==========\] (\d+) tests? .* ran\.", output, re.MULTILINE)
        passed = re.search(r"^\[  PASSED  \] (\d+) tests?\.$", output, re.MULTILINE)
        if ran is None or passed is None:
            raise CheckFailed("the program does not say that its tests passed")
        expect(int(ran[1]) > 0 and int(passed[1]) == int(ran[1]) - blind,
               f"{passed[1]} of {ran[1]} tests passed, all but {blind} expected")
        expect_exit(result, 0)
        return f"{passed[1]} of {ran[1]} tests"
    return check


def launch_cases() -> list[Case]:
    programs = [Case(f"sealed/{name}", f"./{name}", check_test_program(blind), 200)
                for name, blind in (("sealed_loader_test", 4), ("sealed_face_test", 0))]
    return [*programs, tampered_case()]
