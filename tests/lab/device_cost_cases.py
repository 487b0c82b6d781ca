# SPDX-License-Identifier: Apache-2.0
"""What virtio devices cost: exits to user space, and speed beside QEMU's microvm."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable

from lab.case import Case, CheckFailed, expect, section, text_of
from lab.device_cases import expect_end, script_case
from lab.session import Result

# The guest's jobs (guest/devices/reads): random reads of 4 KiB, and MiB read in order.
RANDOM_READS = 2000
SEQUENTIAL_MIB = 64
# Exits to user space per read and per MiB where interrupts are messages.
MAX_EXITS_PER_READ = 0.02
MAX_EXITS_PER_MIB = 0.1
# With registers in I/O space an interrupt's cause is read from one; a timer may add a few.
MAX_STRAY_EXITS = 20

# QEMU's median share of the speeds, at least; scatter here is large.
WANTED = {"random-read": 1.2, "sequential-read": 1.2, "up": 1.0, "down": 1.0}
SCATTER = 0.8


def exits_of(result: Result) -> list[int]:
    exits = [int(number) for number in re.findall(r"^exits (\d+)$", text_of(result.stdout),
                                                  re.MULTILINE)]
    if len(exits) != 2:
        raise CheckFailed(f"exits were counted {len(exits)} times, not twice")
    return exits


def check_message_exits(result: Result) -> str:
    random, sequential = exits_of(result)
    expect_end(result)
    measured = (f"exits to user space: {random} in {RANDOM_READS} reads, {sequential} in "
                f"{SEQUENTIAL_MIB} MiB")
    expect(random <= MAX_EXITS_PER_READ * RANDOM_READS, measured)
    expect(sequential <= MAX_EXITS_PER_MIB * SEQUENTIAL_MIB, measured)
    return measured


def check_port_exits(result: Result) -> str:
    exits = exits_of(result)
    interrupts = [int(n) for n in re.findall(r"^@@INTERRUPTS \S+ (\d+)$", text_of(result.stdout),
                                             re.MULTILINE)]
    expect_end(result)
    measured = f"exits to user space {exits}, interrupts {interrupts}"
    expect(len(interrupts) == 2 and interrupts[0] > 0, measured)
    for left, most in zip(exits, interrupts):
        expect(left <= most + MAX_STRAY_EXITS, measured)
    return measured


def exits_case(bars: str, mode: str = "none") -> Case:
    check: Callable[[Result], str] = check_port_exits if bars == "io" else check_message_exits
    return script_case(f"devices/exits/{mode}-{bars}", "exits-between", check,
                       options=f"--isolation {mode} --pci-bars {bars}")


def speeds(result: Result, name: str) -> dict[str, float]:
    """What a guest reached, by job: operations or MiB a second, the better of its tries."""
    found: dict[str, float] = {}
    for job, count, seconds in re.findall(
            r"^(?:disk|stream) (\S+) (?:count|mib)=(\d+) seconds=([0-9.]+)$", section(result, name),
            re.MULTILINE):
        found[job] = max(found.get(job, 0.0), int(count) / float(seconds))
    missing = [job for job in WANTED if job not in found]
    expect(not missing, f"{name}: no speed of {missing}")
    return found


def check_rates(pairs: int) -> Callable[[Result], str]:
    def check(result: Result) -> str:
        runs = {name: [speeds(result, f"{name} {i}") for i in range(1, pairs + 1)]
                for name in ("sealvm", "mmio", "pci")}
        ratios = {name: {job: statistics.median(own[job] / other[job] for own, other
                                                in zip(runs["sealvm"], runs[name]))
                         for job in WANTED} for name in ("mmio", "pci")}
        measured = "; ".join(
            f"{job}: {statistics.median(run[job] for run in runs['sealvm']):.0f}/s, QEMU's times "
            f"{ratios['mmio'][job]:.2f} (mmio), {ratios['pci'][job]:.2f} (pci)" for job in WANTED)
        for job, wanted in WANTED.items():
            expect(ratios["mmio"][job] >= wanted * SCATTER, measured)
        return measured
    return check


def rates_case(pairs: int = 3) -> Case:
    return script_case("devices/rates", f"rates {pairs}", check_rates(pairs), limit=400 * pairs)
