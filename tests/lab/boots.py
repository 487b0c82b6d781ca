# SPDX-License-Identifier: Apache-2.0
"""Tests that boot one of the lab's guest kernels, and what they have in common."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from typing import Any

from lab.case import Case, expect, expect_exit, expect_line, number_after
from lab.session import Result

INITRD = "/kernels/initrd.cpio.gz"
GUEST_KERNELS = ("cloud-6.1", "cloud-6.12", "cloud-7.x")
KERNEL_FILES = ("vmlinuz", "vmlinux")

# What the memory map leaves out of the memory asked for: the PC's hole below 1 MiB, and pages the
# VMM keeps for itself.
HOLES_KIB = 1024

EXIT_PANIC = 3
EXIT_TIMEOUT = 4
EXIT_REFUSED = 5


def sealvm_run(kernel: str, *, image: str = "vmlinuz", cpus: int = 1, memory: str = "256M",
               cmdline: str = "console=ttyS0 quiet", initrd: str | None = INITRD,
               extra: Iterable[str] = ()) -> str:
    """A shell command line that boots one of the lab's guest kernels."""
    words = ["sealvm", "run", "--kernel", f"/kernels/{kernel}/{image}", "--cpus", str(cpus),
             "--memory", memory, "--cmdline", cmdline, *extra]
    if initrd is not None:
        words += ["--initrd", initrd]
    return shlex.join(words) + " </dev/null"


def check_boot(cpus: int, memory_mib: int) -> Callable[[Result], None]:
    """The guest reached its init, sees every vCPU and all memory, and powered off."""
    def check(result: Result) -> None:
        expect_line(result, "@@INIT")
        expect(number_after(result, "@@CPUS") == cpus,
               f"the guest sees {number_after(result, '@@CPUS')} vCPUs of {cpus}")
        ram, given = number_after(result, "@@RAMKIB"), memory_mib * 1024
        expect(given - HOLES_KIB <= ram <= given, f"the guest sees {ram} KiB of {given}")
        expect_line(result, "@@READY")
        expect_exit(result, 0)
    return check


def boot_case(name: str, kernel: str, *, cpus: int, memory_mib: int = 256, limit: float = 240,
              **options: Any) -> Case:
    script = sealvm_run(kernel, cpus=cpus, memory=f"{memory_mib}M", **options)
    return Case(name, script, check_boot(cpus, memory_mib), limit)
