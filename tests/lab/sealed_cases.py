# SPDX-License-Identifier: Apache-2.0
"""The tests of private memory and of guests in it."""

from __future__ import annotations

import dataclasses
import re
import shlex
import statistics
from collections.abc import Callable

from lab.boots import EXIT_REFUSED, GUEST_KERNELS, boot_case, check_boot, sealvm_run
from lab.case import (Case, CheckFailed, expect, expect_exit, expect_line, number_after, section,
                      text_of, value_after)
from lab.session import Result

# The lab's TSC is too uneven for the kernel's watchdog.
CMDLINE = "console=ttyS0 quiet tsc=unstable"

# Providers of private memory, by --memory-provider. `auto` is guest_memfd where default VMs have it.
PROVIDERS = ("guest_memfd", "seal", "sw-protected")

BOOTS_IN_A_ROW = 20

# What a sealed boot may cost besides: the loader's report and the one MSR that is user space's.
MAX_MORE_EXITS = 2
MAX_SLOWDOWN = 1.15
TIMED_PAIRS = 3


def check_private_guest(mmio: str) -> Callable[[Result], None]:
    """A guest in memory that KVM cannot read did all it should, and MMIO ended as said."""
    def check(result: Result) -> None:
        expect_exit(result, 0)
        expect_line(result, "host cannot read")
        expect_line(result, f"mmio {mmio}")
    return check


def check_private_guest_stops(result: Result) -> None:
    """What the patches of QEMU are for: the guest lives, until KVM has to fetch an instruction."""
    expect_line(result, "host cannot read")
    expect_line(result, "step cr3")
    expect(value_after(result, "failed").startswith("cr0-write-and-read:"),
           "the guest did not fail where stock QEMU must make it fail")
    expect_exit(result, 1)


def private_memory_case(check: Callable[[Result], None]) -> Case:
    return Case("private-memory", "./private_guest", check, 90)


def check_sealed_refused(reason: str) -> Callable[[Result], None]:
    """Never a downgrade: exit code 5 and what is missing."""
    def check(result: Result) -> None:
        expect_exit(result, EXIT_REFUSED)
        expect(reason in text_of(result.stderr), f"no word of '{reason}'")
    return check


def sealed_refused_case(reason: str, provider: str = "auto") -> Case:
    return Case("/".join(["sealed/refused", *name_of(provider)]),
                f"sealvm run {shlex.join(mode_words('sealed', provider))} </dev/null",
                check_sealed_refused(reason), 60)


def name_of(provider: str) -> list[str]:
    """A part of a case's name, if it is special."""
    return [] if provider == "auto" else [provider]


def mode_words(mode: str, provider: str = "auto") -> list[str]:
    return ["--isolation", mode,
            *(["--memory-provider", provider] if provider != "auto" else [])]


def run_in_mode(mode: str, *, kernel: str = "cloud-6.12", cpus: int = 1, memory_mib: int = 512,
                words: str = "", provider: str = "auto") -> str:
    """Two modes' runs differ in nothing but the mode."""
    return sealvm_run(kernel, cpus=cpus, memory=f"{memory_mib}M", cmdline=f"{CMDLINE} {words}",
                      extra=mode_words(mode, provider))


def sealed_case(kernel: str, *, cpus: int, image: str = "vmlinuz", memory_mib: int = 512,
                provider: str = "auto") -> Case:
    """A stock kernel all of whose memory is private."""
    name = "/".join(["sealed", *name_of(provider), kernel, image, f"{cpus}-cpu", f"{memory_mib}M"])
    return boot_case(name, kernel, image=image, cpus=cpus, memory_mib=memory_mib, cmdline=CMDLINE,
                     extra=mode_words("sealed", provider), limit=400)


def sealed_boots(memory_mib: int = 512, provider: str = "auto") -> list[Case]:
    return [sealed_case(kernel, cpus=cpus, memory_mib=memory_mib, provider=provider)
            for kernel in GUEST_KERNELS for cpus in (1, 2)]


def part(result: Result, name: str) -> Result:
    """The result as if the command had printed nothing but this section."""
    return dataclasses.replace(result, stdout=section(result, name).encode())


def check_boots_in_a_row(boots: int = BOOTS_IN_A_ROW) -> Callable[[Result], str]:
    def check(result: Result) -> str:
        failures = []
        for i in range(1, boots + 1):
            boot = part(result, f"boot {i}")
            try:
                check_boot(2, 512)(
                    dataclasses.replace(boot, exit_code=number_after(boot, "status")))
            except CheckFailed as failure:
                failures.append(f"boot {i}: {failure}")
        expect(not failures, f"{len(failures)} of {boots} boots failed: {'; '.join(failures)}")
        return f"{boots} of {boots} boots"
    return check


def boots_in_a_row_case(boots: int = BOOTS_IN_A_ROW, provider: str = "auto") -> Case:
    script = (f"for i in $(seq {boots}); do echo \"== boot $i\"; "
              f"{run_in_mode('sealed', cpus=2, provider=provider)}; echo \"status=$?\"; done")
    return Case("/".join(["sealed", *name_of(provider), f"{boots}-boots"]), script,
                check_boots_in_a_row(boots), 200 * boots)


def exits_case() -> Case:
    """What sealed costs until the guest's init in exits to user space, against none in the same
    L1."""
    script = "\n".join(
        f"echo '== exits {mode}'; exits-until-init {run_in_mode(mode, words='hold=6')}"
        for mode in ("none", "sealed"))
    return Case("sealed/exits-until-init", script, check_more_exits, 400)


def check_more_exits(result: Result) -> str:
    none, sealed = (number_after(part(result, f"exits {mode}"), "exits")
                    for mode in ("none", "sealed"))
    measured = f"exits to user space until init: none {none}, sealed {sealed}"
    expect(0 < none and sealed <= none + MAX_MORE_EXITS, measured)
    return measured


def cost_case() -> Case:
    """The time until the guest's init against none, in the same L1, in turns."""
    times = [f"echo '== time {mode} {i}'; seconds-until-init {run_in_mode(mode)}"
             for i in range(TIMED_PAIRS) for mode in ("none", "sealed")]
    return Case("sealed/cost", "\n".join(times), check_cost, 1000)


def seconds_of(result: Result, mode: str) -> float:
    """The median of a mode's times until init."""
    values = [value_after(part(result, f"time {mode} {i}"), "seconds") for i in range(TIMED_PAIRS)]
    for value in values:
        expect(re.fullmatch(r"\d+\.\d+", value) is not None,
               f"a guest in mode {mode} did not reach its init")
    return statistics.median(float(value) for value in values)


def check_cost(result: Result) -> str:
    none, sealed = seconds_of(result, "none"), seconds_of(result, "sealed")
    measured = f"seconds until init: none {none:.2f}, sealed {sealed:.2f}, " \
               f"ratio {sealed / none:.2f}"
    expect(sealed <= none * MAX_SLOWDOWN, measured)
    return measured
